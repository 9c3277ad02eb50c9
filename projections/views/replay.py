"""The replay debugger: a source of events and a projection, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from events import store
from events.errors import Invalid, NoSuchEvent, NoSuchWorkflow, NotFound
from events.json_tree import Row, tree
from events.json_value import loads
from events.line import Line, line
from events.models import Member
from events.query.parse import parse
from events.query.printing import to_text
from events.query.reading import refuse_state
from events.query.tree import pin
from events.views.event import around, whole_text
from events.views.page import log_page, show
from events.views.streams import existing
from projections import indexing, registry
from projections.asking import run
from projections.findings import Finding, Findings, findings
from projections.fold import ReducerFailed
from projections.gist import Said, gist
from projections.marks import marks
from projections.models import Job
from projections.replay import Replay, Stop, place_of, replay
from projections.replay_address import Address
from projections.sources import Kind, Source
from projections.states import TooFar
from projections.strip import draw
from projections.types import Projection
from projections.why import Why, why

_DEFAULT = "latest"
_SPEEDS = (("½×", 2000), ("1×", 1000), ("2×", 500), ("4×", 250), ("8×", 125), ("20×", 50))
"""Milliseconds that a step is shown for while it plays."""
_KINDS = ("stream", "workflow", "agent", "log", "query")


@dataclass(frozen=True, slots=True)
class Whole:
    """A source as a whole: the place of its last event, and how many it has (None: nobody counted them)."""

    last: int
    count: int | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A step of the list. `said`: what it changed; `found`: what is wrong with it."""

    stop: Stop
    line: Line
    said: tuple[Said, ...]
    found: list[Finding]
    is_now: bool
    is_ahead: bool

    @property
    def is_sure(self) -> bool:
        return any(each.is_sure for each in self.found)

    @property
    def is_bad(self) -> bool:
        """Whether something went wrong here beyond doubt."""
        return self.line.failed or self.is_sure


@dataclass(frozen=True, slots=True)
class Linked:
    """A cause or an effect. `url` and `n` where it is a step of the window."""

    line: Line
    url: str | None
    n: int | None


@require_safe
@log_page()
def replay_page(request: HttpRequest, member: Member, kind: str, step: int, name: str = "") -> HttpResponse:
    """`/logs/<log>/replay/<kind>/<name>/<step>`; `by` names the projection, `why` a value whose history is shown.

    `?step=` goes to a step by its number, `?text=` shows one long text of the state whole.
    """
    source = _source(kind, name or request.GET.get("name", ""), request.GET.get("q", ""))
    projection = registry.get(request.GET.get("by") or _DEFAULT)
    asked = {key: request.GET[key] for key in ("by", "why") if key in request.GET}
    address = Address(member.log.name, source, asked)
    whole = _whole(member, source)
    if "step" in request.GET:
        return redirect(address.step(_wanted(request.GET["step"], member, projection, source, step, whole)))
    if source.kind == "stream" and step > whole.last:
        raise NoSuchEvent(f"{source.name} has {whole.last} steps.")
    made = run(replay(member.log_id, projection, source, place=step, head=member.log.head))
    if _is_elsewhere(made, step) or request.GET.get("q", source.name) != source.name:
        return redirect(address.step(made.stop.place if made.stop else 0))
    pointer = request.GET.get("text")
    if pointer is not None and made.is_known and request.headers.get("HX-Request"):
        return render(request, "components/_text.html", {"row": whole_text(made.after, pointer)})
    context = {
        "here": "workflows" if source.kind == "workflow" else "streams" if source.kind == "stream" else "timeline",
        "at": address,
        "whole": whole,
        "source_words": f"{source.kind} {source.name}" if source.name else "the whole log",
        "home_url": address.home,
        "speeds": _SPEEDS,
        "projections": [(each, address.step(step, by=each.name, why=None)) for each in registry.PROJECTIONS.values()],
        **_state(member, made, address, pointer),  # first: its job is more urgent than those that find what is wrong
        **_steps(member, made, address, whole),
        **_event(member, made, address),
    }
    return show(
        request, member, template="projections/replay.html", partial="projections/_replay.html", context=context
    )


def _is_elsewhere(made: Replay, place: int) -> bool:
    """Whether the last step at or before a place has a place of its own. (A search may have given up before it.)"""
    return made.stop.place != place if made.stop else bool(place) and made.near.begins


def _source(kind: str, name: str, query: str) -> Source:
    """The source that an address names. A query's relative times are pinned to now."""
    if kind not in _KINDS or (kind in ("stream", "workflow", "agent") and not name):
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
            return Whole(info.last_position, info.events)
        case kind:
            return Whole(member.log.head, member.log.head if kind == "log" else None)


