"""The source that an address names, and the one from which a projection's state is folded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from events.errors import Invalid, NotFound
from events.query.parse import parse
from events.query.printing import to_text
from events.query.reading import refuse_state
from events.query.times import pin_times
from events.reading.db_work import DbWork
from projections.catalog.counts import counts
from projections.definition.projection import AGENT, LOG, STREAM, WORKFLOW, Key, Projection
from projections.states.sources.base import Source
from projections.states.sources.indexed import AgentSource, LogSource, StreamSource, TypeSource, WorkflowSource
from projections.states.sources.keyed import KeptSource, Places, ScannedSource, noted_places
from projections.states.sources.query import QuerySource

KINDS: dict[str, type[Source]] = {
    each.public_kind: each
    for each in (StreamSource, WorkflowSource, AgentSource, TypeSource, LogSource, QuerySource, ScannedSource)
}
"""The classes by their kind in addresses and the API."""


def _counted_source(key: str) -> Source:
    """The events that the projection `counts` counts under a key."""
    kind, _, name = key.partition(":")
    by_kind: dict[str, type[Source]] = {"stream": StreamSource, "agent": AgentSource, "type": TypeSource}
    return by_kind[kind](name) if name and kind in by_kind else LogSource() if key == "all" else ScannedSource(key)


_INDEXED: dict[Key, Callable[[str], Source]] = {
    STREAM: StreamSource,
    WORKFLOW: WorkflowSource,
    AGENT: AgentSource,
    LOG: lambda key: LogSource(),
    counts.key: _counted_source,
}
"""The sources that an index of the log serves, by the key of a projection."""


def parse_source(kind: str, *, name: str, query: str, now: datetime) -> Source:
    """The source that an address names; the relative times of a query are pinned to `now`.

    Raises:
        NotFound: there is no such kind.
        Invalid: the name is missing or not allowed; the query can't be read, or asks about a state.
    """
    if kind not in KINDS or "\0" in name:
        raise NotFound(f"There is no kind of replay called {kind}.")
    if kind == QuerySource.kind:
        if name:
            raise Invalid("A replay of a query has no name.", field="name")
        query_tree = parse(query)
        refuse_state(query_tree)
        return QuerySource(to_text(pin_times(query_tree, now)))
    source_class = KINDS[kind]
    if bool(name) != source_class.has_name:
        raise Invalid(f"A replay of a {kind} {'needs a' if source_class.has_name else 'has no'} name.", field="name")
    if query:
        raise Invalid(f"A replay of a {kind} has no q.", field="q")
    return source_class(name)


def source_under(projection: Projection, key: str) -> Source:
    """The source of a projection's state under a key; a `ScannedSource` if the log has no index of its keys."""
    return _INDEXED.get(projection.key, ScannedSource)(key)


def source_of(log_id: int, projection: Projection, key: str) -> DbWork[Source]:
    """The source of a projection's state under a key.

    If the log has no index of the keys, the source is a `KeptSource`, provided that the runner noted all places by the
    code that is running; otherwise a `ScannedSource`.
    """
    source = source_under(projection, key)
    if type(source) is ScannedSource and projection.materialised and projection.key not in _INDEXED:
        places: list[Places] = yield noted_places(log_id, projection, key)
        if places:
            return KeptSource(key, places=places[0])
    return source


def source_named(log_id: int, projection: Projection, kind: str, name: str) -> DbWork[Source]:
    """The source of a row that holds its kind and name. A key gets the source that it has now."""
    if kind in (ScannedSource.kind, KeptSource.kind):
        return (yield from source_of(log_id, projection, name))
    return KINDS[kind](name)
