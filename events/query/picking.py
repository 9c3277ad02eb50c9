"""The terms that + and − beside a shown value add to a query. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from events.json.pointer import array_index, tokens
from events.query.tree import (
    EachItem,
    Equals,
    Has,
    KeyStep,
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

_MAX_EXACT_CHARACTERS = 200
"""A longer text is searched by its beginning alone."""
_MAX_DIGITS = 100
_MAX_EXPONENT = 1_000


def value_term(root: Root, document: Any, pointer: str) -> Query:
    """Return the term for events with the same value at a JSON Pointer; an item of an array may be any item there.

    Raises:
        LookupError: there is no value at the pointer.
    """
    steps: list[Step] = []
    value = document
    for token in tokens(pointer):
        index = array_index(token) if isinstance(value, list) else None
        if index is not None:
            value = value[index]
            steps.append(EachItem.ITEM)
        elif isinstance(value, dict):
            value = value[token]
            steps.append(KeyStep(token))
        else:
            raise LookupError(pointer)
    return equal_term(Path(root, tuple(steps)), value)


def name_term(name: Name, text: str) -> Query:
    """Return the term for events that carry a name."""
    return Named(name, Pattern((text,)))


def equal_term(path: Path, value: Any) -> Query:
    """Return the term for events with this value at the end of a path."""
    if isinstance(value, str):
        return Like(
            path, Pattern((value,) if len(value) <= _MAX_EXACT_CHARACTERS else (value[:_MAX_EXACT_CHARACTERS], ""))
        )
    if value is None or isinstance(value, bool):
        return Equals(path, value)
    if isinstance(value, int | Decimal):
        number = Decimal(value)
        is_short = len(number.as_tuple().digits) <= _MAX_DIGITS and abs(number.adjusted()) <= _MAX_EXPONENT
        return Equals(path, number) if is_short else Has(path)
    return Has(path)


def including(query: Query, term: Query) -> Query:
    """Return the query with the term added."""
    return _with_term(query, term)


def excluding(query: Query, term: Query) -> Query:
    """Return the query with the term's negation added."""
    return _with_term(query, negation(term))


def without(query: Query, term: Query) -> Query:
    """Return the query without the term."""
    return all_of(part for part in terms(query) if not _is_same(part, term))


def _with_term(query: Query, term: Query) -> Query:
    return all_of([*terms(without(without(query, term), negation(term))), term])


def _is_same(left: Query, right: Query) -> bool:
    """Whether two terms are the same. (To Python alone, `data.paid:true` equals `data.paid:1`.)"""
    return left == right and repr(left) == repr(right)
