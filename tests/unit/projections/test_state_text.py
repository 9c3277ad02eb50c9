"""States as text are read back exactly, to the order of keys and the last digit."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.values.change import Json
from projections.values.exact_json import MAX_DEPTH, NotAState, dumps, loads
from tests.support.json_values import VALUES

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [Decimal("2"), Decimal("-0"), Decimal("1.50"), Decimal("0E+5"), Decimal("1E-400")]
)
NUMBERS = st.integers() | st.integers(-(10**30), 10**30) | DECIMALS


def exactly(value: Any) -> Any:
    """A representation that is equal only for equal values: types, digits, signs and the order of keys."""
    if isinstance(value, dict):
        return [(key, exactly(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return ["list", *map(exactly, value)]
    return type(value), value.as_tuple() if isinstance(value, Decimal) else value


@given(VALUES)
def test_a_state_comes_back_as_it_was(state: Json) -> None:
    assert exactly(loads(dumps(state))) == exactly(state)


@given(st.lists(NUMBERS, max_size=3))
def test_numbers_keep_their_type_and_every_digit(numbers: list[Json]) -> None:
    assert exactly(loads(dumps(numbers))) == exactly(numbers)


def test_keys_stay_in_order_and_text_is_compact() -> None:
    assert (
        dumps({"b": 1, "a": [Decimal("1.50"), Decimal(2), 2, None, True, "ä"]})
        == '{"b":1,"a":[1.50,2E0,2,null,true,"ä"]}'
    )


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("state", "pointer", "problem"),
    [
        ({"a": {"b/c": [1, 1.5]}}, "/a/b~1c/1", "float"),
        ({"a": {1: 2}}, "/a", "1 is not"),
        ({True: 1}, "", "True is not"),
        ({"a": [Decimal("NaN")]}, "/a/0", "NaN is not a JSON number"),
        ([Decimal("-Infinity")], "/0", "not a JSON number"),
        ({"a": {1, 2}}, "/a", "set has no order"),
        ({"a": (1, 2)}, "/a", "tuple"),
        ([Colour.RED], "/0", "Colour"),
        (object(), "", "object"),
        (["\ud800"], "/0", "lone surrogate"),
        ({"a\ud800": 1}, "", "lone surrogate"),
        ({"a": "x\0"}, "/a", r"U\+0000"),
    ],
)
def test_a_value_that_is_no_state_is_refused_with_its_place(state: Any, pointer: str, problem: str) -> None:
    with pytest.raises(NotAState, match=problem) as refusal:
        dumps(state)
    assert refusal.value.pointer == pointer


def test_a_text_that_looks_like_the_escape_of_nul_is_kept() -> None:
    assert loads(dumps(["\\u0000"])) == ["\\u0000"]


@pytest.mark.parametrize(("deep", "fits"), [(MAX_DEPTH - 1, True), (MAX_DEPTH, False), (100_000, False)])
def test_a_state_has_a_limit_to_its_depth(deep: int, fits: bool) -> None:
    state: Any = []
    for _ in range(deep):
        state = [state]
    if fits:
        assert loads(dumps(state)) == state
    else:
        with pytest.raises(NotAState, match="nested"):
            dumps(state)
    while state:  # 100,000 levels deep, its destruction is a recursion
        state = state.pop()


@pytest.mark.parametrize("text", ["-0", "[-0,0]", '{"a":-0,"b":"-0, -0","c":[-0]}', '{"a":{"b":-0}}'])
def test_a_negative_zero_keeps_its_sign(text: str) -> None:
    assert dumps(loads(text)) == text


def test_a_number_that_only_looks_like_a_negative_zero_is_read_as_it_is() -> None:
    assert loads('["-0", " -0 ", -0.5, -0e3, -10, 0, 1e-0, "2026-01-05"]') == [
        "-0", " -0 ", Decimal("-0.5"), Decimal("-0e3"), -10, 0, Decimal("1e-0"), "2026-01-05",
    ]  # fmt: skip
