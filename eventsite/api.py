"""The one NinjaAPI: what it serves, how it is described, how errors become problems."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from events import openapi
from events.answers import problem_answer
from events.api import router
from events.errors import EventsError, Invalid

logger = logging.getLogger(__name__)


class EventsiteAPI(NinjaAPI):
    """Adds the schemas of the bodies that msgspec reads and writes."""

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**kwargs)
        schema["components"].setdefault("schemas", {}).update(openapi.components())
        return schema


class BadHost(Invalid):
    """This host is not served here."""

    code = "bad-host"
    status = 400


api = EventsiteAPI(
    title="Eventsite",
    version="1",
    description="Append events, read them, follow them. A token names the log.",
    urls_namespace="api",
)
api.add_router("", router)


@api.exception_handler(EventsError)
def refuse(request: HttpRequest, error: EventsError) -> HttpResponse:
    """Everything the log refuses."""
    return problem_answer(error)


@api.exception_handler(DisallowedHost)
def refuse_host(request: HttpRequest, error: DisallowedHost) -> HttpResponse:
    return problem_answer(BadHost("Add the host to EVENTSITE_ALLOWED_HOSTS, or use one that is there."))


@api.exception_handler(Exception)
def fail(request: HttpRequest, error: Exception) -> HttpResponse:
    """A defect: the log says what, the answer doesn't."""
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem_answer(EventsError("Something went wrong here; the server's log says what."))
