"""OTLP over HTTP, below `/v1/`: the operations of `events/api/otlp.py`, with the errors that exporters understand."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from events.api.otlp import note_refusal, router
from events.api.otlp_answers import PROTOBUF, is_json, refused_answer
from events.errors import EventsError
from eventsite.api_errors import answer_errors

PREFIX = "/v1/"
api = NinjaAPI(title="OTLP", urls_namespace="otlp", docs_url=None, openapi_url=None)
api.add_router("", router)


def refuse(scope: dict[str, Any], error: EventsError) -> HttpResponse:
    """Answer a request that no operation has seen."""
    return refused_answer(error, is_json=dict(scope["headers"]).get(b"content-type") != PROTOBUF.encode())


def _refuse(request: HttpRequest, error: EventsError) -> HttpResponse:
    note_refusal(request, error)
    return refused_answer(error, is_json=is_json(request))


answer_errors(api, _refuse)
