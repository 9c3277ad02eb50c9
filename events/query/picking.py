"""A value that is shown as a term: what + and − beside it add to a query. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from events.json.pointer import array_index, tokens
from events.query.tree import (
    Each,
    Equals,
    Has,
    Key,
    Like,
    Name,
    Named,
    Path,
    Pattern,
    Query,
    Root,
    Step,
    all_of,
    negation,
    terms,
)

_LONGEST = 200
"""Characters of a text that is asked for whole; of a longer one, how it begins."""
_MOST_DIGITS = 100
_MOST_EXPONENT = 1_000


def value_term(root: Root, document: Any, pointer: str) -> Query:
    """What events with the value at a JSON Pointer have in common with this one. Items of arrays are any items.

    Raises:
        LookupError: nothing stands there.
    """
    steps: list[Step] = []
    value = document
    for token in tokens(pointer):
        index = array_index(token) if isinstance(value, list) else None
        if index is not None:
            value = value[index]
            steps.append(Each.ITEM)
        elif isinstance(value, dict):
            value = value[token]
            steps.append(Key(token))
        else:
            raise LookupError(pointer)
    return equal_term(Path(root, tuple(steps)), value)


def name_term(name: Name, text: str) -> Query:
    """What events that carry a name have in common."""
    return Named(name, Pattern((text,)))


def equal_term(path: Path, value: Any) -> Query:
    """What events with a value at the end of a path have in common."""
    if isinstance(value, str):
        return Like(path, Pattern((value,) if len(value) <= _LONGEST else (value[:_LONGEST], "")))
    if value is None or isinstance(value, bool):
        return Equals(path, value)
    if isinstance(value, int | Decimal):
        number = Decimal(value)
        is_short = len(number.as_tuple().digits) <= _MOST_DIGITS and abs(number.adjusted()) <= _MOST_EXPONENT
        return Equals(path, number) if is_short else Has(path)
    return Has(path)


def including(query: Query, term: Query) -> Query:
    """The query for events that fit the term too."""
    return _with(query, term)


def excluding(query: Query, term: Query) -> Query:
    """The query for events that don't fit the term."""
    return _with(query, negation(term))


def without(query: Query, term: Query) -> Query:
    """The query that no longer asks for the term: its chip is taken off."""
    return all_of(part for part in terms(query) if not _is_same(part, term))


def _with(query: Query, term: Query) -> Query:
    return all_of([*terms(without(without(query, term), negation(term))), term])


def _is_same(one: Query, other: Query) -> bool:
    """Python takes `data.paid:true` for `data.paid:1`."""
    return one == other and repr(one) == repr(other)
