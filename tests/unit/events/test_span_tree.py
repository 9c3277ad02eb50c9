"""The small tree of a run's spans, on the page Connect."""

from __future__ import annotations

import pytest

from events.otel.mapping.run import map_run
from events.otel.spans import Span
from events.views.connect.span_tree import span_tree
from events.views.connect.tree import ROWS, Tree

SECOND = 10**9
TRACE = "a" * 32


def made(number: int, parent: int | None = None, *, begin: int = 0, end: int = 1, **fields: object) -> Span:
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": f"tool {number}"}
    return Span(
        trace_id=TRACE,
        span_id=f"{number:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        name=f"span {number}",
        started_ns=(1000 + begin) * SECOND,
        ended_ns=(1000 + end) * SECOND,
        attributes=attributes if fields.get("told", True) else {"openinference.span.kind": "CHAIN"},
        status_code=2 if fields.get("failed") else 0,
    )


def tree(*spans: Span) -> Tree:
    return span_tree(spans, map_run(spans).events)


def test_children_stand_below_their_parents_with_bars_in_percent_of_the_run() -> None:
    rows = tree(made(3, 1, begin=5, end=10, failed=True), made(2, 1, begin=1, end=2), made(1, end=10)).rows
    assert [(row.name, row.depth, row.start, row.width) for row in rows] == [
        ("tool 1", 0, 0, 100),
        ("tool 2", 1, 10, 10),
        ("tool 3", 1, 50, 50),
    ]
    assert [row.is_error for row in rows] == [False, False, True]
    assert [row.took.total_seconds() for row in rows if row.took] == [10, 1, 5]


def test_a_parent_that_has_not_come_is_a_row_from_its_first_child_to_the_end() -> None:
    rows = tree(made(2, 9, begin=5, end=6), made(3, 9, begin=6, end=7), made(1, end=10)).rows
    assert [(row.name, row.is_open, row.depth) for row in rows] == [
        ("not ended yet", True, 0),
        ("tool 2", False, 1),
        ("tool 3", False, 1),
        ("tool 1", False, 0),
    ]
    assert (rows[0].start, rows[0].width) == (50, 50)


def test_a_span_that_becomes_no_event_gives_its_place_to_its_children() -> None:
    shown = tree(made(1), made(2, 1, told=False), made(3, 2))
    assert [(row.name, row.depth) for row in shown.rows] == [("tool 1", 0), ("tool 3", 1)]
    assert shown.left_out == 1


def test_a_long_run_has_its_first_rows_and_the_number_of_the_others() -> None:
    shown = tree(made(1), *(made(number, 1) for number in range(2, 40)))
    assert (len(shown.rows), shown.left_out) == (ROWS, 39 - ROWS)


@pytest.mark.parametrize(
    "spans",
    [
        [made(1, 2), made(2, 1)],
        [made(1, 1)],
        [made(1, begin=-1000, end=-1000)],
        [made(1, begin=0, end=-5), made(2, 1)],
        [made(1), *(made(number, number - 1) for number in range(2, 3000))],
    ],
    ids=["a circle", "its own parent", "no times", "the end before the start", "a long chain"],
)
def test_whatever_is_sent_bars_stay_in_their_place(spans: list[Span]) -> None:
    for row in tree(*spans).rows:
        assert 0 <= row.start <= row.start + row.width <= 100.01
        assert row.depth <= 6