def _wanted(text: str, member: Member, projection: Projection, source: Source, current: int, whole: Whole) -> int:
    """The place of the step whose number stands in the box, kept within the source."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return current
    if whole.count is not None and int(text) >= whole.count:
        return whole.last
    place = run(place_of(member.log_id, projection, source, int(text)))
    return current if place is None else min(place, whole.last)


def _steps(member: Member, made: Replay, address: Address, whole: Whole) -> dict[str, Any]:
    """The list, the strip and the ways on."""
    lines = [line(stop.event) for stop in made.stops]
    upto = made.stops[-1].event.position if made.stops else 0
    found = findings(member.log_id, made.source, upto=upto, head=member.log.head) if made.stops else Findings()
    for projection, too_far in found.missing:
        run(indexing.ensure(member.log_id, projection, too_far))
    near, at = made.near, made.at
    ends = near.ends and len(made.stops) and made.stops[-1].event is near.events[-1]
    begins = near.begins and (not made.stops or made.stops[0].event is near.events[0])
    count = whole.count if whole.count is not None else (made.stops[-1].n if ends else None)
    return {
        "replay": made,
        "count": count,
        "begins": begins,
        "ends": ends or not made.stops,
        "n": made.stop.n if made.stop else 0,
        "listed": [_listed(made, i, each, found) for i, each in enumerate(lines)],
        "line": lines[at] if at >= 0 else None,
        "findings": found,
        "found_here": found.at(made.stop.event.position) if made.stop else [],
        "strip": draw(made.stops, lines, at=at, found=found),
        "steps_before": (made.stops[0].n or 1) - 1 if made.stops else 0,
        "steps_behind": count - (made.stops[-1].n or 0) if count is not None and made.stops else None,
        "ways": _ways(made, address, made.stops[-1].place if ends else whole.last),
    }


def _listed(made: Replay, i: int, shown: Line, found: Findings) -> Listed:
    stop = made.stops[i]
    said = gist(stop.changes or ())
    return Listed(stop, shown, said, found.at(stop.event.position), i == made.at, i > made.at)


def _ways(made: Replay, address: Address, last: int) -> dict[str, str]:
    """Where the buttons lead; those that lead nowhere are missing."""
    at, stops = made.at, made.stops
    ways = {}
    if at >= 0:
        ways["first"] = address.step(0)
        ways["previous"] = address.step(stops[at - 1].place if at else 0)
    if at + 1 < len(stops):
        ways["next"] = address.step(stops[at + 1].place)
        ways["last"] = address.step(last)
    return ways


def _state(member: Member, made: Replay, address: Address, pointer: str | None) -> dict[str, Any]:
    """The state of the step as a tree, why a value of it is what it is, or the job that makes it quick."""
    wanted = address.asked.get("why")
    place = made.stop.place if made.stop else 0
    return {
        "projection": made.projection,
        "state": _tree(made, pointer),
        "changed": {op: sum(change.op == op for change in made.changes) for op in ("add", "replace", "remove")},
        "why": _why(member, made, wanted) if wanted is not None and made.is_known else None,
        "why_url": f"{address.step(place, why=None)}{'&' if address.with_asked(why=None) else '?'}why=",
        "unwhy_url": address.step(place, why=None),
        "why_of": wanted,
        "failed_url": _failed_url(made, address),
        "job": _job(member, made.too_far, made.projection),
    }


def _failed_url(made: Replay, address: Address) -> str | None:
    return address.step(made.source.place(made.failed.at.event)) if made.failed else None


def _tree(made: Replay, pointer: str | None) -> list[Row]:
    if made.is_known:
        return tree(made.after, marks=marks(made.changes), whole=pointer)
    return tree(made.failed.state) if made.failed else []


def _why(member: Member, made: Replay, pointer: str) -> Why | None:
    try:
        return run(why(member.log_id, made, pointer, head=member.log.head))
    except (TooFar, ReducerFailed):
        return None


def _job(member: Member, too_far: TooFar | None, projection: Projection) -> Job | None:
    return run(indexing.ensure(member.log_id, projection, too_far)) if too_far else None


def _event(member: Member, made: Replay, address: Address) -> dict[str, Any]:
    """The event of the step: what it says, its cause and its effects, as steps where they are some."""
    if made.stop is None:
        return {}
    event = made.stop.event
    near = {stop.event.position: stop for stop in made.stops}
    found = around(member.log_id, event)

    def linked(other: Line) -> Linked:
        stop = near.get(other.event.position)
        return Linked(other, address.step(stop.place) if stop else None, stop.n if stop else None)

    return {
        "data": tree(loads(event.data)),
        "metadata": tree(loads(event.metadata)),
        "cause": linked(found.cause) if found.cause else None,
        "effects": [linked(each) for each in found.effects],
        "more_effects": found.more_effects,
    }
