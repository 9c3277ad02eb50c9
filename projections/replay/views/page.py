"""The replay debugger: a source of events and a projection, step by step."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.errors import Invalid, NoSuchEvent, NoSuchWorkflow, NotFound
from events.models import Member
from events.query.parse import parse
from events.query.printing import to_text
from events.query.reading import refuse_state
from events.query.tree import pin
from events.reading import scan, store
from events.reading.db_work import run
from events.views.event import whole_text
from events.views.page import log_page, show
from events.views.streams import existing
from projections import registry
from projections.definition.projection import Projection
from projections.replay.address import Address, asked_of
from projections.replay.shown import Seen, look
from projections.replay.views.copies import copied, formats
from projections.replay.views.event_pane import replay_event
from projections.replay.views.kept_window import HEADER, follow_path, window
from projections.replay.views.seek import Stand
from projections.replay.views.state_pane import part_of, replay_state, tree_context
from projections.replay.views.steps_pane import Whole, replay_steps
from projections.replay.window import Replay, place_of, replay
from projections.states.source import Kind, Source, source_of

_DEFAULT = "latest"
_SPEEDS = (
    ("¼×", 4000), ("½×", 2000), ("1×", 1000), ("2×", 500), ("4×", 250), ("8×", 125), ("16×", 62), ("32×", 31)
)  # fmt: skip
"""Milliseconds that a step is shown for while it plays."""
_COUNTED = 1_000
"""So many events that fit a query are counted, to go to a step by its number."""
_KINDS = ("stream", "workflow", "agent", "log", "query", "key")


@require_safe
@log_page()
def replay_page(request: HttpRequest, member: Member, kind: str, step: int, name: str = "") -> HttpResponse:
    """`/logs/<log>/replay/<kind>/<name>/<step>`; `by` names the projection, `why` a value whose history is shown.

    `?step=` goes to a step by its number, `?place=` by its place; `?text=` shows one long text of the state whole,
    `?format=` is a copy of it.
    """
    projection = registry.get(request.GET.get("by") or _DEFAULT)
    source = _source(kind, name or request.GET.get("name", ""), request.GET.get("q", ""))
    if kind == "key":
        source = run(source_of(member.log_id, projection, source.name))
        if source.kind not in ("key", "kept"):
            return redirect(Address(member.log.name, source, {"by": projection.name}).step(0))
    address = Address(member.log.name, source, asked_of(request.GET))
    whole = _whole(member, source)
    if (asked := _asked_place(request, member, projection, source, step, whole)) is not None:
        return redirect(address.step(asked))
    if source.kind == "stream" and step > whole.last:
        raise NoSuchEvent(f"{source.name} has {whole.last} steps.")
    stand = Stand(member, projection, address, step=step, end=whole.last)
    if answer := stand.run(request):
        return answer
    made = _made(member, projection, source, step)
    if _is_elsewhere(made, step) or request.GET.get("q", source.name) != source.name:
        return redirect(address.step(made.stop.place if made.stop else 0))
    seen = look(member, made, address)
    if seen.is_known and request.headers.get("HX-Request") and not {"text", "part"}.isdisjoint(request.GET):
        return _loaded(request, seen)
    context = {
        **_frame(address, step, whole),
        # First: its job is more urgent than those that find what is wrong.
        **replay_state(request, member, seen),
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


def _frame(address: Address, step: int, whole: Whole) -> dict[str, Any]:
    """What stands around the step."""
    source = address.source
    return {
        "here": "workflows" if source.kind == "workflow" else "streams" if source.kind == "stream" else "timeline",
        "at": address,
        "whole": whole,
        "source_words": f"{address.kind} {source.name}" if source.name else "the whole log",
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
        return render(request, "components/_text.html", {"row": whole_text(seen.after, request.GET["text"])})
    part = part_of(request, seen.address)
    return render(request, "components/_tree_rows.html", tree_context(seen, part))


def _made(member: Member, projection: Projection, source: Source, step: int) -> Replay:
    made = run(replay(member.log_id, projection, source, place=step, head=member.log.head))
    if source.kind == "agent" and not made.stops:
        raise NotFound(f"There is no event of an agent {source.name!r}.")
    return made


def _is_elsewhere(made: Replay, place: int) -> bool:
    """Whether the last step at or before a place has a place of its own. (A search may have given up before it.)"""
    return made.stop.place != place if made.stop else bool(place) and made.near.begins


def _source(kind: str, name: str, query: str) -> Source:
    """The source that an address names. A query's relative times are pinned to now."""
    if kind not in _KINDS or (kind in ("stream", "workflow", "agent") and not name) or "\0" in name:
        raise NotFound(f"There is nothing to replay that is called {kind}.")
    if kind == "query":
        try:
            asked = parse(query)
            refuse_state(asked)
        except Invalid as error:
            raise NotFound(f"The query can’t be read: {error}") from error
        name = to_text(pin(asked, timezone.now().replace(microsecond=0)))
    return Source(cast("Kind", kind), "" if kind == "log" else name)


def _whole(member: Member, source: Source) -> Whole:
    match source.kind:
        case "stream":
            version = existing(member.log_id, source.name).version
            return Whole(version, version)
        case "workflow":
            info = store.workflow(member.log_id, source.name).first()
            if info is None:
                raise NoSuchWorkflow(f"There is no workflow {source.name!r}.")
            return Whole(info.last_position, info.events, info.first_position)
        case "key" | "kept":
            if source.places:
                noted = source.noted(member.log_id, source.places).order_by("-position")
                if found := noted.values_list("position", "n").first():
                    return Whole(*found)
            raise NotFound(f"Nothing is kept of {source.name!r} that could be replayed.")
        case kind:
            return Whole(member.log.head, member.log.head if kind == "log" else None)


def _asked_place(
    request: HttpRequest, member: Member, projection: Projection, source: Source, current: int, whole: Whole
) -> int | None:
    """The place that `?step=` or `?place=` asks for; None where neither does."""
    if "step" in request.GET:
        return _wanted(request.GET["step"], member, projection, source, current, whole)
    if "place" in request.GET:
        return min(_number(request.GET["place"], or_else=current), whole.last)
    return None


def _wanted(text: str, member: Member, projection: Projection, source: Source, current: int, whole: Whole) -> int:
    """The place of the step whose number stands in the box, kept within the source."""
    n = _number(text, or_else=-1)
    if n < 0:
        return current
    if whole.count is not None and n >= whole.count:
        return whole.last
    if source.kind == "query":
        place = _nth_that_fits(member, source, n) if n else 0
    else:
        place = run(place_of(member.log_id, projection, source, n))
    return current if place is None else min(place, whole.last)


def _nth_that_fits(member: Member, source: Source, n: int) -> int | None:
    """Where the nth event of a query stands, or its last one; None where that is far to look for."""
    limit = min(n, _COUNTED)
    found = scan.events(
        member.log_id, parse(source.name), after=0, backward=False, limit=limit, head=member.log.head
    ).fetch()
    is_all = found.complete and len(found.events) < limit
    if len(found.events) < n and not is_all:
        return None
    return found.events[-1].position if found.events else 0


def _number(text: str, *, or_else: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else or_else
