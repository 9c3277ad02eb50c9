"""The step that made each change of a difference, proved by a comparison of the values at every step."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from projections.replay.compare import makers_of
from projections.values.change import Json
from projections.values.diff import apply, diff, equal
from tests.support.blames import STATES, by_force, same, steps_of, value_at
from tests.support.json_values import VALUES


@given(st.lists(STATES, min_size=2, max_size=8))
def test_each_value_that_differs_is_blamed_on_the_last_step_that_changed_it(states: list[Any]) -> None:
    steps = steps_of(states)
    changes = diff(states[0], states[-1])
    for change, maker in zip(changes, makers_of(changes, steps[::-1]), strict=True):
        if change.op == "replace":  # its path is its place in the end
            assert maker == by_force(states, change.path)[0], change


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "x/y"]), st.integers(0, 2)), min_size=2, max_size=8))
def test_a_removed_value_is_blamed_on_the_last_step_that_took_it(states: list[Any]) -> None:
    steps = steps_of(states)
    changes = diff(states[0], states[-1])
    for change, maker in zip(changes, makers_of(changes, steps[::-1]), strict=True):
        if change.op == "remove":
            there = [not same(value_at(state, change.path), value_at(states[-1], change.path)) for state in states]
            assert maker == max(n for n in range(1, len(states)) if there[n - 1] and not there[n])


@given(st.lists(STATES, min_size=2, max_size=8))
def test_an_item_that_is_gone_is_blamed_on_the_step_that_took_it(states: list[Any]) -> None:
    steps = steps_of(states)
    changes = diff(states[0], states[-1])
    for change, maker in zip(changes, makers_of(changes, steps[::-1]), strict=True):
        if change.op == "remove" and change.shifts:
            id = change.old["id"]  # type: ignore[index,call-overload]
            there = [any(item["id"] == id for item in state["items"]) for state in states]
            assert maker == there.index(False)


def _of(*ids: int) -> dict[str, Any]:
    return {"items": [{"id": id, "v": 0} for id in ids], "by": {}, "n": 0}


@given(st.lists(STATES, min_size=2, max_size=8))
@example([_of(1, 2), _of(2, 3, 1)])  # it comes before another moves after it
def test_an_item_that_came_is_blamed_on_the_last_step_that_changed_it(states: list[Any]) -> None:
    steps = steps_of(states)
    changes = diff(states[0], states[-1])
    for change, maker in zip(changes, makers_of(changes, steps[::-1]), strict=True):
        if change.op == "add" and change.shifts:  # later on, other items may come and move before it
            place = [item["id"] for item in states[-1]["items"]].index(change.value["id"])  # type: ignore[index,call-overload]
            assert maker == by_force(states, f"/items/{place}")[0]


SPARSE = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 4)}, optional={"v": st.integers(0, 1)}),
    max_size=5,
    unique_by=lambda item: item["id"],
)


@given(st.lists(SPARSE, min_size=2, max_size=6))
def test_a_removed_member_is_blamed_on_the_step_that_took_it(states: list[Any]) -> None:
    steps = steps_of(states)
    changes = diff(states[0], states[-1])
    for change, maker in zip(changes, makers_of(changes, steps[::-1]), strict=True):
        if change.op == "remove" and not change.shifts:
            place = int(change.path.split("/")[1])  # an item's lost member comes last
            id = states[-1][place]["id"]
            items = [next(({"v": None, **item} for item in state if item["id"] == id), None) for state in states]
            if None not in items:  # an item that went and came again is another item
                values = [each["v"] for each in items if each]
                assert maker == max(n for n in range(1, len(states)) if values[n - 1] is not None and values[n] is None)


@given(st.lists(VALUES, min_size=2, max_size=6))
def test_every_change_is_blamed_on_a_step_that_changed_something(states: list[Json]) -> None:
    steps = steps_of(states)
    changes = diff(states[0], states[-1])
    makers = makers_of(changes, steps[::-1])
    assert equal(apply(states[0], changes), states[-1])
    for maker in makers:
        assert maker is None or steps[maker - 1][1]
    # Only the changes by which an array's items changed places may have no maker.
    if not any(change.shifts or change.op == "move" for _, each in [*steps, (0, changes)] for change in each):
        assert None not in makers


def test_a_long_list_is_compared_at_once() -> None:
    before: Json = [{"v": n} for n in range(900)]
    after: Json = [{"v": n} for n in range(1_800)]
    steps = steps_of([before, after])
    assert makers_of(steps[0][1], steps) == [1] * 300 + [None] * 600
    steps = steps_of([after, before])
    assert makers_of(steps[0][1], steps) == [1] * 100 + [None] * 800


def test_a_list_that_changed_in_too_many_items_was_replaced() -> None:
    before: Json = [{"v": n} for n in range(3_000)]
    after: Json = [{"v": n} for n in range(6_000)]
    steps = steps_of([before, after])
    assert [change.op for change in steps[0][1]] == ["replace"]
    assert makers_of(steps[0][1], steps) == [1]
