"""The track of a pinned value shows the value after each step, and nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.replay.drawing.pinned_tracks import Track, short, track
from projections.values.change import Json


def of(values: list[Any], **more: Any) -> Track:
    """The track of `a` over steps with these values; `...` is a step at which it does not exist."""
    states: dict[int, Json] = {-1: {}}
    states |= {i: {} if value is ... else {"a": value} for i, value in enumerate(values)}
    return track("/a", states, len(values), y=0, **more)


@given(st.lists(st.sampled_from([1, 2, "1", True, None, ...]), min_size=1, max_size=12))
def test_segments_tell_the_value_after_each_step(values: list[Any]) -> None:
    texts = {1: "1", "1": "1", 2: "2", None: "null", ...: None}
    texts_of_steps = [each.text for each in of(values).segments for _ in range(each.count)]
    assert texts_of_steps == ["true" if value is True else texts[value] for value in values]


def test_a_segment_lasts_as_long_as_the_value() -> None:
    pinned_track = of([..., "x", "x", "y"])
    assert [(each.first, each.count, each.text) for each in pinned_track.segments] == [
        (0, 1, None),
        (1, 2, "x"),
        (3, 1, "y"),
    ]
    assert pinned_track.changes == 2


def test_a_state_that_is_not_known_is_no_change() -> None:
    pinned_track = track("/a", {1: {"a": 5}, 2: {"a": 5}}, 4, y=0)
    assert [(each.first, each.count) for each in pinned_track.segments] == [(1, 2)]
    assert pinned_track.changes == 0


@pytest.mark.parametrize("values", [[1, 1], ["a", "b"], [1, "b"], [True, False], [...]])
def test_only_numbers_that_change_are_drawn_as_a_line(values: list[Any]) -> None:
    assert not of(values).line


def test_a_line_goes_by_steps_and_stops_where_there_is_no_number() -> None:
    pinned_track = of([0, Decimal("7.0"), ..., 14])
    assert pinned_track.line == "M0 17H1V10H2M3 3H4"
    assert pinned_track.scale == "0 … 14"


def test_a_pointer_that_leads_nowhere_has_an_empty_track() -> None:
    pinned_track = track("no pointer", {0: {"a": 1}}, 1, y=0)
    assert [each.text for each in pinned_track.segments] == [None]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["order-1", 2, [3]], "[order-1, 2, [ 1 ]]"),
        ({"a": 1, "b": {"c": 2}}, "{a: 1, b: { 1 }}"),
        ([], "[ ]"),
        ({}, "{ }"),
        ("", '""'),
        ("two\nlines", "two lines"),
        (Decimal("1.50"), "1.50"),
    ],
)
def test_a_value_is_told_on_one_line(value: Json, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize("value", ["x" * 10_000, ["word"] * 10_000, {"k" * 30 + str(n): n for n in range(10_000)}])
def test_a_large_value_is_told_by_how_it_begins(value: Json) -> None:
    assert len(short(value)) < 140
    assert "…" in short(value)
