"""The query bar: what a query says as chips, and where one that can't be read goes wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError

from events.converters import query_string
from events.query.picking import without
from events.query.printing import to_text
from events.query.tree import Not, Query, terms

_AROUND = 60
"""Characters shown on each side of a mistake."""
_WORD = re.compile(r"[^\s()]*")


@dataclass(frozen=True, slots=True)
class Chip:
    """A term of the query; `rest` is the query string without it."""

    text: str
    is_negated: bool
    rest: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a query and, where that has a place, the text `before` it, `at` it and `behind` it."""

    problem: str
    before: str = ""
    at: str = ""
    behind: str = ""


def chips(written: Query, pinned: Query) -> list[Chip]:
    """The terms as they were written; the links have their times pinned."""
    pairs = zip(terms(written), terms(pinned), strict=True)
    return [Chip(to_text(one), isinstance(one, Not), query_string(without(pinned, term))) for one, term in pairs]


def mistake(text: str, error: ValidationError) -> Mistake:
    """What a query's error says, shown in its text."""
    problem = "".join(error.messages)
    column = (error.params or {}).get("column")
    if column is None:
        return Mistake(problem)
    start = min(column - 1, len(text))
    match = _WORD.match(text, start)
    end = max(match.end() if match else start, start + 1)
    cut = min(end, start + _AROUND)
    before, behind = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    return Mistake(
        problem,
        before=f"…{before}" if start > _AROUND else before,
        at=text[start:cut] + ("…" if cut < end else ""),
        behind=f"{behind}…" if end + _AROUND < len(text) else behind,
    )
