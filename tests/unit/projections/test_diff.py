"""Differences: RFC 6902 operations at RFC 6901 pointers."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.json.pointer import below
from projections.values import diff as bounds
from projections.values.blame import past
from projections.values.change import Change, Json
from projections.values.diff import apply, diff, diff_along, equal
from tests.support.json_values import VALUES


def move(source: str, path: str) -> Change:
    return Change("move", path, source=source)


def replace(path: str, value: Json, old: Json) -> Change:
    return Change("replace", path, value, old)


NAMED: st.SearchStrategy[Any] = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 9), "v": st.integers(0, 1) | st.just(True)}),
    max_size=10,
    unique_by=lambda item: item["id"],
)


@given(VALUES, VALUES)
def test_applying_a_difference_to_before_gives_after(before: Json, after: Json) -> None:
    assert equal(apply(before, diff(before, after)), after)


def pointers(value: Json, pointer: str = "") -> Iterator[str]:
    """All values inside a value."""
    yield pointer
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from pointers(each, below(pointer, key))


@given(st.data(), VALUES | st.dictionaries(st.sampled_from("abc"), NAMED | VALUES), VALUES)
def test_along_a_pointer_it_is_what_touches_what_stands_there(data: st.DataObject, before: Any, other: Json) -> None:
    after = data.draw(st.sampled_from([other, deepcopy(before)]))
    if isinstance(before, dict) and isinstance(after, dict):
        after |= {key: data.draw(NAMED | VALUES) for key in data.draw(st.sets(st.sampled_from("abcd")))}
    some = [*pointers(before), *pointers(after), "/a/none", "/-", "no pointer"]
    for pointer in data.draw(st.lists(st.sampled_from(some), max_size=5)):
        everything = list(past(pointer, [(1, diff(before, after))]))
        assert list(past(pointer, [(1, diff_along(before, after, pointer))])) == everything


@pytest.mark.parametrize(
    "after", [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": None}, {"b": 1}, {"c": 0, "a": 1}, {}]
)
def test_an_object_is_looked_through_in_any_order(after: dict[str, Json]) -> None:
    befores: list[dict[str, Json]] = [{"a": 1, "b": 2}, {"a": 1}, {"b": 2, "a": 1}, {"a": None}]
    for before in befores:
        assert apply(before, diff(before, after)) == after


@given(VALUES)
def test_a_value_does_not_differ_from_itself(value: Json) -> None:
    assert diff(value, deepcopy(value)) == ()


@given(VALUES, VALUES)
def test_taking_a_difference_changes_neither_value(before: Json, after: Json) -> None:
    copies = deepcopy((before, after))
    apply(before, diff(before, after))
    assert (before, after) == copies


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"a": 1}, {"a": 2}, [Change("replace", "/a", 2, 1)]),
        ({}, {"a": None}, [Change("add", "/a", None)]),
        ({"a": 1}, {}, [Change("remove", "/a", old=1)]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [Change("replace", "/a/b", 2, 1)]),
        ({"x/y~": 1}, {"x/y~": 2}, [Change("replace", "/x~1y~0", 2, 1)]),
        ([1, 2], [1, 2, 3], [Change("add", "/2", 3, shifts=True)]),
        ([1, 2], [0, 1, 2], [Change("add", "/0", 0, shifts=True)]),
        ([1, 2, 3], [1, 3], [Change("remove", "/1", old=2, shifts=True)]),
        ({"a": 1}, [1], [Change("replace", "", [1], {"a": 1})]),
        (["x", {"id": 1}], ["x", {"id": 1, "a": 2}], [Change("add", "/1/a", 2)]),
        ([{"id": 1, "a": 1}, {"id": 2}], [{"id": 2}, {"id": 1, "a": 2}], [move("/0", "/1"), replace("/1/a", 2, 1)]),
        (
            [{"name": "a"}, {"name": "b"}, {"name": "c"}],
            [{"name": "c"}, {"name": "a"}, {"name": "b"}],
            [move("/2", "/0")],
        ),
        (
            [{"key": "a", "n": 1}, {"key": "b", "n": 1}],
            [{"key": "b", "n": 2}],
            [Change("remove", "/0", old={"key": "a", "n": 1}, shifts=True), replace("/0/n", 2, 1)],
        ),
        # Two items have one name: nothing is identified by it, so items match by their place.
        ([{"id": 1}, {"id": 1, "a": 1}], [{"id": 1}, {"id": 1, "a": 2}], [replace("/1/a", 2, 1)]),
        ({"a": True}, {"a": 1}, [Change("replace", "/a", 1, True)]),
        ([1, [True]], [1, [1]], [Change("replace", "/1/0", 1, True)]),
    ],
)
def test_a_difference_is_as_small_as_it_reads(before: Json, after: Json, changes: list[Change]) -> None:
    assert list(diff(before, after)) == changes


@given(NAMED, NAMED)
def test_applying_a_difference_of_named_items_to_before_gives_after(before: Json, after: Json) -> None:
    assert equal(apply(before, diff(before, after)), after)


@given(st.permutations(range(8)))
def test_no_more_items_move_than_must(order: list[int]) -> None:
    after: Json = [{"id": n} for n in order]
    before: Json = [{"id": n} for n in range(8)]
    moves = diff(before, after)
    assert {change.op for change in moves} <= {"move"}
    assert len(moves) == 8 - _longest_increasing(order)


def _longest_increasing(order: list[int]) -> int:
    best: list[int] = []
    for n, place in enumerate(order):
        best.append(1 + max((best[i] for i in range(n) if order[i] < place), default=0))
    return max(best, default=0)


class Watched(dict[str, Any]):
    """An object that counts how often it is read."""

    looks = 0

    def __getitem__(self, key: str) -> Any:
        Watched.looks += 1
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        Watched.looks += 1
        return super().get(key, default)

    def keys(self) -> Any:
        Watched.looks += 1
        return super().keys()

    def items(self) -> Any:
        Watched.looks += 1
        return super().items()


def test_a_part_that_both_values_share_is_never_read() -> None:
    shared = [Watched(id=n, inner=Watched(a=n)) for n in range(1_000)]
    before = {"items": shared, "by": {str(n): item for n, item in enumerate(shared)}}
    after = {
        "items": [*shared[:500], {"id": "new"}, *shared[500:]],
        "by": {**before["by"], "7": Watched(id=7, inner=shared[7]["inner"], b=1)},  # type: ignore[dict-item]
    }
    Watched.looks = 0
    changes = diff(before, after)  # type: ignore[arg-type]
    assert [(change.op, change.path) for change in changes] == [("add", "/items/500"), ("add", "/by/7/b")]
    assert Watched.looks < 10


@given(VALUES | NAMED, VALUES | NAMED, st.integers(0, 3), st.integers(0, 3))
def test_a_bounded_difference_gives_after_too(before: Json, after: Json, children: int, changes: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bounds, "MAX_CHILDREN", children)
        patched.setattr(bounds, "MAX_CHANGES", changes)
        patched.setattr(bounds, "MAX_NAMED_ITEMS", children)
        bounded = diff(before, after)
    assert equal(apply(before, bounded), after)


MANY = 90_000


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {f"key {n}": n for n in range(MANY)}),
        ({f"key {n}": n for n in range(MANY)}, {}),
        ({f"key {n}": n for n in range(MANY)}, {f"key {n}": -n - 1 for n in range(MANY)}),
        ([], list(range(MANY))),
        (list(range(MANY)), [-n - 1 for n in range(MANY)]),
        ([{"id": n} for n in range(MANY)], [{"id": n} for n in reversed(range(MANY))]),
    ],
)
def test_many_changes_in_one_container_are_told_as_one_replacement(before: Json, after: Json) -> None:
    assert diff({"all": before, "n": 1}, {"all": after, "n": 2}) == (
        replace("/all", after, before),
        replace("/n", 2, 1),
    )


def test_a_thousand_changes_in_one_container_are_told_one_by_one() -> None:
    after: dict[str, Json] = {f"key {n}": n for n in range(bounds.MAX_CHILDREN)}
    assert len(diff({}, after)) == bounds.MAX_CHILDREN
    assert diff({}, {**after, "one more": 1}) == (replace("", {**after, "one more": 1}, {}),)


def test_changes_in_containers_within_containers_are_bounded_together() -> None:
    def nested(value: int) -> Json:
        return {str(outer): {str(inner): value for inner in range(500)} for outer in range(50)}

    assert diff(nested(1), nested(2)) == (replace("", nested(2), nested(1)),)
