"""The strip: a window of a replay as a drawing. Pure.

A step is a column, an agent a lane, a bar shows the number of changes of a step, and a pinned value is a track.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from events.json.value import visible
from events.views.event_line import EventLine
from projections.replay.drawing.pinned_tracks import TRACK_HEIGHT, Track, track
from projections.replay.findings import Findings
from projections.replay.window import WindowStep
from projections.values.change import Json

RULER_HEIGHT = 26
LANE_HEIGHT = 18
BARS_HEIGHT = 30
_MAX_LANES = 8
_MAX_WIDE_COLUMNS = 48
"""With at most this many columns, each column shows its number and its count of changes."""


@dataclass(frozen=True, slots=True)
class StripLane:
    """The lane of one agent; or of all agents without a lane of their own, which `others` counts."""

    name: str | None
    y: int
    others: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """The column of a step: across in per cent, down in pixels.

    `bar` None: the changes are not known. `mark` says whether something is wrong with the step: `sure`, `possible` or
    empty.
    """

    step: WindowStep
    line: EventLine
    x: str
    left: str
    y: int
    bar: int | None
    count: int | None
    label: str
    is_now: bool
    is_ahead: bool
    mark: str
    title: str
    bar_y: int = 0

    @property
    def is_fifth(self) -> bool:
        """Whether the column shows its number where there is little room."""
        return self.step.n is not None and self.step.n % 5 == 0


@dataclass(slots=True)
class Strip:
    """The drawing.

    `now`, `head` and `future_x` are positions across: the left edge of the current column (at step 0, left of the
    strip), its middle, and the left edge of the steps to come. The bars stand between `bars` and `floor`, the tracks
    below. `not_drawn` counts the steps without a bar; `max_changes` is the largest number of changes.
    """

    lanes: list[StripLane]
    bars: int
    floor: int
    height: int
    width: str = "100%"
    future_x: str = "0%"
    now: str = "-100%"
    head: str = "-100%"
    is_wide: bool = True
    not_drawn: int = 0
    max_changes: int = 0
    columns: list[Column] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)


def draw_strip(
    steps: Sequence[WindowStep],
    lines: Sequence[EventLine],
    *,
    at: int,
    findings: Findings,
    states: Mapping[int, Json],
    pins: Sequence[str] = (),
) -> Strip:
    """Draw the steps of a window, with marks at its findings; `at` is the index of the current step.

    `states` are the states after the steps, by index, and at -1 the state before the first; `pins` are pointers into
    them.
    """
    lanes, y_of = _lanes([step.event.agent for step in steps])
    bars = RULER_HEIGHT + LANE_HEIGHT * len(lanes) + 4
    floor = bars + BARS_HEIGHT
    strip = Strip(lanes, bars, floor, floor + TRACK_HEIGHT * len(pins))
    strip.tracks = [track(pin, states, len(steps), y=floor + TRACK_HEIGHT * i) for i, pin in enumerate(pins)]
    share = 100 / max(len(steps), 1)
    strip.width, strip.is_wide = _percent(share), len(steps) <= _MAX_WIDE_COLUMNS
    strip.future_x = _percent(share * (at + 1))
    if at >= 0:
        strip.now, strip.head = _percent(share * at), _percent(share * (at + 0.5))
    counts = [None if step.changes is None else len(step.changes) for step in steps]
    strip.not_drawn = counts.count(None)
    strip.max_changes = max((count for count in counts if count), default=0)
    strip.columns = [
        _column(strip, step, lines[i], i, share=share, at=at, y=y_of[step.event.agent], mark=_mark(step, findings))
        for i, step in enumerate(steps)
    ]
    return strip


def _column(
    strip: Strip, step: WindowStep, line: EventLine, i: int, *, share: float, at: int, y: int, mark: str
) -> Column:
    count = None if step.changes is None else len(step.changes)
    bar = None if count is None else -(-count * (BARS_HEIGHT - 8) // max(strip.max_changes, 10))
    tick = 1 if strip.is_wide else 10
    return Column(
        step,
        line,
        x=_percent(share * (i + 0.5)),
        left=_percent(share * i),
        y=y,
        bar=bar,
        count=count,
        label=f"{step.n:,}" if step.n is not None and step.n % tick == 0 else "",
        is_now=i == at,
        is_ahead=i > at,
        mark=mark,
        title=_title(step, count),
        bar_y=strip.floor - 2 - (bar or 0),
    )


def _title(step: WindowStep, count: int | None) -> str:
    event, n = step.event, step.n
    agent = f", {visible(event.agent)}" if event.agent else ""
    count_words = "" if count is None else f": {count} changed"
    return f"{f'#{event.position:,}' if n is None else f'{n:,}'} {visible(event.type)}{agent}{count_words}"


def _mark(step: WindowStep, findings: Findings) -> str:
    position = step.event.position
    return "sure" if position in findings.sure else "possible" if position in findings.possible else ""


def _lanes(agents: Sequence[str | None]) -> tuple[list[StripLane], dict[str | None, int]]:
    """Return the lanes of the agents with the most events, in the order of their first event; the others share one."""
    counts = Counter(agents)
    owners = list(counts)
    if len(owners) > _MAX_LANES:
        busiest = {agent for agent, _ in counts.most_common(_MAX_LANES - 1)}
        owners = [agent for agent in owners if agent in busiest]
    y_of = {agent: RULER_HEIGHT + LANE_HEIGHT * place + LANE_HEIGHT // 2 for place, agent in enumerate(owners)}
    lanes = [StripLane(agent, y) for agent, y in y_of.items()]
    if others := [agent for agent in counts if agent not in y_of]:
        y = RULER_HEIGHT + LANE_HEIGHT * len(owners) + LANE_HEIGHT // 2
        lanes.append(StripLane(None, y, others=len(others)))
        y_of |= dict.fromkeys(others, y)
    return lanes, y_of


def _percent(share: float) -> str:
    return f"{share:.3f}%"
