"""The views of no app: the demo's button, and the answer of a page that fails."""

from __future__ import annotations

import sys

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST
from django.views.defaults import server_error

from events.engine import no_answer
from events.errors import QueryTimeout
from events.models import Member, Role
from events.views.page import log_page
from eventsite.demo.live import start_live
from eventsite.demo.seeding import check_place


@require_POST
@log_page(Role.OPERATOR)
def run_demo(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/demo`: start a shift of the demo's agents in this log, and redirect to its timeline."""
    check_place(member.log)
    if async_to_sync(start_live)(member.log):
        messages.success(request, "The demo agents are at work for 47 seconds. Their events appear here.")
    else:
        messages.warning(request, "The demo agents are at work in this log already. A log takes one run at a time.")
    return redirect("timeline", member.log.name)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer an exception: 503 if the database can't be reached, has no free connection, or stopped a slow query."""
    error = sys.exception()
    if not isinstance(error, OperationalError | InterfaceError):
        return server_error(request)
    refusal = no_answer(error)
    context = {"heading": "The database can’t answer at the moment", "words": "Try again in a moment."}
    if isinstance(refusal, QueryTimeout):
        context = {"heading": refusal.title(), "words": refusal.detail}
    page = render_to_string(
        "refused.html", context
    )  # without the request, whose person would be read from the database
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return HttpResponse(page, status=refusal.status, headers=headers)
