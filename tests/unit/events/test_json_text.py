"""The contents that a payload may have, and the payloads that count as equal.

Each rule holds on both ways through `canonical()`: orjson's quick way, and the exact way, which a number of sixteen
digits anywhere in the payload leads to.
"""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from events.errors import Invalid, NumberTooLarge, TooLarge
from events.json.text import canonical, refuse_duplicates
from events.json.value import loads

QUICK, EXACT = "1", "1234567890123456"
both_ways = pytest.mark.parametrize("way", [QUICK, EXACT], ids=["quick", "exact"])


def on(way: str, text: str | bytes) -> bytes:
    """A text beside a number; the number decides which way the payload goes."""
    raw = text.encode() if isinstance(text, str) else text
    return b"[" + raw + b"," + way.encode() + b"]"


def canonical_of(text: str, way: str) -> bytes:
    """The canonical form of one text, by the quick or the exact way."""
    return canonical(on(way, text), "data").removeprefix(b"[").removesuffix(f",{way}]".encode())


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
floats = st.builds(lambda digits, power: float(f"{digits}e{power}"), st.integers(-(10**6), 10**6), st.integers(-99, 90))
narrow_numbers = st.integers(-(10**14), 10**14) | floats
wide_numbers = st.integers(-(10**40), 10**40) | st.decimals(-(10**30), 10**30, allow_nan=False, places=20)
numbers = narrow_numbers | wide_numbers
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def spell(value: Any, how: random.Random) -> str:
    """A spelling of a JSON value: its members in some order, with white space and escapes."""
    space = how.choice(["", " ", "\n\t"])
    if isinstance(value, dict):
        members = [f"{spell(key, how)}{space}:{space}{spell(value[key], how)}" for key in value]
        how.shuffle(members)
        return "{" + space + f",{space}".join(members) + "}" + space
    if isinstance(value, list):
        return "[" + f"{space},".join(spell(item, how) for item in value) + space + "]"
    if isinstance(value, str):
        escaped = how.random() < 0.5
        return '"' + "".join(map(_escape, value)) + '"' if escaped else json.dumps(value, ensure_ascii=False)
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _escape(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02X}" for i in range(0, len(units), 2))


def same(a: Any, b: Any) -> bool:
    """Whether two parsed payloads are the same JSON value. For the digest, 1 is not 1.0, and 0.0 is not -0.0."""
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return a == b and a.is_signed() == b.is_signed()
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and bool(a == b)


def depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


@given(values, st.randoms(use_true_random=False))
def test_spelling_does_not_change_the_canonical_form(value: Any, how: random.Random) -> None:
    assert canonical(spell(value, how).encode(), "data") == canonical(spell(value, how).encode(), "data")


@given(values, st.randoms(use_true_random=False))
def test_both_ways_give_the_same_canonical_form(value: Any, how: random.Random) -> None:
    text = spell(value, how)
    assert canonical_of(text, QUICK) == canonical_of(text, EXACT)


@given(values)
def test_the_canonical_form_says_what_was_sent(value: Any) -> None:
    text = spell(value, random.Random(0))
    parsed, parsed_canonical = loads(text), loads(canonical(text.encode(), "data").decode())
    assert same(parsed_canonical, parsed)


@given(values, values)
def test_different_values_never_share_a_canonical_form(a: Any, b: Any) -> None:
    text_a, text_b = spell(a, random.Random(0)), spell(b, random.Random(0))
    alike = canonical(text_a.encode(), "data") == canonical(text_b.encode(), "data")
    assert alike == same(loads(text_a), loads(text_b))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (str(2**80), str(2**80 + 1)),
        ("0.12345678901234567890", "0.12345678901234567891"),
        ("9007199254740992", "9007199254740993"),
        ("9007199254740993", "9007199254740992.0"),
        ("1", "true"),
        ("1", '"1"'),
        ("true", '"true"'),
        ("null", '"null"'),
        ("null", "{}"),
        ("{}", "[]"),
        ("[[1],2]", "[1,[2]]"),
        ('{"a":{"b":1}}', '{"a":1,"b":1}'),
        ('"\\u00e9"', '"e\\u0301"'),
        ("1e1000", "1e999"),
        ("1e-400", "0.0"),
        (f"1{'0' * 998}1", f"1{'0' * 998}2"),
    ],
)
def test_near_values_have_different_canonical_forms(a: str, b: str) -> None:
    assert canonical(a.encode(), "data") != canonical(b.encode(), "data")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("1.50", "15e-1"),
        ("1.5000000000000000000", "1.5"),
        ("0.00000000000000000001", "1e-20"),
        ("12345678901234567890.10", "1234567890123456789010e-2"),
        ('[1.5," 1234567890123456"]', '[1.5,"\\u00201234567890123456"]'),
        ('[2.50,"a:b"]', '[2.5,"a\\u003ab"]'),
        ('"/"', '"\\/"'),
        ('"\\u00E9"', '"é"'),
        ('"\\ud83d\\ude00"', '"😀"'),
        ('"\\u007f"', '"\x7f"'),
    ],
)
def test_other_spellings_of_one_value_have_one_canonical_form(a: str, b: str) -> None:
    assert canonical(a.encode(), "data") == canonical(b.encode(), "data")


