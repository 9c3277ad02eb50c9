"""The setters of many values at once are those that following each value back finds."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.values.blame import past
from projections.values.change import Change
from projections.values.last_set import setters
from tests.support.blames import STATES, pointers, steps_of
from tests.support.json_values import VALUES


def one_by_one(states: list[Any]) -> dict[str, int]:
    steps = steps_of(states)[::-1]
    touches = {pointer: next(past(pointer, steps), None) for pointer in pointers(states[-1])}
    return {pointer: touch.n for pointer, touch in touches.items() if touch}


@given(st.lists(STATES, min_size=2, max_size=8))
def test_many_values_are_blamed_as_each_is(states: list[Any]) -> None:
    assert setters(pointers(states[-1]), steps_of(states)[::-1]) == one_by_one(states)


@given(st.lists(VALUES, min_size=2, max_size=6))
def test_so_they_are_in_states_of_any_shape(states: list[Any]) -> None:
    assert setters(pointers(states[-1]), steps_of(states)[::-1]) == one_by_one(states)


def test_a_value_that_no_step_touched_is_left_out() -> None:
    assert setters(["/a", "/b"], [(2, [Change("replace", "/a", 1)]), (1, [])]) == {"/a": 2}
