"""The run of the first event that was appended with a token, in the words of the page Connect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from events.converters import workflow_url
from events.json.value import loads
from events.models import Log, Token
from events.otel.arrivals import has_content
from events.query.tree import Name, Named, Pattern, Query, System, all_of
from events.reading import scan, store
from events.types import Event
from events.views.connect.event_tree import event_tree
from events.views.connect.tree import Tree

_MOST_EVENTS = 200
_MOST_BYTES = 2**20
"""Of the events that are read for a page; of a larger run the first events are shown."""


@dataclass(frozen=True, slots=True)
class AppendedRun:
    """The run of a token's first event: a workflow, or for events without one a stream, at `url`.

    `has_more`: it has more than `events`, which are left out. `has_content` is None if its events are no adapter's.
    """

    name: str
    url: str
    began: datetime
    events: int
    has_more: bool
    agents: Sequence[str]
    has_content: bool | None
    tree: Tree


def appended_run(log: Log, token: Token) -> AppendedRun | None:
    """Return the run of the first event that was appended with a token; None if there is none yet."""
    first = store.event(log.pk, token.first_position).first() if token.first_position else None
    if first is None:
        return None
    query, name, url = _run(log, first)
    search = scan.search_events(
        log.pk, query, after=first.position - 1, backward=False, limit=_MOST_EVENTS, room=_MOST_BYTES
    )
    result = search.fetch()
    events = result.events or (first,)
    is_told = any(_is_adapters(event) for event in events)
    return AppendedRun(
        name=name,
        url=url,
        began=first.recorded_at,
        events=len(events),
        has_more=not result.at_end,
        agents=list(dict.fromkeys(event.agent for event in events if event.agent)),
        has_content=any(has_content(event.data) for event in events) if is_told else None,
        tree=event_tree(events),
    )


def _run(log: Log, first: Event) -> tuple[Query, str, str]:
    """Return what finds the events of a run, its name, and the address of its page."""
    if first.correlation_id:
        of_workflow = all_of([Named(Name.CORRELATION, Pattern((first.correlation_id,))), System(False)])
        return of_workflow, first.correlation_id, workflow_url(log.name, first.correlation_id)
    of_stream = Named(Name.STREAM, Pattern((first.stream,)))
    return of_stream, first.stream, reverse("stream", args=[log.name, first.stream])


def _is_adapters(event: Event) -> bool:
    metadata = loads(event.metadata)
    return isinstance(metadata, dict) and "adapter" in metadata