@pytest.mark.parametrize(
    "text",
    [
        *('"\\u0000"', '{"\\u0000":1}', '"\\\\\\u0000"', '"a\\nb\\u0000"'),
        *('"\0"', '"\x01"', '"\n"'),
        *('"\\ud800"', '"\\udc00"', '{"\\udfff":1}', '"\\ud800\\ud800"', '"\\udc00\\ud800"', '"\\ud83dx"'),
        *("NaN", "Infinity", "-Infinity", "nan"),
        *("", " ", "[1,]", '{"a":1,}', "{'a':1}", "01", "1.", ".5", "+1", "-", "1e", "0x1", "1_000", "truE"),
        *("1 2", "[1]]", "[1", '{"a"}', "{1:2}", '"\\x41"', '"\\u12"', '"\\u00zz"', "\ufeff1", "\x0c1", "1\xa0"),
    ],
)
@both_ways
def test_invalid_json_and_invalid_text_are_refused_by_field(text: str, way: str) -> None:
    with pytest.raises(Invalid) as refusal:
        canonical(on(way, text), "events[3].data")
    assert refusal.value.detail.startswith("events[3].data ")
    assert refusal.value.fields["field"] == "events[3].data"


@pytest.mark.parametrize(
    "raw", [b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b'{"\xff":1}']
)
@both_ways
def test_bad_utf8_is_refused(raw: bytes, way: str) -> None:
    with pytest.raises(Invalid):
        canonical(on(way, raw), "data")


@pytest.mark.parametrize("text", ['"\\\\u0000"', '"\\\\\\\\u0000"', '"\\u0001"', '"\\u007f"', '"\\\\ud800"'])
@both_ways
def test_text_that_only_looks_like_nul_or_a_surrogate_is_accepted(text: str, way: str) -> None:
    assert loads(canonical_of(text, way).decode()) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        '{"a":1,"a":2}',
        '{"a":1,"b":2,"\\u0061":3}',
        '[{"x":{"k":1,"k":{}}}]',
        '{"":0,"":0}',
        '{"a:b":1,"a\\u003ab":2}',
        '{"a":"\\u003a","a":1}',
        '{"a":1,"a":"\\u003A"}',
        '{"a":[1],"a":":"}',
        '{"a":":","a":"::"}',
        '{"é":1,"\\u00e9":2}',
    ],
)
@both_ways
def test_a_repeated_key_is_refused_however_it_is_written(text: str, way: str) -> None:
    with pytest.raises(Invalid, match="twice"):
        canonical(on(way, text), "data")


@pytest.mark.parametrize(
    "text", ['{"a":{"a":1}}', '[{"a":1},{"a":1}]', '{"a":":","b":"::"}', '{"a":1,"A":1}', '{"é":1,"e\\u0301":2}']
)
@both_ways
def test_a_key_that_is_not_repeated_is_taken(text: str, way: str) -> None:
    assert loads(canonical_of(text, way).decode()) == json.loads(text)


def nested(levels: int, *, kind: str = "[]", core: str = "") -> str:
    opening = {"[]": "[", "{}": '{"a":'}[kind]
    innermost = core or kind
    return opening * (levels - 1) + innermost + kind[1] * (levels - 1)


