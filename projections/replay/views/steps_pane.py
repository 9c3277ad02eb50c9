"""The steps of a replay around the one that is looked at: the list, the strip and the ways on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from django.utils.text import Truncator

from events.models import Member
from events.reading.db_work import run
from events.views.event_line import Line, line
from projections.errors import TooManyJobs
from projections.jobs import fold
from projections.replay.address import Address
from projections.replay.drawing.overview import overview
from projections.replay.drawing.strip import draw
from projections.replay.extent import Extent
from projections.replay.findings import Finding, Findings, findings
from projections.replay.window import Replay, Stop
from projections.values.summary import ChangeSummary, gist

_WORDS = 200
"""Characters of what a reducer raised. Its traceback has all of it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A step of the list. `said`: what it changed; `found`: what is wrong with it; `is_between`: it is one of those
    whose changes are the difference that is shown."""

    stop: Stop
    line: Line
    said: tuple[ChangeSummary, ...]
    found: list[Finding]
    is_now: bool
    is_ahead: bool
    is_between: bool = False

    @property
    def is_sure(self) -> bool:
        return any(each.is_sure for each in self.found)

    @property
    def is_bad(self) -> bool:
        """Whether something went wrong here beyond doubt."""
        return self.line.failed or self.is_sure


def replay_steps(member: Member, made: Replay, address: Address, whole: Extent) -> dict[str, Any]:
    """The list, the strip and the ways on."""
    lines = cache(lambda: [line(stop.event) for stop in made.stops])
    events = [stop.event for stop in made.stops]
    found = _with_failure(run(findings(member.log_id, made.source, events=events, head=member.log.head)), made)
    for projection, too_far in found.missing:
        with suppress(TooManyJobs):  # then they are found another time
            run(fold.ensure_source(member.log_id, projection, too_far, asker=member.asker))
    near, between = made.near, _between(made, address)
    ends = near.ends and len(made.stops) and made.stops[-1].event is near.events[-1]
    begins = near.begins and (not made.stops or made.stops[0].event is near.events[0])
    count = whole.count if whole.count is not None else (made.stops[-1].n if ends else None)
    return {
        "replay": made,
        "count": count,
        "begins": begins,
        "ends": ends or not made.stops,
        "n": made.stop.n if made.stop else 0,
        "step_words": _step_words(made, count),
        # Neither is asked for where the page keeps its own.
        "listed": cache(lambda: [_listed(made, i, each, found, between) for i, each in enumerate(lines())]),
        "line": line(made.stop.event) if made.stop else None,
        "findings": found,
        "found_here": found.at(made.stop.event.position) if made.stop else [],
        "strip": cache(
            lambda: draw(made.stops, lines(), at=made.at, found=found, states=made.states, pins=address.all("pin"))
        ),
        "steps_before": (made.stops[0].n or 1) - 1 if made.stops else 0,
        "steps_behind": count - (made.stops[-1].n or 0) if count is not None and made.stops else None,
        "overview": None if not made.stops or (begins and ends) else overview(made, first=whole.first, last=whole.last),
        "ways": _ways(made, address, made.stops[-1].place if ends else whole.last),
    }


def _step_words(made: Replay, count: int | None) -> str:
    """Which step it is."""
    if made.stop and made.stop.n is None:
        return f"Step #{made.stop.place}"
    return f"Step {made.stop.n if made.stop else 0}" + ("" if count is None else f" of {count}")


def _with_failure(found: Findings, made: Replay) -> Findings:
    """What was found, and the step at which the reducer raised."""
    if made.failed is None:
        return found
    at = made.failed.at
    words = Truncator(str(made.failed)).chars(_WORDS)
    raised = Finding(at.position, "The reducer raised", words, place=made.source.place(at.event))
    return replace(found, found=tuple(sorted((*found.found, raised), key=lambda each: each.position)))


def _between(made: Replay, address: Address) -> range:
    """The places of the events between the two steps that are compared."""
    place, other = made.stop.place if made.stop else 0, address.other
    return range(0) if other is None else range(min(place, other) + 1, max(place, other) + 1)


def _listed(made: Replay, i: int, shown: Line, found: Findings, between: range) -> Listed:
    stop = made.stops[i]
    said = gist(stop.changes or ())
    return Listed(
        stop, shown, said, found.at(stop.event.position), i == made.at, i > made.at, is_between=stop.place in between
    )


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
