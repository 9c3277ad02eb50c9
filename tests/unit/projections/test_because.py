"""The place of an equal value is offered if it is telling, and is found wherever it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from events.json.pointer import at
from projections.replay.equal_values import equal_pointers
from projections.values.diff import equal
from tests.support.blames import pointers
from tests.support.json_values import VALUES


@given(VALUES, VALUES)
def test_an_offered_value_is_equal_and_elsewhere(state: Any, other: Any) -> None:
    whole = {"state": state, "other": other}
    for pointer in pointers(whole):
        value = at(whole, pointer)
        offers = equal_pointers(value, whole, but=pointer)
        assert pointer not in offers
        assert all(equal(at(whole, each), value) for each in offers)


@pytest.mark.parametrize("value", [None, True, False, 0, 1, -7, 99, "", "ok", "yes", [], {}, [1], {"a": "long text"}])
def test_a_value_that_is_everywhere_is_not_offered(value: Any) -> None:
    assert equal_pointers(value, {"a": value, "b": value}, but="/a") == []


@pytest.mark.parametrize("value", ["A-7-99", 4711, Decimal("0.25"), [1, 2], {"a": 1, "b": 2}])
def test_a_telling_value_is_offered(value: Any) -> None:
    assert equal_pointers(value, {"a": value, "b": {"c/d": [0, value]}}, but="/a") == ["/b/c~1d/1"]


def test_a_number_is_no_other_kind_of_value() -> None:
    assert equal_pointers(1000, {"a": "1000", "b": True}, but="") == []


def test_a_few_are_enough_and_a_huge_state_is_not_looked_through() -> None:
    assert equal_pointers("text", dict.fromkeys("abcdefgh", "text"), but="/a") == ["/b", "/c", "/d"]
    assert equal_pointers("text", {"many": [0] * 100_000, "last": ["text"]}, but="") == []
