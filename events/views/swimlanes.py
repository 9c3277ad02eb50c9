"""A workflow's events as a drawing: each agent is a lane, each event a column, with a wire from cause to effect.

Columns are in the order of the log, not in proportion to time: an imported run has no clock, and a pause of an hour
would push everything else together. A long pause is drawn as a gap with its length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from events.types import Event
from events.views.event_line import EventLine
from events.views.workflow_tree import causes

COLUMN = 14
ROW = 28
_TOP = 24
_BREAK = 72
_TICK_EVERY = 10
_MAX_LANES = 12
_MIN_PAUSE = timedelta(seconds=10)
_PAUSE_SHARE = 10


@dataclass(frozen=True, slots=True)
class AgentLane:
    """The lane of one agent; or of all agents without a lane of their own, which `others` counts."""

    name: str | None
    events: int
    y: int
    others: int = 0


@dataclass(frozen=True, slots=True)
class LaneMark:
    """The mark of one event."""

    line: EventLine
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Break:
    """A gap between two columns: a pause, or events that are left out."""

    x: int
    width: int
    pause: timedelta | None = None
    left_out: int = 0

    @property
    def middle(self) -> int:
        return self.x + self.width // 2


@dataclass(slots=True)
class Lanes:
    """The drawing, in pixels."""

    lanes: list[AgentLane]
    height: int
    width: int = 0
    marks: list[LaneMark] = field(default_factory=list)
    ticks: list[LaneMark] = field(default_factory=list)
    wires: list[str] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)


def clock(events: Sequence[Event]) -> dict[int, datetime]:
    """Return the time of each event, by position, on one clock: the agents', or the server's if they sent no times."""
    agent_times = {event.position: event.occurred_at for event in events if event.occurred_at}
    return agent_times or {event.position: event.recorded_at for event in events}


def draw_lanes(lines: Sequence[EventLine], *, left_out_after: int | None = None, left_out: int = 0) -> Lanes:
    """Draw events in order; after the position `left_out_after`, `left_out` events are missing."""
    events = [line.event for line in lines]
    drawing, lane_of = _lanes(events)
    pauses = _pauses(events)
    x, places = COLUMN, {}
    for count, line in enumerate(lines):
        event = line.event
        if pause := pauses.get(event.position):
            drawing.breaks.append(Break(x - COLUMN // 2, _BREAK, pause=pause))
            x += _BREAK
        mark = LaneMark(line, x, lane_of[event.agent])
        places[event.position] = mark
        drawing.marks.append(mark)
        if count % _TICK_EVERY == 0:
            drawing.ticks.append(mark)
        x += COLUMN
        if event.position == left_out_after:
            drawing.breaks.append(Break(x - COLUMN // 2, 2 * _BREAK, left_out=left_out))
            x += 2 * _BREAK
    drawing.width = x + 2 * _BREAK
    drawing.wires = [_wire(places[cause.position], places[at]) for at, cause in causes(events).items()]
    return drawing


def _lanes(events: Sequence[Event]) -> tuple[Lanes, dict[str | None, int]]:
    """Return the lanes of the agents with the most events, in the order of their first event; the others share one."""
    counts = Counter(event.agent for event in events)
    owners = list(counts)
    if len(owners) > _MAX_LANES:
        busiest = {agent for agent, _ in counts.most_common(_MAX_LANES - 1)}
        owners = [agent for agent in owners if agent in busiest]
    y_of = {agent: _TOP + ROW * place + ROW // 2 for place, agent in enumerate(owners)}
    lanes = [AgentLane(agent, counts[agent], y) for agent, y in y_of.items()]
    if others := [agent for agent in counts if agent not in y_of]:
        y = _TOP + ROW * len(owners) + ROW // 2
        lanes.append(AgentLane(None, sum(counts[agent] for agent in others), y, others=len(others)))
        y_of |= dict.fromkeys(others, y)
    return Lanes(lanes, height=_TOP + ROW * len(lanes)), y_of


def _pauses(events: Sequence[Event]) -> dict[int, timedelta]:
    """Return the long pauses, which take a good part of the whole time, by the position after them."""
    at = sorted(clock(events).items())
    waits = {position: now - before for (_, before), (position, now) in pairwise(at)}
    total = at[-1][1] - at[0][1] if at else timedelta()
    return {position: wait for position, wait in waits.items() if wait >= _MIN_PAUSE and wait * _PAUSE_SHARE >= total}


def _wire(cause: LaneMark, effect: LaneMark) -> str:
    if cause.y == effect.y:
        return f"M{cause.x} {cause.y}H{effect.x}"
    bend = min(COLUMN, effect.x - cause.x)
    turn = f"{effect.x} {cause.y} {effect.x - bend} {effect.y} {effect.x} {effect.y}"
    return f"M{cause.x} {cause.y}H{effect.x - bend}C{turn}"
