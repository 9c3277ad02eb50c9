"""A line asks about letters and about their events."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from events.query.errors import InvalidQuery
from events.query.parse import parse
from events.query.tree import Pattern
from events.subscriptions.letters.asking import ANY_LETTER, Asked, LetterTerms, asked

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BOOM = LetterTerms(error=Pattern(("Boom",)))


@pytest.mark.parametrize(
    ("text", "terms", "query"),
    [
        ("", ANY_LETTER, None),
        ("  ()  ", ANY_LETTER, None),
        ("type:A OR type:B", ANY_LETTER, "type:A OR type:B"),
        ("error:Boom", BOOM, None),
        ('type:A error:"Boom" data.key:b', BOOM, "type:A data.key:b"),
        ("error:Boom (type:A OR NOT type:B)", BOOM, "(type:A OR NOT type:B)"),
        ("key:order-*", LetterTerms(key=Pattern(("order-", ""))), None),
        ('key:"a b (c"  type:A', LetterTerms(key=Pattern(("a b (c",))), "type:A"),
        ("attempts>2", LetterTerms(attempts=(3, None)), None),
        ("attempts<=2", LetterTerms(attempts=(None, 2)), None),
        ("attempts:2..5 error:Boom", LetterTerms(error=Pattern(("Boom",)), attempts=(2, 5)), None),
        ('"error:Boom"', ANY_LETTER, '"error:Boom"'),
    ],
)
def test_terms_about_letters_stand_beside_those_about_events(text: str, terms: LetterTerms, query: str | None) -> None:
    assert asked(text, NOW) == Asked(terms, None if query is None else parse(query))


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("error:A OR type:B", 9, "put parentheses"),
        ("NOT error:A", 1, "put parentheses"),
        ("type:A (error:B type:C)", 9, "no field 'error'"),
        ("error:A error:B", 9, "error can be asked once"),
        ("type:A key>b", 8, "key can't be compared"),
        ("attempts:many", 1, "attempts takes a whole number"),
        ("error:A type:B data.x:", 22, "a value is missing"),
        ('key:"\\q"', 1, "a backslash must come before"),
        ("key:\0", 5, "no event can hold"),
        ("error:A -key:b", 10, "no field 'key'"),
    ],
)
def test_what_cannot_be_asked_is_named_with_its_column(text: str, column: int, problem: str) -> None:
    with pytest.raises(InvalidQuery, match=problem) as refused:
        asked(text, NOW)
    assert refused.value.column == column


def test_times_count_from_now() -> None:
    assert asked("error:Boom since:1d", NOW) == Asked(BOOM, parse("since:2026-01-01T00:00:00Z"))
