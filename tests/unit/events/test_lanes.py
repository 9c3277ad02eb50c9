"""The tree of a workflow's causes, and its drawing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from events.types import Event
from events.views.durations import took
from events.views.event_line import line
from events.views.swimlanes import draw_lanes
from events.views.workflow_tree import forest

START = datetime(2026, 1, 1, tzinfo=UTC)


def event(position: int, cause: int | None = None, *, agent: str | None = "a", seconds: float | None = None) -> Event:
    at = None if seconds is None else START + timedelta(seconds=seconds)
    causation = None if cause is None else str(cause)
    return Event(position, "s", position, str(position), "T", "{}", "{}", agent, 1, "w", causation, at, START)


def shape(*events: Event) -> list[tuple[int, int]]:
    return [(branch.event.position, branch.depth) for branch in forest(events)]


def test_a_chain_stays_as_deep_as_it_began() -> None:
    assert shape(*[event(n, n - 1) for n in range(1, 2_000)]) == [(n, 0) for n in range(1, 2_000)]


def test_siblings_stand_deeper_each_with_what_follows_from_it() -> None:
    assert shape(event(1), event(2, 1), event(3, 1), event(4, 2), event(5, 3)) == [
        (1, 0), (2, 1), (4, 1), (3, 1), (5, 1),
    ]  # fmt: skip


def test_circles_and_causes_from_the_future_are_roots() -> None:
    assert shape(event(1, 2), event(2, 1), event(3, 3), event(4, 5)) == [(1, 0), (2, 0), (3, 0), (4, 0)]


def test_columns_are_in_order_and_wires_lead_from_cause_to_effect() -> None:
    drawing = draw_lanes([line(each) for each in (event(1), event(2, 1, agent="b"), event(3, 1), event(4, 9))])
    assert [mark.line.event.position for mark in drawing.marks] == [1, 2, 3, 4]
    assert sorted({mark.x for mark in drawing.marks}) == [mark.x for mark in drawing.marks]
    assert [lane.name for lane in drawing.lanes] == ["a", "b"]
    first, second, third, _ = drawing.marks
    assert first.y == third.y != second.y
    assert len(drawing.wires) == 2
    assert drawing.wires[0].startswith(f"M{first.x} {first.y}")
    assert drawing.wires[0].endswith(f"{second.x} {second.y}")
    assert drawing.width > drawing.marks[-1].x


def test_a_long_pause_is_drawn_with_its_length_and_a_clock_that_stands_still_has_none() -> None:
    paused = draw_lanes([line(event(n, seconds=seconds)) for n, seconds in enumerate((0, 1, 2, 300, 301), start=1)])
    assert [each.pause for each in paused.breaks] == [timedelta(seconds=298)]
    assert paused.marks[2].x < paused.breaks[0].middle < paused.marks[3].x
    assert draw_lanes([line(event(n)) for n in range(1, 9)]).breaks == []
    assert draw_lanes([]).marks == []


def test_left_out_events_have_a_place_of_their_own() -> None:
    drawing = draw_lanes([line(event(n)) for n in (1, 2, 9)], left_out_after=2, left_out=6)
    (gap,) = drawing.breaks
    assert (gap.left_out, gap.pause) == (6, None)
    assert drawing.marks[1].x < gap.middle < drawing.marks[2].x


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"), (0.9996, "1.0 s"), (0.25, "250 ms"), (59.94, "59.9 s"), (59.96, "1 min 0 s"), (265, "4 min 25 s"),
        (3_599.6, "1 h 0 min"), (11_520, "3 h 12 min"), (90_000, "1 d 1 h"), (10**8, "1,157 d 9 h"),
    ],
)  # fmt: skip
def test_a_duration_is_said_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert took(timedelta(seconds=seconds)) == words
