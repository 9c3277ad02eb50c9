"""What projections add to pages that know nothing of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse

from events.json.tree import tree
from events.json.value import loads
from events.models import Log
from events.query.parse import parse
from events.types import Event
from projections import registry
from projections.definition import upcasting
from projections.definition.projection import AGENT, STREAM, WORKFLOW, Projection, decode
from projections.definition.upcasting import UpcastFailed
from projections.values.diff import diff
from projections.values.tree_marks import marks
from projections.views.facets import facets

register = template.Library()

_KEYS = {"stream": STREAM, "workflow": WORKFLOW, "agent": AGENT}


@register.simple_tag
def query(**said: object) -> str:
    """A query string of its own."""
    return urlencode(said)


@register.inclusion_tag("projections/_states_of.html")
def states_of(log_name: str, kind: str, key: str) -> dict[str, Any]:
    """The states that what happens in a stream, in a workflow or by an agent makes."""
    taking = (each for each in registry.PROJECTIONS.values() if each.key is _KEYS[kind])
    return {"states": [_State(log_name, each, key) for each in taking]}


@register.inclusion_tag("projections/_states_of.html")
def states_with(log_name: str, event: Event) -> dict[str, Any]:
    """The states that took an event, right behind it."""
    taking = (each for each in registry.PROJECTIONS.values() if each.reads(event))
    return {"states": [_State(log_name, each, key, event.position) for each in taking for key in _keys(each, event)]}


class _State:
    """A link to a state: now, or as of a position."""

    def __init__(self, log_name: str, projection: Projection, key: str, position: int | None = None) -> None:
        self.projection = projection
        self.key = key
        at = {} if position is None else {"at_position": position}
        self.url = f"{reverse('projection-state', args=[log_name, projection.name])}?{urlencode({'key': key, **at})}"


def _keys(projection: Projection, event: Event) -> Iterator[str]:
    """An event's keys; none where the projection can't tell."""
    try:
        yield from projection.key.keys(decode(event))
    except Exception:
        return


@register.inclusion_tag("projections/_facets.html")
def facets_of(log: Log, asked: str) -> dict[str, Any]:
    """What a log holds most of, as ways to narrow the query that is asked."""
    return {"facets": facets(log.pk, parse(asked))}


@register.inclusion_tag("projections/_read_as.html")
def read_as(event: Event) -> dict[str, Any]:
    """How an event is read where that is not as it is stored: the newer version, and what the upcasters changed.

    A tag, because the page of an event is the log's, which never imports projections: templates are where both meet.
    """
    chains = upcasting.current()
    version = chains.read_as(event)
    if version == event.schema_version:
        return {}
    found = {"version": version, "stored_version": event.schema_version, "position": event.position}
    try:
        data = chains.read(event)
        return {**found, "rows": tree(data, marks=marks(diff(loads(event.data), data)))}
    except UpcastFailed as error:
        return {**found, "failed": error}
