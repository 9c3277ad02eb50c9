"""Queries and JSON for properties: few words, so that queries hit, and those that break languages."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from events.query.errors import InvalidQuery
from events.query.fields import CAN_BE_MISSING
from events.query.parse import parse
from events.query.tree import (
    Ago,
    Between,
    Changed,
    Compares,
    EachItem,
    Equals,
    Has,
    KeyStep,
    Like,
    Name,
    Named,
    Number,
    Numbered,
    Path,
    Pattern,
    Query,
    Root,
    Since,
    Step,
    System,
    Text,
    Until,
    all_of,
    any_of,
    negation,
)

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
HOSTILE = [
    *("a", "b", "ab", "aba", "Ab", "A", "é", "É", "ß", "İ", "ſ", "K", "𝔸", "\U0010ffff", "a b", "a-b", "-a"),
    *("'", '"', "\\", '\\"', "%", "_", "a%b", "*", "a*b", "?", "$", "$.a", '")', "'; drop table event; --", "{}", "[]"),
    *(
        "true",
        "null",
        "1",
        "1.0",
        "1..2",
        "..",
        "OR",
        "or",
        "NOT",
        "(",
        ")",
        ":",
        "a:b",
        ">1",
        "=",
        "\n",
        "\t",
        "\r",
        "\u2028",
    ),
    *("\x1f", "\u00a0", "/", "a/b", "~", "@", "#", "", " ", "$1", "%s", "{0}", ".*", "^", "\\u0041", "\\n", "/*"),
]
WORDS = st.sampled_from(["a", "ab"]) | st.sampled_from(HOSTILE) | st.text(CHARACTERS, max_size=3)
TEXTS = st.sampled_from([word for word in HOSTILE if word])
# The characters of names: control characters are refused.
NAMES = st.sampled_from([word for word in HOSTILE if word and word.isprintable()]) | st.sampled_from(
    ["a", "b", "ab", "A"]
)
KEYS = st.sampled_from(["a", "b"]) | st.sampled_from(["a b", "", '"', "\\", "$", "0", "a.b", "*", "é", "\U0010ffff"])
NUMBERS = st.sampled_from(
    [
        *map(Decimal, ("0", "1", "-1", "1.0", "0.1", "100", "1e2", "-0.0", "1e1000", "1e-1000")),
        *(Decimal(2**53), Decimal(2**53 + 1), Decimal(2**80), Decimal(2**80 + 1), Decimal("0.10000000000000000001")),
    ]
) | st.integers(-3, 3).map(Decimal)
TIMES = st.sampled_from(
    [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 12, 30, 0, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)]
) | st.datetimes(timezones=st.just(UTC))

_STEPS: st.SearchStrategy[Step] = st.builds(KeyStep, KEYS) | st.just(EachItem.ITEM) | st.integers(0, 2)
_PATTERNS = st.one_of(
    st.sampled_from([Pattern(("",) * 2), Pattern(("a", "")), Pattern(("", "b")), Pattern(("a", "b"))]),
    st.lists(WORDS, min_size=1, max_size=3).map(Pattern.of),
)
_COUNTS = st.integers(0, 30) | st.sampled_from([2**31, 2**63 - 2])


def paths(*roots: Root) -> st.SearchStrategy[Path]:
    return st.builds(Path, st.sampled_from(roots), st.lists(_STEPS, max_size=2).map(tuple))


def _numbered(number: Number, low: int | None, high: int | None) -> Numbered:
    return Numbered(number, low, 3 if low is None and high is None else high)


def leaves(*roots: Root) -> st.SearchStrategy[Query]:
    """Conditions on events, and on paths that begin at `roots`; relative times are pinned."""
    path = paths(*roots)
    ends = st.none() | _COUNTS
    return st.one_of(
        st.builds(Named, st.sampled_from(Name), _PATTERNS),
        st.builds(_numbered, st.sampled_from(Number), ends, ends),
        st.builds(Since, TIMES),
        st.builds(Until, TIMES),
        st.builds(System, st.booleans()),
        st.builds(Like, path, _PATTERNS),
        st.builds(Like, path, _PATTERNS),
        st.builds(Equals, path, st.none() | st.booleans() | NUMBERS),
        st.builds(Equals, path, NUMBERS),
        st.builds(Compares, path, st.sampled_from(["<", "<=", ">", ">="]), NUMBERS | WORDS),
        st.builds(Between, path, NUMBERS, NUMBERS),
        st.builds(Has, st.sampled_from(CAN_BE_MISSING) | path),
        st.builds(Text, TEXTS | st.text(CHARACTERS, min_size=1, max_size=3)),
    )


def queries(leaves: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3).map(all_of)
            | st.lists(inner, min_size=1, max_size=3).map(any_of)
            | inner.map(negation)
        ),
        max_leaves=6,
    )


EVENT_QUERIES = queries(leaves(Root.DATA, Root.METADATA))
ALL_QUERIES = queries(
    leaves(*Root)
    | st.builds(Since, st.builds(Ago, st.integers(0, 999_999), st.sampled_from("smhdw")))
    | st.builds(Changed, st.lists(WORDS, max_size=3).map(lambda keys: "".join(f"/{key}" for key in keys)))
)

JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.integers(-3, 3) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def json_text(value: Any, *, ascii: bool) -> str:
    """JSON in which each Decimal keeps its digits; with `ascii`, other characters are escaped, as many writers do."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_string(key, ascii)}: {json_text(value[key], ascii=ascii)}" for key in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(json_text(item, ascii=ascii) for item in value) + "]"
    if isinstance(value, str):
        return _string(value, ascii)
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _string(text: str, ascii: bool) -> str:
    return json.dumps(text, ensure_ascii=ascii).replace("/", "\\/" if ascii else "/")


def parsed(q: str) -> Query | None:
    with suppress(InvalidQuery):
        return parse(q)
    return None
