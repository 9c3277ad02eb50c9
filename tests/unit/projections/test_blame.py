"""Blame: the steps that set a value, proved by a comparison of the values at every step."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.values.blame import future, past
from projections.values.change import Json
from tests.support.blames import STATES, by_force, pointers, same, steps_of, value_at
from tests.support.json_values import VALUES


@given(st.lists(STATES, min_size=2, max_size=8))
def test_blame_is_what_comparing_the_values_at_each_step_finds(states: list[Any]) -> None:
    steps = steps_of(states)
    for pointer in pointers(states[-1]):
        assert [touch.n for touch in past(pointer, reversed(steps))] == by_force(states, pointer), pointer


@given(st.lists(VALUES, min_size=2, max_size=6))
def test_a_value_stays_as_it_is_from_its_last_change_on(states: list[Json]) -> None:
    steps = steps_of(states)
    for pointer in pointers(states[-1]):
        last = next(past(pointer, reversed(steps)), None)
        n, place = (last.n, last.pointer) if last else (0, None)
        if place is not None:
            assert same(value_at(states[n], place), value_at(states[-1], pointer))
        else:
            assert any(same(value_at(states[0], each), value_at(states[-1], pointer)) for each in pointers(states[0]))


@given(st.lists(VALUES, min_size=2, max_size=6))
def test_the_next_change_is_the_first_after_which_a_value_differs(states: list[Json]) -> None:
    steps = steps_of(states)
    for pointer in pointers(states[0]):
        value = value_at(states[0], pointer)
        first = next(future(pointer, steps), None)
        for n in range(1, first.n if first else len(states)):
            assert any(same(value_at(states[n], each), value) for each in pointers(states[n]))


@given(st.lists(STATES, min_size=2, max_size=6))
def test_looking_on_finds_what_looking_back_finds(states: list[Any]) -> None:
    steps = steps_of(states)
    for pointer in pointers(states[-1]):
        back = list(past(pointer, reversed(steps)))
        if back:
            on = list(future(back[-1].pointer, steps[back[-1].n :]))
            assert [(touch.n, touch.pointer) for touch in on] == [(each.n, each.pointer) for each in back[-2::-1]]


def test_an_insert_before_an_item_moves_it_and_sets_nothing() -> None:
    states: list[Json] = [{"log": []}, {"log": ["a"]}, {"log": ["new", "a"]}]
    assert [touch.n for touch in past("/log/1", reversed(steps_of(states)))] == [1]
    assert [touch.n for touch in past("/log", reversed(steps_of(states)))] == [2, 1]


def test_a_key_that_looks_like_an_index_never_moves() -> None:
    states: list[Json] = [{"500": 1}, {"404": 1, "500": 1}]
    assert list(past("/500", reversed(steps_of(states)))) == []


def test_a_remove_is_blamed_for_what_is_gone_and_the_set_before_it_is_its_history() -> None:
    states: list[Json] = [{}, {"a": {"b": 1}}, {}, {"c": 1}]
    assert [touch.n for touch in past("/a/b", reversed(steps_of(states)))] == [2, 1]


def test_a_change_says_what_it_did_to_the_value() -> None:
    states: list[Json] = [{"a": {"b": 1, "c": 1}}, {"a": {"b": 2, "c": 2}, "d": 1}]
    (touch,) = past("/a", reversed(steps_of(states)))
    assert [(change.path, change.old, change.value) for change in touch.changes] == [("/a/b", 1, 2), ("/a/c", 1, 2)]


def test_an_index_of_thousands_of_digits_names_no_item() -> None:
    states: list[Json] = [{"items": [1, 2]}, {"items": [2]}]
    steps = steps_of(states)[::-1]
    assert [touch.n for touch in past(f"/items/{'1' * 5_000}", steps)] == []
