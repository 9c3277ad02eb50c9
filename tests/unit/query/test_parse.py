"""A text becomes a tree and a text again; a text that is not a query is refused with the reason."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.query.errors import InvalidQuery
from events.query.parse import parse, parsed
from events.query.printing import to_text
from events.query.tree import EVERYTHING, KeyStep, Like, Name, Path, Pattern, Query, Root
from tests.support.query_strategies import ALL_QUERIES, HOSTILE


@given(ALL_QUERIES)
@settings(max_examples=1_000)
def test_a_printed_query_parsed_is_the_same_query(query: Query) -> None:
    assert parse(to_text(query)) == query


_PLAIN_VALUES = st.text("ab1-*:/@+._é ", min_size=1, max_size=5)
_PLAIN_TERMS = st.builds("{}:{}".format, st.sampled_from([*Name, "data.a", "workflow"]), _PLAIN_VALUES)


@given(st.lists(_PLAIN_TERMS, min_size=1, max_size=3).map(" ".join))
@settings(max_examples=1_000)
def test_plain_names_are_read_as_the_grammar_reads_them(text: str) -> None:
    try:
        query = parsed(text)
    except InvalidQuery:
        with pytest.raises(InvalidQuery):
            parse(text)
    else:
        assert parse(text) == query


@given(st.lists(st.sampled_from(['"', "data.", "type", ":", " ", *HOSTILE]), max_size=12).map("".join))
@settings(max_examples=1_000)
def test_any_text_is_a_query_or_refused_with_its_column(text: str) -> None:
    try:
        query = parse(text)
    except InvalidQuery as refused:
        error = refused
    else:
        assert repr(parse(to_text(query))) == repr(query)
        return
    assert 1 <= error.column <= len(text) + 1
    assert error.detail.startswith(f"Column {error.column}: ")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", ""),
        ("()", ""),
        ("a AND b", "a b"),
        ("a b OR c", "a b OR c"),
        ("a (b OR c)", "a (b OR c)"),
        ("NOT a", "-a"),
        ("NOT (a b)", "-(a b)"),
        ("--a", "a"),
        ("((a))", "a"),
        ("NOTE ORDER", "NOTE ORDER"),
        ("workflow:run-7", "correlation:run-7"),
        ("position>100", "position:101.."),
        ("position<0", "position:..0"),
        (f"position>{2**63 - 1}", f"position:{2**63 - 1}.."),
        ("data.a:5..", "data.a>=5"),
        ("state.balance < 0", "state.balance<0"),
        ("stream:a:b", "stream:a:b"),
        ('agent:"Web Surfer"*', 'agent:"Web Surfer"*'),
        ("type:a**b", "type:a*b"),
        ("since:2026-01-02T10:00+01:00", "since:2026-01-02T09:00:00Z"),
        ("until:2016-12-31T23:59:60Z", "until:2017-01-01"),
        ("a\n b", "a b"),
    ],
)
def test_one_meaning_has_one_spelling(text: str, meaning: str) -> None:
    assert to_text(parse(text)) == meaning


@pytest.mark.parametrize(
    ("text", "column", "suggestion"),
    [
        ("agnet:router", 1, "agent:"),
        ("a -agnet:router", 4, "agent:"),
        ("metdata.region:eu", 1, "metadata.region:"),
        ("amount:5", 1, "data.amount:"),
        ("http://example.org", 1, None),
        ("data.a:>5", 8, "data.a>5"),
        ("data.a:=5", 8, "data.a:5"),
        ("data.a:<>5", 8, None),
        ("data.a:>", 8, None),
        ("type:>x", 6, "type:x"),
        ("agnet:>5", 1, "agent:"),
        ("agent>5", 1, "agent:5"),
        ("a or b", 3, "OR"),
        ("has:agnet", 5, "agent"),
        ("has:type", 5, None),
        ("changed:status", 9, "changed:/status"),
        ("position:..", 10, "position:100..200"),
        ("position:x", 10, None),
        ("since:2x", 7, None),
        ("system:yes", 8, "system:true"),
        ("system:False", 8, "system:false"),
        ("system:null", 8, "system:true"),
        ("system:*", 8, "system:true"),
        ('system:"true"', 8, "system:true"),
        ("system>true", 1, "system:true"),
        ("sytem:true", 1, "system:"),
        ("since:2026-02-30", 7, None),
        ("data.a=5", 7, None),
        ("data.a!=5", 7, None),
        ("data..a:5", 8, None),
        ("data.a>true", 8, None),
        ("data.a>x*", 8, None),
        ("data.a:1..x", 8, None),
        ('data.a:"\\q"', 8, None),
        ("data.a[99999999999]:1", 1, None),
        ("data.a:1e9999999", 8, None),
        ("type:", 5, None),
        ("type: a", 5, None),
        ("fail*", 1, None),
        ('""', 1, None),
        ('"abc', 1, None),
        ("(a", 3, None),
        ("a)", 2, None),
        ("a OR", 5, None),
        ("OR", 1, None),
        ("a - b", 3, None),
        ("12:30", 3, None),
        ("a\x00", 2, None),
        ("a\ud800", 2, None),
    ],
)
def test_an_error_says_where_and_what_was_meant(text: str, column: int, suggestion: str | None) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse(text)
    assert (caught.value.column, caught.value.suggestion) == (column, suggestion)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("OR a", "OR needs a term on both sides."),
        ("a AND OR b", "OR needs a term on both sides."),
        ("(AND a)", "AND needs a term on both sides."),
        ("type:(a OR b)", "a field takes one value; put parentheses around whole terms: (type:A OR type:B)."),
        ('agent:"Web Surfer', "this quote is not closed."),
        ("agent: x", "a value is missing here."),
        ("a OR", "the query breaks off: a term is missing."),
    ],
)
def test_an_error_says_what_is_wrong_rather_than_what_was_read(text: str, problem: str) -> None:
    with pytest.raises(InvalidQuery, match=re.escape(f": {problem}")):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10_001,
        "(" * 101 + "a" + ")" * 101,
        "-" * 101 + "a",
        "NOT " * 2_000 + "a",
        "(" * 9_999,
        "a " * 201,
        "a" * 1_001,
        "data" + "[0]" * 201 + ":1",
        "has:data" + ".a" * 201,
    ],
)
def test_a_query_beyond_the_bounds_is_refused_kindly(text: str) -> None:
    with pytest.raises(InvalidQuery):
        parse(text)


def test_a_query_within_the_bounds_is_taken() -> None:
    assert parse("(" * 99 + "a" + ")" * 99) == parse("a")
    assert parse(" " * 10_000) == EVERYTHING
    assert to_text(parse("a " * 50)) == ("a " * 50).strip()
    assert to_text(parse("type:a* " * 200)) == ("type:a* " * 200).strip()


@given(st.sampled_from(HOSTILE), st.sampled_from(HOSTILE))
def test_a_quoted_text_is_that_text_whatever_it_holds(key: str, value: str) -> None:
    query = Like(Path(Root.DATA, (KeyStep(key),)), Pattern((value,)))
    assert parse(to_text(query)) == query