@pytest.mark.parametrize("kind", ["[]", "{}"])
@both_ways
def test_a_hundred_levels_are_taken_and_one_more_is_not(kind: str, way: str) -> None:
    canonical(on(way, nested(99, kind=kind)), "data")  # with the list around it, a hundred
    with pytest.raises(Invalid) as refusal:
        canonical(on(way, nested(100, kind=kind)), "data")
    assert refusal.value.fields == {"field": "data", "limit": 100}


@pytest.mark.parametrize("levels", [101, 1_000, 1_100, 100_000])
@both_ways
def test_any_depth_beyond_the_limit_is_refused_with_the_limit(levels: int, way: str) -> None:
    with pytest.raises(Invalid) as refusal:
        canonical(on(way, nested(levels)), "data")
    assert refusal.value.fields == {"field": "data", "limit": 100}


@given(
    st.recursive(st.just(0), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)),
    st.integers(88, 104),
    st.sampled_from([QUICK, EXACT]),
)
def test_depth_is_counted_as_a_reader_would(core: Any, levels: int, way: str) -> None:
    text = nested(levels, core=json.dumps(core))
    is_allowed = 1 + levels - 1 + depth(core) <= 100
    try:
        canonical(on(way, text), "data")
    except Invalid:
        assert not is_allowed
    else:
        assert is_allowed


def test_wide_values_are_not_deep() -> None:
    canonical(b"[" + b",".join([b'{"a":[1]}'] * 1_000) + b"]", "data")


@both_ways
def test_size_is_taken_up_to_the_limit_and_refused_beyond(way: str) -> None:
    limit = settings.EVENTSITE.event_max_bytes
    around = len(on(way, '""'))
    at_limit = on(way, '"' + "a" * (limit - around) + '"')
    assert len(at_limit) == limit
    canonical(at_limit, "data")
    with pytest.raises(TooLarge) as refusal:
        canonical(at_limit + b" ", "data")
    assert refusal.value.fields == {"field": "data", "limit": limit}


def test_size_is_counted_in_bytes() -> None:
    with pytest.raises(TooLarge):
        canonical(('"' + "é" * (settings.EVENTSITE.event_max_bytes // 2) + '"').encode(), "data")


@pytest.mark.parametrize(
    "number",
    [
        "9" * 1_000,
        "-" + "9" * 1_000,
        "0." + "9" * 999,
        "9" * 500 + "." + "9" * 500,
        "1e1000",
        "1E+1000",
        "-1.5e-1000",
        "9" * 1_000 + "e1000",
        "0e1000",
        str(2**80),
        "0.12345678901234567890",
        "-0",
        "-0.0",
        "1e0099",
    ],
)
def test_numbers_within_the_limits_are_taken_and_keep_their_value(number: str) -> None:
    canonical_text = canonical(number.encode(), "data").decode()
    assert Decimal(canonical_text) == Decimal(number)


@pytest.mark.parametrize(
    "number",
    [
        "9" * 1_001,
        "-" + "9" * 1_001,
        "0." + "9" * 1_000,
        "1e1001",
        "1e-1001",
        "1e131071",
        "1E+99999999999999999999",
        "0e1001",
    ],
)
@pytest.mark.parametrize("around", ["{}", "[{}]", '{{"a":[{}]}}', '{{"a": {}}}', "[1,\n{}]"])
def test_larger_numbers_are_refused_as_number_too_large(number: str, around: str) -> None:
    with pytest.raises(NumberTooLarge) as refusal:
        canonical(around.format(number).encode(), "data")
    assert refusal.value.code == "number-too-large"
    assert refusal.value.fields == {"field": "data", "limit": 1_000}


@given(numbers)
def test_parsing_for_display_keeps_every_digit(number: int | float | Decimal) -> None:
    text = str(number) if isinstance(number, Decimal) else json.dumps(number)
    parsed = loads(text)
    assert isinstance(parsed, int | Decimal)
    assert parsed == Decimal(text)


def test_a_repeated_key_in_a_request_is_named() -> None:
    with pytest.raises(Invalid, match="'b'"):
        refuse_duplicates(b'{"a":[{"b":1,"c":2,"b":3}]}')
    refuse_duplicates(b'{"a":[{"b":1},{"b":2}]}')


def test_looking_for_repeated_keys_leaves_numbers_alone() -> None:
    refuse_duplicates(b'{"a":' + b"9" * 5_000 + b"}")  # int() takes no more digits: canonical() names the limit
