"""The page of what could not be done: dead letters of subscriptions and parked keys of projections, by fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.models import Member
from events.reading.db_work import run
from events.subscriptions.letters import reads
from events.subscriptions.letters.asking import ANY_LETTER
from events.views.page import log_page, show
from events.views.representation import format_of
from projections.dead_letters.views.forms import DeadLettersForm
from projections.dead_letters.views.groups import (
    MAX_DONE,
    STATES,
    LetterGroup,
    counts_by_state,
    in_order,
    letter_groups,
)
from projections.dead_letters.views.jobs import letters_jobs
from projections.dead_letters.views.other_formats import api_url, dead_letters_md
from projections.dead_letters.views.parked import ParkedGroup, keys_of, parked_groups

ROWS = 50
_FEW_ROWS = 8
"""The letters that are shown of a group that nobody has opened: the other groups stay in sight."""
ORDER_HEADER = "X-Order"
"""In this header a page that follows the present sends the ids of its groups, in the order in which they stand."""
_EMPTY_CONTEXT: dict[str, Any] = {
    "groups": [], "parked_groups": [], "opened": None, "letters": None, "keys": [], "is_other_order": False,
    "error_types": {},
}  # fmt: skip
"""The context of a page whose form can't be read."""


@require_safe
@log_page()
def dead_letters(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/dead-letters/`: those that nobody has decided, or those of `?state=`.

    `?subscription=` shows those of one, and `?q=` those that fit what is asked (`asking.py`). `?open=` names the group
    whose letters are shown, by default the first one; they go on after the letter `?after=`. `?format=json` is the API.
    """
    form = DeadLettersForm(request.GET)
    if (kind := format_of(request)) == "json":
        [state, *others] = STATES.get(request.GET.get("state", ""), (None, None))
        names = {name: request.GET.get(name) for name in ("subscription", "q")}
        return redirect(api_url(member, "", state=None if others else state, **names))
    now = timezone.now()
    context: dict[str, Any] = {
        **_EMPTY_CONTEXT,
        "here": "dead-letters",
        "form": form,
        "q": request.GET.get("q", ""),
        "subscription": "",
        "state": "undecided",
        "counts": counts_by_state(member.log_id),
        "jobs": letters_jobs(member.log_id),
        "max_done": MAX_DONE,
        "now": now,
        "day_ago": now - timedelta(days=1),
    }
    if form.is_valid():
        context |= _listed(member, form, seen=request.headers.get(ORDER_HEADER, "").split())
        if kind == "md":
            return dead_letters_md(member, context)
    template, partial = "projections/dead_letters/dead_letters.html", "projections/dead_letters/_dead_letters.html"
    status = 200 if form.is_valid() else 400
    return show(request, member, template=template, partial=partial, context=context, status=status)


def _listed(member: Member, form: DeadLettersForm, *, seen: Sequence[str]) -> dict[str, Any]:
    """Return the context with the groups, in the order that was `seen`, and with the content of the open one."""
    fields, selection = form.cleaned_data, run(reads.resolved(member.log_id, form.selection))
    by_size = run(letter_groups(member.log_id, selection))
    groups = in_order(by_size, seen)
    is_narrow = bool(form.selection.query or selection.subscription or selection.terms != ANY_LETTER)
    parked = [] if is_narrow else parked_groups(member.log_id, fields["state"])
    all_groups: list[LetterGroup | ParkedGroup] = [*groups, *parked]
    opened = next((group for group in all_groups if fields["open"] in ("", group.id)), None)
    names = {name: fields[name] for name in ("state", "subscription")}
    context = {**names, "groups": groups, "parked_groups": parked, "opened": opened}
    if isinstance(opened, LetterGroup):
        limit = ROWS if fields["open"] else _FEW_ROWS
        of_group = replace(selection, subscription=opened.fault.subscription, fault=opened.fault.fault)
        context["letters"] = run(reads.letters(member.log_id, of_group, after=fields["after"], limit=limit))
    elif opened:
        context["keys"] = run(keys_of(member.log_id, opened))
    error_types = {group.fault.fault: group.fault.error_type for group in groups}
    return {**context, "is_other_order": groups != by_size, "error_types": error_types}
