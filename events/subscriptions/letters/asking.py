"""A question about dead letters in one line: terms about the letter, and a query that its event fits. Pure.

`error:Timeout* key:order-7 attempts>2 type:Order*`: all terms must fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from events.query.errors import InvalidQuery
from events.query.fields import BadValue, Operator, bounds
from events.query.parse import check_text, events_query
from events.query.tree import EVERYTHING, Pattern, Query
from events.query.words import BadWord, pattern

_WORD = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"]|")+', re.DOTALL)
_TERM = re.compile(r'(error|key|attempts)(:|[<>]=?)((?:"(?:[^"\\]|\\.)*"|[^\s()"])+)', re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_CONNECTIVES = frozenset(("AND", "OR", "NOT"))


@dataclass(frozen=True, slots=True)
class LetterTerms:
    """The type of a letter's last error, its key, and the least and the largest number of its attempts."""

    error: Pattern | None = None
    key: Pattern | None = None
    attempts: tuple[int | None, int | None] = (None, None)


ANY_LETTER = LetterTerms()


@dataclass(frozen=True, slots=True)
class Asked:
    """Terms about letters, and the query of their events, its times pinned; None: whatever the events are."""

    terms: LetterTerms
    query: Query | None


def asked(text: str, now: datetime) -> Asked:
    """Read a line.

    Raises:
        InvalidQuery: it can't be read.
        NotForEvents: it asks about a state.
    """
    check_text(text)
    terms, rest, connective = ANY_LETTER, text, 0
    for word, column in _words_outside_parentheses(text):
        if word in _CONNECTIVES:
            connective = connective or column
        elif match := _TERM.fullmatch(word):
            terms = _with(terms, match, column)
            rest = rest[: column - 1] + " " * len(word) + rest[column - 1 + len(word) :]  # columns stay the same
    if connective and terms != ANY_LETTER:
        problem = "error, key and attempts stand in a row with other terms: put parentheses around AND, OR and NOT."
        raise InvalidQuery(problem, column=connective)
    query = events_query(rest, now)
    return Asked(terms, None if query == EVERYTHING else query)


def _words_outside_parentheses(text: str) -> Iterator[tuple[str, int]]:
    """Yield words with their columns, which count from 1. In quotes a parenthesis is a character like others."""
    depth = 0
    for match in _WORD.finditer(text):
        word = match[0]
        if depth == 0:
            yield word, match.start() + 1
        bare = _QUOTED.sub("", word)
        depth += bare.count("(") - bare.count(")")


def _with(terms: LetterTerms, match: re.Match[str], column: int) -> LetterTerms:
    field, operator, value = match[1], cast("Operator", match[2]), match[3]
    try:
        if getattr(terms, field) != getattr(ANY_LETTER, field):
            raise BadValue(f"{field} can be asked once.")
        if field == "attempts":
            return replace(terms, attempts=bounds(field, operator, value))
        if operator != ":":
            raise BadValue(f"{field} can't be compared with {operator}, only with a colon.")
        return replace(terms, error=pattern(value)) if field == "error" else replace(terms, key=pattern(value))
    except (BadValue, BadWord) as error:
        raise InvalidQuery(str(error), column=column) from None
