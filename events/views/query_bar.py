"""The query bar: what a query says as chips, and where one that can't be read goes wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError

from events.converters import query_string
from events.query.picking import without
from events.query.printing import to_text
from events.query.tree import Not, Query, Since, Until, terms

_AROUND = 60
"""Characters shown on each side of a mistake."""
_WORD = re.compile(r"[^\s()]*")


@dataclass(frozen=True, slots=True)
class Chip:
    """A term of the query; `rest` is the query string without it. `field` and `time`: what it asks for is a moment."""

    text: str
    is_negated: bool
    rest: str
    field: str
    time: datetime | None


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a query and, where that has a place, the text `before` it, `at` it and `behind` it."""

    problem: str
    before: str = ""
    at: str = ""
    behind: str = ""


def chips(written: Query, pinned: Query) -> list[Chip]:
    """The terms as they were written; the links have their times pinned."""
    return [_chip(one, without(pinned, term)) for one, term in zip(terms(written), terms(pinned), strict=True)]


def _chip(term: Query, rest: Query) -> Chip:
    text = to_text(term)
    inner = term.part if isinstance(term, Not) else term
    time = inner.time if isinstance(inner, Since | Until) and isinstance(inner.time, datetime) else None
    return Chip(text, isinstance(term, Not), query_string(rest), text.partition(":")[0], time)


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
