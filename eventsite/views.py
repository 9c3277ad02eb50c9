"""Pages of no app: the demo's button."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from events.models import Member, Role
from events.views.page import log_page
from eventsite.demo.live import start_live
from eventsite.demo.seeding import check_place


@require_POST
@log_page(Role.OPERATOR)
def run_demo(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/demo`: let the demo's agents play a shift in this log, and go to watch it."""
    check_place(member.log)
    if async_to_sync(start_live)(member.log):
        messages.success(request, "The demo agents are at work. It takes 40 seconds; their events appear here.")
    else:
        messages.warning(request, "The demo agents are at work in this log already: one run at a time.")
    return redirect("timeline", member.log.name)
