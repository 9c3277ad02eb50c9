"""The functions by which templates show projections on pages of the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from events.errors import UpcastFailed
from events.json.tree import TreeRow, tree_rows
from events.json.value import loads
from events.models import Log
from events.query.parse import parse
from events.types import Event
from projections import registry
from projections.definition import upcasting
from projections.definition.projection import AGENT, STREAM, WORKFLOW, Projection, decode
from projections.values.diff import diff
from projections.values.tree_marks import tree_marks
from projections.views import facets

_KEYS = {"stream": STREAM, "workflow": WORKFLOW, "agent": AGENT}


@dataclass(frozen=True, slots=True)
class StateLink:
    """A link to a state."""

    projection: Projection
    key: str
    url: str


@dataclass(frozen=True, slots=True)
class Reading:
    """An event in the newest version of its type: the rows of its data, with the changes by the upcasters marked.

    `failure` says why an upcaster could not read it.
    """

    version: int
    rows: list[TreeRow]
    failure: UpcastFailed | None = None


def query(**parameters: object) -> str:
    """Return a query string with these parameters alone."""
    return urlencode(parameters)


def states_of(log_name: str, kind: str, key: str) -> list[StateLink]:
    """Return the states that the events of a stream, of a workflow or by an agent make."""
    return [_link(log_name, each, key) for each in registry.PROJECTIONS.values() if each.key is _KEYS[kind]]


def states_of_newest_stream(log_name: str, events: Sequence[Event]) -> list[StateLink]:
    """Return the states by projections that know types of a stream by name: the newest stream that has such states.

    So a workflow leads to the states of its last run of agents. A projection of any event knows as much of any stream.
    """
    streams: dict[str, list[Event]] = {}
    for event in reversed(events):
        streams.setdefault(event.stream, []).append(event)
    knowing = [each for each in registry.PROJECTIONS.values() if each.key is STREAM and "*" not in each.handlers]
    for stream, of_stream in streams.items():
        if readers := [each for each in knowing if any(map(each.reads, of_stream))]:
            return [_link(log_name, each, stream) for each in readers]
    return []


def states_with(log_name: str, event: Event) -> list[StateLink]:
    """Return the states to which an event belongs, as they were after it."""
    readers = (each for each in registry.PROJECTIONS.values() if each.reads(event))
    return [_link(log_name, each, key, at_position=event.position) for each in readers for key in _keys(each, event)]


def _link(log_name: str, projection: Projection, key: str, **at: int) -> StateLink:
    page = reverse("projection-state", args=[log_name, projection.name])
    return StateLink(projection, key, f"{page}?{urlencode({'key': key, **at})}")


def _keys(projection: Projection, event: Event) -> Iterator[str]:
    """Yield the keys of an event; none if the projection's key raises."""
    try:
        yield from projection.key.keys(decode(event))
    except Exception:
        return


def facets_of(log: Log, query_text: str) -> list[facets.Facets]:
    """Return the most frequent types and agents of a log, as links that narrow the current query."""
    return facets.facets(log.pk, parse(query_text))


def read_as(event: Event) -> Reading | None:
    """Return an event as its upcasters change it; None if it is read as it is stored."""
    chains = upcasting.current()
    if event.type not in chains.newest:
        return None
    version = chains.read_as(event)
    try:
        data = chains.read(event)
    except UpcastFailed as error:
        return Reading(chains.newest[event.type], [], error)
    if version == event.schema_version:
        return None
    return Reading(version, tree_rows(data, marks=tree_marks(diff(loads(event.data), data))))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "facets_of": facets_of,
    "query": query,
    "read_as": read_as,
    "states_of": states_of,
    "states_of_newest_stream": states_of_newest_stream,
    "states_with": states_with,
}
