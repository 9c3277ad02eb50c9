"""Queries about states (`state.…`), as a filter of the kept states and as a function over one state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import BooleanField, F, Func, Q, Value

from events.errors import Invalid
from events.query import jsonpath, tree
from events.query.match import step_matcher
from events.query.parse import parse
from events.query.tree import Path, Query, Root
from events.types import Event

_NO_EVENT: Any = None
_EVERYTHING, _NOTHING = (Q(Value(answer, output_field=BooleanField())) for answer in (True, False))


def parse_state_query(text: str) -> Query:
    """The tree of a query about states.

    Raises:
        InvalidQuery: the query can't be read.
        Invalid: it asks about events, too.
    """
    query = parse(text)
    for leaf in tree.leaves(query):
        path = leaf.name_or_path if isinstance(leaf, tree.Has) else getattr(leaf, "path", None)
        if not isinstance(path, Path) or path.root is not Root.STATE:
            raise Invalid("Here q must be about states: state.total>100, has:state.error.", field="q")
    return query


def state_matcher(query: Query) -> Callable[[Any], bool]:
    """The function that tells whether a state fits a query."""
    fits = step_matcher(query)
    event: Event = _NO_EVENT  # a condition on a state does not read the event
    return lambda state: fits(event, state, ())


def where_state(query: Query) -> Q:
    """The query as a filter of `ProjectionState`. A condition is never null, so NOT selects all other states."""
    match query:
        case tree.Not(part):
            return ~where_state(part)
        case tree.And(parts):
            return Q(*map(where_state, parts)) if parts else _EVERYTHING
        case tree.Or(parts):
            return Q(*map(where_state, parts), _connector=Q.OR) if parts else _NOTHING
        case tree.Has(Path() as path):
            return _holds("@?", jsonpath.is_filled(path))
        case tree.Like() | tree.Equals() | tree.Compares() | tree.Between():
            return _holds("@@", jsonpath.value_predicate(query))
    raise AssertionError(query)


def _holds(operator: str, path: str) -> Q:
    template = "(%(expressions)s::jsonpath) is true"
    return Q(Func(F("search"), Value(path), template=template, arg_joiner=f" {operator} ", output_field=BooleanField()))
