"""What the fields of a filter complete to: names that the log has seen."""

from __future__ import annotations

from typing import cast, get_args

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from events import store
from events.errors import NotFound
from events.forms import TimelineForm
from events.models import Member
from events.store import NameSeen
from events.views.page import log_page

MOST = 20


@require_safe
@log_page()
def seen(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/seen/<name>?<name>=<beginning>`: options for a datalist."""
    if name not in get_args(NameSeen):
        raise NotFound
    form = TimelineForm(request.GET)
    form.is_valid()
    prefix = form.cleaned_data.get(name, "").removesuffix("*")
    names = store.names_seen(member.log_id, cast("NameSeen", name), prefix=prefix, limit=MOST).fetch()
    return render(request, "events/_seen.html", {"names": names})
