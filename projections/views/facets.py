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
    """A name, how many events of the log carry it, and of what carries most how many per cent that is.

    `asked` is the query string that asks for it; where it is asked for (`is_asked`), the one that no longer does.
    """

    name: str
    events: int
    share: int
    asked: str
    is_asked: bool


@dataclass(frozen=True, slots=True)
class Facets:
    """The names of one kind that most events carry; `more`: how many others are known."""

    kind: str
    found: tuple[Facet, ...]
    more: int


def facets(log_id: int, query: Query) -> list[Facets]:
    """The facets of a whole log, as they narrow a query. None before the projection is built."""
    kept = live(log_id, counts.name).filter(key=_ALL).values_list("state", flat=True).first()
    if kept is None:
        return []
    state = loads(kept)
    return [_of(query, Name.TYPE, state["types"]), _of(query, Name.AGENT, state["agents"])]


def _of(query: Query, kind: Name, names: dict[str, int]) -> Facets:
    most = sorted(names.items(), key=lambda pair: (-pair[1], pair[0]))[:_MAX_NAMES]
    rest = query
    for term in _asking(query, kind):
        rest = without(rest, term)
    asked = {term.pattern.exact for term in _asking(query, kind)}
    return Facets(
        kind.value, tuple(_facet(rest, kind, *pair, most[0][1], asked) for pair in most), len(names) - len(most)
    )


def _asking(query: Query, kind: Name) -> Iterator[Named]:
    """The terms that ask for a name of a kind. (There is no event of two types.)"""
    return (term for term in terms(query) if isinstance(term, Named) and term.name is kind)


def _facet(rest: Query, kind: Name, name: str, events: int, most: int, asked: set[str | None]) -> Facet:
    is_asked = name in asked
    wanted = rest if is_asked else including(rest, name_term(kind, name))
    return Facet(name, events, max(1, 100 * events // most), query_string(wanted), is_asked)
