"""The page that lists the subscriptions of a log: who takes what, how far they are, and what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.models import Member
from events.subscriptions.overview import Overview, marks, overviews
from events.views.forms import SubscriptionsForm
from events.views.page import log_page, show
from events.views.representation import format_of
from events.views.subscriptions.markdown import subscriptions_md
from events.views.subscriptions.places import places
from events.views.subscriptions.shared_read import SharedRead
from events.views.subscriptions.standing import Row, Standing
from events.views.subscriptions.trend import trend

ROWS = 100
_ATTENTION_ROWS = 3
SEEN = "X-Seen"
"""In this header an open page sends the version of what it shows, and is answered only if there is another."""

_overviews: SharedRead[list[Overview]] = SharedRead()


@require_safe
@log_page()
def subscriptions(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/subscriptions/`: by name, after `?after=`. `?show=` and `?breaker=` leave the others out.

    `?format=` as `representation.py` describes. A page that is open asks again with the header `X-Seen`.
    """
    if (kind := format_of(request)) == "json":
        return redirect(f"/api/subscriptions?{urlencode({'log': member.log.name})}")
    seen = request.headers.get(SEEN)
    shown = _overviews.get(member.log_id, lambda: overviews(member.log_id), is_new=seen is None)
    version = version_of(shown)
    if seen == version:
        return HttpResponse(status=204)
    rows = rows_of(shown)
    if kind == "md":
        return subscriptions_md(member, rows)
    form = SubscriptionsForm(request.GET)
    context = {"here": "subscriptions", "form": form, "seen": version, "now": timezone.now(), **_chosen(form, rows)}
    if rows:
        context["places"] = _places(member, context["rows"])
    status = 200 if form.is_valid() else 400
    template, partial = "events/subscriptions.html", "events/_subscriptions.html"
    return show(request, member, template=template, partial=partial, context=context, status=status)


def rows_of(shown: Sequence[Overview]) -> list[Row]:
    """Return the subscriptions with their trends up to now."""
    now = timezone.now()
    return [Row(overview, trend(overview.lags, overview.behind, now)) for overview in shown]


def version_of(shown: object) -> str:
    """Return a short text that is another one when what a page shows is. Ages are no part of it: scripts count them."""
    return sha256(repr(shown).encode()).hexdigest()[:16]


def _chosen(form: SubscriptionsForm, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the rows that the form asks for, and how many there are of each kind and state of the breaker."""
    fields = form.cleaned_data if form.is_valid() else {}
    show, breaker, after = (fields.get(name, "") for name in ("show", "breaker", "after"))
    of_kind = [row for row in rows if _is_of_kind(row, show)]
    of_breaker = [row for row in rows if breaker in ("", row.breaker)]
    chosen = [row for row in of_kind if breaker in ("", row.breaker) and row.overview.status.name > after]
    looks = [row for row in rows if row.standing.needs_a_look]
    worst = sorted(looks, key=lambda row: list(Standing).index(row.standing))
    return {
        "show": show,
        "breaker_kind": breaker,
        "all_rows": len(rows),
        "counts": {kind: sum(_is_of_kind(row, kind) for row in of_breaker) for kind in ("", "look", "paused")},
        "breaker_counts": Counter({"": len(of_kind)}) + Counter(row.breaker for row in of_kind),
        "has_breakers": any(row.breaker != "none" for row in rows),
        "rows": chosen[:ROWS],
        "has_more": len(chosen) > ROWS,
        "is_begun": bool(after),
        "attention": worst[:_ATTENTION_ROWS],
        "subscriptions_due": len(looks) or "",
    }


def _is_of_kind(row: Row, kind: str) -> bool:
    return not kind or (row.standing.needs_a_look if kind == "look" else row.standing is Standing.PAUSED)


def _places(member: Member, rows: Sequence[Row]) -> Any:
    shown = [row.overview for row in rows]
    head = max([each.status.head for each in shown], default=member.log.head)
    return places(shown, marks(member.log_id, head, [each.status.number for each in shown]), head)
