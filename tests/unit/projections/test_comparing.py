"""Which step made each change of a difference, proved against replaying all of them and comparing the values."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.comparing import made_by
from projections.diff import apply, diff, equal
from projections.types import Json
from tests.unit.projections.json_values import VALUES
from tests.unit.projections.test_blame import STATES, by_force, same, steps_of, value_at


@given(st.lists(STATES, min_size=2, max_size=8))
def test_each_value_that_differs_is_blamed_on_the_last_step_that_changed_it(states: list[Any]) -> None:
    steps = steps_of(states)
    changes = diff(states[0], states[-1])
    for change, maker in zip(changes, made_by(changes, steps[::-1]), strict=True):
        if change.op == "replace":  # whose path is where it stands in the end
            assert maker == by_force(states, change.path)[0], change


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "x/y"]), st.integers(0, 2)), min_size=2, max_size=8))
def test_what_is_gone_is_blamed_on_the_last_step_that_took_it(states: list[Any]) -> None:
    steps = steps_of(states)
    changes = diff(states[0], states[-1])
    for change, maker in zip(changes, made_by(changes, steps[::-1]), strict=True):
        if change.op == "remove":
            there = [not same(value_at(state, change.path), value_at(states[-1], change.path)) for state in states]
            assert maker == max(n for n in range(1, len(states)) if there[n - 1] and not there[n])


@given(st.lists(STATES, min_size=2, max_size=8))
def test_an_item_that_is_gone_is_blamed_on_the_step_that_took_it(states: list[Any]) -> None:
    steps = steps_of(states)
    changes = diff(states[0], states[-1])
    for change, maker in zip(changes, made_by(changes, steps[::-1]), strict=True):
        if change.op == "remove" and change.shifts:
            id = change.old["id"]  # type: ignore[index,call-overload]
            there = [any(item["id"] == id for item in state["items"]) for state in states]
            assert maker == there.index(False)


@given(st.lists(VALUES, min_size=2, max_size=6))
def test_every_change_is_blamed_on_a_step_that_changed_something(states: list[Json]) -> None:
    steps = steps_of(states)
    changes = diff(states[0], states[-1])
    makers = made_by(changes, steps[::-1])
    assert equal(apply(states[0], changes), states[-1])
    for maker in makers:
        assert maker is None or steps[maker - 1][1]
    # Only what an array's items exchanged by their places may be nobody's.
    if not any(change.shifts or change.op == "move" for _, each in [*steps, (0, changes)] for change in each):
        assert None not in makers
