"""The query bar: the terms of a query as chips, or the mistake in one that can't be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError

from events.converters import query_string
from events.query.picking import without
from events.query.printing import to_text
from events.query.tree import Not, Query, Since, Until, terms

_CONTEXT_CHARACTERS = 60
"""The text that is shown on each side of a mistake."""
_WORD = re.compile(r"[^\s()]*")


@dataclass(frozen=True, slots=True)
class Chip:
    """A term of the query; `rest` is the query string without it. `field` and `time` are set for a term with a time."""

    text: str
    is_negated: bool
    rest: str
    field: str
    time: datetime | None


@dataclass(frozen=True, slots=True)
class Mistake:
    """The problem of a query and, if it has a place, the text `before`, `at` and `after` it."""

    problem: str
    before: str = ""
    at: str = ""
    after: str = ""


def chips(query: Query, pinned: Query) -> list[Chip]:
    """Return the chips of a query: each shows its term as it was written, and its links have their times pinned."""
    pairs = zip(terms(query), terms(pinned), strict=True)
    return [_chip(term, without(pinned, pinned_term)) for term, pinned_term in pairs]


def _chip(term: Query, rest: Query) -> Chip:
    text = to_text(term)
    inner = term.part if isinstance(term, Not) else term
    time = inner.time if isinstance(inner, Since | Until) and isinstance(inner.time, datetime) else None
    return Chip(text, isinstance(term, Not), query_string(rest), text.partition(":")[0], time)


def mistake(text: str, error: ValidationError) -> Mistake:
    """Return a query's error with its place in the text."""
    problem = "".join(error.messages)
    column = (error.params or {}).get("column")
    if column is None:
        return Mistake(problem)
    start = min(column - 1, len(text))
    match = _WORD.match(text, start)
    end = max(match.end() if match else start, start + 1)
    shown_end = min(end, start + _CONTEXT_CHARACTERS)
    before, after = text[max(0, start - _CONTEXT_CHARACTERS) : start], text[end : end + _CONTEXT_CHARACTERS]
    return Mistake(
        problem,
        before=f"…{before}" if start > _CONTEXT_CHARACTERS else before,
        at=text[start:shown_end] + ("…" if shown_end < end else ""),
        after=f"{after}…" if end + _CONTEXT_CHARACTERS < len(text) else after,
    )
