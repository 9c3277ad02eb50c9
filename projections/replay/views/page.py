"""The replay debugger: a source of events and a projection, step by step."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.errors import Invalid, NoSuchEvent, NotFound
from events.json.tree import Links
from events.models import Member
from events.reading.db_work import run
from events.views.event import whole_text
from events.views.page import log_page, show
from projections import registry
from projections.replay.address import Address, asked_of
from projections.replay.extent import Extent, extent
from projections.replay.shown import Seen, look
from projections.replay.views.copies import copied, formats
from projections.replay.views.event_pane import replay_event
from projections.replay.views.kept_window import HEADER, follow_path, window
from projections.replay.views.seek import Stand
from projections.replay.views.state_pane import part_of, replay_state, tree_context
from projections.replay.views.steps_pane import replay_steps
from projections.replay.window import Replay, place_of, replay
from projections.states.fold import Fold
from projections.states.sources.base import Source
from projections.states.sources.indexed import AgentSource, StreamSource, WorkflowSource
from projections.states.sources.keyed import ScannedSource
from projections.states.sources.parse import parse_source, source_of
from projections.states.sources.query import QuerySource

_DEFAULT = "latest"
_SPEEDS = (
    ("¼×", 4000), ("½×", 2000), ("1×", 1000), ("2×", 500), ("4×", 250), ("8×", 125), ("16×", 62), ("32×", 31)
)  # fmt: skip
"""Milliseconds that a step is shown for while it plays."""
_HERE: dict[type[Source], str] = {WorkflowSource: "workflows", StreamSource: "streams"}
"""The entry of the navigation that a source belongs to."""


@require_safe
@log_page()
def replay_page(request: HttpRequest, member: Member, kind: str, step: int, name: str = "") -> HttpResponse:
    """`/logs/<log>/replay/<kind>/<name>/<step>`; `by` names the projection, `why` a value whose history is shown.

    `?step=` goes to a step by its number, `?place=` by its place; `?text=` shows one long text of the state whole,
    `?format=` is a copy of it.
    """
    projection = registry.get(request.GET.get("by") or _DEFAULT)
    source = _source(kind, name or request.GET.get("name", ""), request.GET.get("q", ""))
    if isinstance(source, ScannedSource):
        source = run(source_of(member.log_id, projection, source.name))
        if not isinstance(source, ScannedSource):
            return redirect(Address(member.log.name, source, {"by": projection.name}).step(0))
    address = Address(member.log.name, source, asked_of(request.GET))
    address.check()
    whole = extent(source, member)
    fold = Fold(member.log_id, projection, source, member.log.head)
    if (asked := _asked_place(request, fold, step, whole)) is not None:
        return redirect(address.step(asked))
    if isinstance(source, StreamSource) and step > whole.last:
        raise NoSuchEvent(f"{source.name} has {whole.last} steps.")
    stand = Stand(member, fold, address, step=step, end=whole.last)
    if answer := stand.run(request):
        return answer
    made = _made(fold, step)
    if _is_elsewhere(made, step) or request.GET.get("q", source.name) != source.name:
        return redirect(address.step(made.stop.place if made.stop else 0))
    seen = look(fold, made, address)
    if seen.is_known and request.headers.get("HX-Request") and not {"text", "part"}.isdisjoint(request.GET):
        return _loaded(request, seen)
    context = {
        **_frame(address, step, whole),
        # First: its job is more urgent than those that find what is wrong.
        **replay_state(request, member, fold, seen),
        **replay_steps(member, made, address, whole),
        **replay_event(member, made, address),
        **stand.context(made),
    }
    if copy := copied(request, seen, context):
        return copy
    context |= _window(request, made, address, context)
    return show(
        request, member, template="projections/replay.html", partial="projections/_replay.html", context=context
    )


def _frame(address: Address, step: int, whole: Extent) -> dict[str, Any]:
    """What stands around the step."""
    source = address.source
    return {
        "here": _HERE.get(type(source), "timeline"),
        "at": address,
        "whole": whole,
        "source_words": source.words,
        "home_url": address.home,
        "speeds": _SPEEDS,
        "formats": formats(address, step),
        "projections": [(each, address.step(step, by=each.name, why=None)) for each in registry.PROJECTIONS.values()],
    }


def _window(request: HttpRequest, made: Replay, address: Address, context: dict[str, Any]) -> dict[str, Any]:
    """The window that the step is in, and whether the page shows it already."""
    shown = window(made, address, context)
    return {
        "window": shown,
        "is_kept": bool(shown) and request.headers.get(HEADER) == shown,
        "follow": follow_path(address.log_name, address.source),
    }


def _loaded(request: HttpRequest, seen: Seen) -> HttpResponse:
    """A long text of the state, or a part of it that was opened."""
    if "text" in request.GET:
        row = whole_text(seen.after, request.GET["text"])
        return render(request, "components/_text.html", {"row": row, "links": Links()})
    part = part_of(request, seen.address)
    return render(request, "components/_tree_rows.html", tree_context(seen, part))


def _made(fold: Fold, step: int) -> Replay:
    made = run(replay(fold, place=step))
    if isinstance(fold.source, AgentSource) and not made.stops:
        raise NotFound(f"There is no event of an agent {fold.source.name!r}.")
    return made


def _is_elsewhere(made: Replay, place: int) -> bool:
    """Whether the last step at or before a place has a place of its own. (A search may have given up before it.)"""
    return made.stop.place != place if made.stop else bool(place) and made.near.begins


def _source(kind: str, name: str, query: str) -> Source:
    """The source that an address names: what can't be replayed is not found."""
    try:
        is_query = kind == QuerySource.kind
        now = timezone.now().replace(microsecond=0)
        return parse_source(kind, name="" if is_query else name, query=query if is_query else "", now=now)
    except Invalid as error:
        words = f"The query can’t be read: {error}" if kind == QuerySource.kind else str(error)
        raise NotFound(words) from error


def _asked_place(request: HttpRequest, fold: Fold, current: int, whole: Extent) -> int | None:
    """The place that `?step=` or `?place=` asks for; None where neither does."""
    if "step" in request.GET:
        return _place_of_number(request.GET["step"], fold, current, whole)
    if "place" in request.GET:
        return min(_number(request.GET["place"], or_else=current), whole.last)
    return None


def _place_of_number(text: str, fold: Fold, current: int, whole: Extent) -> int:
    """The place of the step whose number stands in the box, kept within the source."""
    n = _number(text, or_else=-1)
    if n < 0:
        return current
    if whole.count is not None and n >= whole.count:
        return whole.last
    place = run(place_of(fold, n))
    return current if place is None else min(place, whole.last)


def _number(text: str, *, or_else: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else or_else
