"""JSON is read with every digit: the same values as the standard library reads, but more quickly."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.json.value import loads, visible

DIGITS = st.text("0123456789", min_size=1, max_size=40)
NUMBERS = st.builds(
    lambda sign, whole, fraction, exponent: sign + (whole.lstrip("0") or "0") + fraction + exponent,
    st.sampled_from(["", "-"]),
    DIGITS,
    st.just("") | DIGITS.map(lambda digits: f".{digits}"),
    st.just("")
    | st.builds("{}{}{}".format, st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), st.integers(0, 999)),
)
STRINGS = st.text(st.characters(codec="utf-8")).flatmap(
    lambda text: st.booleans().map(lambda ascii: json.dumps(text, ensure_ascii=ascii))
)


def _containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.builds("{}: {}".format, STRINGS, inner)
    return st.lists(inner, max_size=4).map(lambda items: f"[{' , '.join(items)}]") | st.lists(members, max_size=4).map(
        lambda items: "{" + ",".join(items) + "}"
    )


TEXTS = st.recursive(NUMBERS | STRINGS | st.sampled_from(["true", "false", "null"]), _containers, max_leaves=10)


def exactly(value: Any) -> Any:
    """A representation that is equal only for equal values."""
    if isinstance(value, dict):
        return [(key, exactly(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return ["list", *map(exactly, value)]
    return type(value), value.as_tuple() if isinstance(value, Decimal) else value


@given(TEXTS)
@example("-0")
@example("-0.0")
@example("18446744073709551616")
@example("-9223372036854775809")
@example("1" * 1_000)
@example("1e-1000")
@example('{"a":1,"b":2,"a":3}')
@example('"\\ud83d\\ude00\\u0000\\/"')
@example("[" * 101 + "]" * 101)
def test_a_text_is_read_as_the_standard_library_reads_it_with_decimals(text: str) -> None:
    assert exactly(loads(text)) == exactly(json.loads(text, parse_float=Decimal, parse_int=whole))


def whole(digits: str) -> int | Decimal:
    """No int is -0."""
    return Decimal(digits) if digits == "-0" else int(digits)


@pytest.mark.parametrize("text", ["", "NaN", "Infinity", "[1,]", "01", "1.", "{'a':1}", '"\x01"', "[1] 2"])
def test_text_that_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(Exception, match="malformed|truncated|trailing"):
        loads(text)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("\u202eevil", "\\u202eevil"),
        ("order\u200b-1", "order\\u200b-1"),
        ("order\u200d-1", "order\\u200d-1"),
        ("a\ufe0f", "a\\ufe0f"),
        ("\ufefforder", "\\ufefforder"),
        ("or\xadder", "or\\xadder".replace("xad", "u00ad")),
        ("\u3164", "\\u3164"),
        ("a\U000e0041", "a\\U000e0041"),
        ("a\x9fb", "a\\u009fb"),
        ("a\u2028b", "a\\u2028b"),
    ],
)
def test_a_character_that_can_not_be_seen_is_written_as_an_escape(text: str, escaped: str) -> None:
    assert visible(text) == escaped


@pytest.mark.parametrize(
    "text", ["order-1", "Grüße, 注文 заказ", "a\tb\nc", "⚠️ 👩\u200d🚀", "می\u200cخواهم", "e\u0301"]
)
def test_visible_characters_stay_unchanged(text: str) -> None:
    assert visible(text) == text
