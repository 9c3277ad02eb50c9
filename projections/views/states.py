"""The page of a projection's states, ordered by key: those that begin with a prefix and fit a query."""

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
from events.views.representation import format_of
from projections import registry
from projections.definition.projection import STREAM, Projection
from projections.states import current
from projections.states.at_moment import State
from projections.states.fold import TooFar
from projections.states.kept import ListedState
from projections.states.moment import NOW
from projections.values.change import Json
from projections.views.forms import StatesForm
from projections.views.other_formats import api_url, states_md
from projections.views.pending_job import pending_state_job

ROWS = 50
_EMPTY_CONTEXT: dict[str, Any] = {
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
    """A state on a line. `summary` has its most telling members: their names and values, shortened."""

    key: str
    state: State
    error: str | None
    summary: list[tuple[str, str]]


@require_safe
@log_page()
def states(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/projections/<name>/states`, with `?prefix=`, `?q=state.balance<0`, `?after=` a key, `?format=`."""
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
        **_EMPTY_CONTEXT,
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
        return {"job": pending_state_job(request, member, projection, too_far.source.name, at=NOW, too_far=too_far)}
    except Invalid as error:
        return {"unknown": error.detail}
    rows = [_row(each) for each in page.states]
    return {"states": rows, "next": page.next, "position": page.position, "stale": page.stale}


def _row(listed: ListedState) -> StateRow:
    value = {} if listed.error else listed.state.value
    items = list(value.items()) if isinstance(value, dict) else [("", value)]
    dull_values: tuple[object, ...] = (None, "", {}, [], listed.key)
    pairs = [(key, value) for key, value in items if value not in dull_values] or items
    pairs.sort(key=_dullness)
    summary = [(visible(key), shortened(brief(value), _MAX_CHARACTERS)) for key, value in pairs[:_MAX_PAIRS]]
    return StateRow(listed.key, listed.state, listed.error, summary)


def _dullness(pair: tuple[str, Json]) -> int:
    """Return the rank of a key: plain values come first, then 0, then containers, whose items are not shown."""
    return 2 if isinstance(pair[1], dict | list) else 1 if pair[1] == 0 else 0
