"""Differences: RFC 6902 operations at RFC 6901 pointers."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given

from projections.diff import apply, diff, equal
from projections.types import Change, Json
from tests.unit.projections.json_values import VALUES


@given(VALUES, VALUES)
def test_applying_a_difference_to_before_gives_after(before: Json, after: Json) -> None:
    assert equal(apply(before, diff(before, after)), after)


@given(VALUES)
def test_a_value_does_not_differ_from_itself(value: Json) -> None:
    assert diff(value, deepcopy(value)) == ()


@given(VALUES, VALUES)
def test_taking_a_difference_changes_neither_value(before: Json, after: Json) -> None:
    kept = deepcopy((before, after))
    apply(before, diff(before, after))
    assert (before, after) == kept


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"a": 1}, {"a": 2}, [Change("replace", "/a", 2, 1)]),
        ({}, {"a": None}, [Change("add", "/a", None)]),
        ({"a": 1}, {}, [Change("remove", "/a", old=1)]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [Change("replace", "/a/b", 2, 1)]),
        ({"x/y~": 1}, {"x/y~": 2}, [Change("replace", "/x~1y~0", 2, 1)]),
        ([1, 2], [1, 2, 3], [Change("add", "/2", 3)]),
        ([1, 2], [0, 1, 2], [Change("add", "/0", 0)]),
        ([1, 2, 3], [1, 3], [Change("remove", "/1", old=2)]),
        ({"a": 1}, [1], [Change("replace", "", [1], {"a": 1})]),
        ({"a": True}, {"a": 1}, [Change("replace", "/a", 1, True)]),
        ([1, [True]], [1, [1]], [Change("replace", "/1/0", 1, True)]),
    ],
)
def test_a_difference_is_as_small_as_it_reads(before: Json, after: Json, changes: list[Change]) -> None:
    assert list(diff(before, after)) == changes
