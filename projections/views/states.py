"""States by key: those that begin with a prefix and fit a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from events.errors import Invalid
from events.json.value import brief, shortened, visible
from events.models import Member
from events.reading.db_work import run
from events.views.page import log_page, show
from projections import registry
from projections.definition.projection import STREAM, Projection
from projections.states import current
from projections.states.fold import TooFar
from projections.states.kept import Found
from projections.states.moment import NOW
from projections.values.change import Json
from projections.views.forms import StatesForm
from projections.views.other_formats import api_url, format_of, states_md
from projections.views.pending_job import computed

ROWS = 50
_NOTHING: dict[str, Any] = {
    "job": None,
    "unknown": "",
    "states": [],
    "next": None,
    "position": None,
    "stale": None,
    "rows": ROWS,
}
_MAX_PAIRS = 6
_MAX_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class StateRow:
    """A state on a line: its first keys and their values, shortened."""

    found: Found
    said: list[tuple[str, str]]


@require_safe
@log_page()
def states(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/projections/<name>/states`: by key, `?prefix=`, `?q=state.balance<0`; `?format=`."""
    projection = registry.get(name)
    if (kind := format_of(request)) == "json":
        query = {name: request.GET.get(name) for name in ("prefix", "q", "after")}
        return redirect(api_url(member, f"/{name}/states", **query))
    form = StatesForm(request.GET)
    context: dict[str, Any] = {
        "here": "projections",
        "projection": projection,
        "form": form,
        "prefix": request.GET.get("prefix", ""),
        "q": request.GET.get("q", ""),
        "is_begun": "after" in request.GET,
        "by_stream": projection.key is STREAM,
        **_NOTHING,
    }
    if form.is_valid():
        context |= _listed(request, member, projection, form.cleaned_data)
        if kind == "md":
            return states_md(member, name, context)
    status = 200 if form.is_valid() else 400
    template, partial = "projections/states.html", "projections/_states.html"
    return show(request, member, template=template, partial=partial, context=context, status=status)


def _listed(request: HttpRequest, member: Member, projection: Projection, fields: dict[str, Any]) -> dict[str, Any]:
    after = fields["after"] if "after" in request.GET else None
    work = current.states(
        member.log_id, projection, query=fields["q"], after=after, limit=ROWS, prefix=fields["prefix"]
    )
    try:
        page = run(work)
    except TooFar as too_far:
        return {"job": computed(request, member, projection, too_far.source.name, at=NOW, too_far=too_far)}
    except Invalid as error:
        return {"unknown": error.detail}
    rows = [_row(found) for found in page.found]
    return {"states": rows, "next": page.next, "position": page.position, "stale": page.stale}


def _row(found: Found) -> StateRow:
    state = {} if found.error else found.state.value
    items = list(state.items()) if isinstance(state, dict) else [("", state)]
    dull_values: tuple[object, ...] = (None, "", {}, [], found.key)
    telling = [(key, value) for key, value in items if value not in dull_values] or items
    telling.sort(key=_dullness)
    return StateRow(
        found, [(visible(key), shortened(brief(value), _MAX_CHARACTERS)) for key, value in telling[:_MAX_PAIRS]]
    )


def _dullness(pair: tuple[str, Json]) -> int:
    """Return the rank of a key: plain values come first, then 0, then containers, whose items are not shown."""
    return 2 if isinstance(pair[1], dict | list) else 1 if pair[1] == 0 else 0
