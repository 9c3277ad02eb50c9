"""The most frequent types and agents of a log, from the projection `counts`, as links that narrow a query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from events.converters import query_string
from events.query.picking import including, name_term, without
from events.query.tree import Name, Named, Query, terms
from projections.catalog.counts import counts
from projections.materialise.checkpoints import live
from projections.values.exact_json import loads

_MAX_NAMES = 10
_ALL = "all"
"""The key of the whole log's state."""


@dataclass(frozen=True, slots=True)
class Facet:
    """A name, the number of its events, and that number in per cent of the most frequent name's.

    `query_string` narrows the query to that name; if the query has it already (`is_selected`), it widens the query.
    """

    name: str
    events: int
    share: int
    query_string: str
    is_selected: bool


@dataclass(frozen=True, slots=True)
class Facets:
    """The most frequent names of one kind. `more` is the number of other names."""

    kind: str
    facets: tuple[Facet, ...]
    other_count: int


def facets(log_id: int, query: Query) -> list[Facets]:
    """Return the facets of a whole log for a query; an empty list if the projection is not built yet."""
    text = live(log_id, counts.name).filter(key=_ALL).values_list("state", flat=True).first()
    if text is None:
        return []
    state = loads(text)
    return [_of(query, Name.TYPE, state["types"]), _of(query, Name.AGENT, state["agents"])]


def _of(query: Query, kind: Name, names: dict[str, int]) -> Facets:
    pairs = sorted(names.items(), key=lambda pair: (-pair[1], pair[0]))[:_MAX_NAMES]
    rest = query
    for term in _terms(query, kind):
        rest = without(rest, term)
    selected_names = {term.pattern.exact for term in _terms(query, kind)}
    top_facets = tuple(_facet(rest, kind, *pair, pairs[0][1], selected_names) for pair in pairs)
    return Facets(kind.value, top_facets, len(names) - len(pairs))


def _terms(query: Query, kind: Name) -> Iterator[Named]:
    """Return the terms of a query for names of a kind. (An event has one type, so these exclude each other.)"""
    return (term for term in terms(query) if isinstance(term, Named) and term.name is kind)


def _facet(rest: Query, kind: Name, name: str, events: int, highest: int, selected_names: set[str | None]) -> Facet:
    is_selected = name in selected_names
    target = rest if is_selected else including(rest, name_term(kind, name))
    return Facet(name, events, max(1, 100 * events // highest), query_string(target), is_selected)
