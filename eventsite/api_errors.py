"""The errors of an API: whatever is raised becomes an error of the log, and its answer."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from events.engine import DatabaseAway, no_answer
from events.errors import BadRequest, EventsError, TooLarge

logger = logging.getLogger(__name__)

Answer = Callable[[HttpRequest, EventsError], HttpResponse]


def answer_errors(api: NinjaAPI, answer: Answer) -> None:
    """Answer all that operations of an API raise."""

    @api.exception_handler(EventsError)
    def refuse(request: HttpRequest, error: EventsError) -> HttpResponse:
        """Answer an error of the log or of projections."""
        return answer(request, error)

    @api.exception_handler(SuspiciousOperation)
    def refuse_suspicious(request: HttpRequest, error: SuspiciousOperation) -> HttpResponse:
        """Answer a request that Django refuses, for example for too many parameters."""
        return answer(request, BadRequest(str(error)))

    @api.exception_handler(RequestDataTooBig)
    def refuse_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
        """Answer a request over the size limit."""
        limit = settings.EVENTSITE.request_max_bytes
        return answer(request, TooLarge(f"The request has more than {limit:,} bytes.", field="body", limit=limit))

    @api.exception_handler(DisallowedHost)
    def refuse_host(request: HttpRequest, error: DisallowedHost) -> HttpResponse:
        detail = "This server does not serve this host: add the host to EVENTSITE_ALLOWED_HOSTS."
        return answer(request, BadRequest(detail))

    @api.exception_handler(DatabaseAway)
    @api.exception_handler(OperationalError)
    def wait_for_database(request: HttpRequest, error: Exception) -> HttpResponse:
        """Answer a request that the database did not answer. (Appends get their answers from the writer.)"""
        logger.warning("%s %r: %s", request.method, request.path, str(error).strip() or type(error).__name__)
        return answer(request, no_answer(error))

    @api.exception_handler(Exception)
    def fail(request: HttpRequest, error: Exception) -> HttpResponse:
        """Answer a defect: its traceback is in the log, and not in the answer."""
        logger.error("%s %r failed", request.method, request.path, exc_info=error)
        return answer(request, EventsError("The server failed to answer this request; its log says why."))
