"""The spans of a run as a small tree. What has not come yet has a row of its own. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from events.otel.mapping.run import MappedEvent
from events.otel.spans import Span
from events.views.connect.tree import Key, Part, Tree, name_in, tree_of

_ERROR_STATUS = 2


def span_tree(spans: Sequence[Span], events: Sequence[MappedEvent]) -> Tree:
    """Return the tree of a run. Spans that become no event have no row; their children stand in their place."""
    last_events = _last_events(events)
    return tree_of([_part(span, last_events.get((span.trace_id, span.span_id))) for span in spans])


def _last_events(events: Sequence[MappedEvent]) -> Mapping[Key, MappedEvent]:
    """Return the last event of each span."""
    last_events: dict[Key, MappedEvent] = {}
    for event in events:
        trace_id, _, rest = event.id.partition(":")
        last_events[trace_id, rest.partition(":")[0]] = event
    return last_events


def _part(span: Span, event: MappedEvent | None) -> Part:
    return Part(
        key=(span.trace_id, span.span_id),
        parent=(span.trace_id, span.parent_id) if span.parent_id else None,
        started=span.started_ns,
        ended=span.ended_ns,
        name=(name_in(orjson.loads(event.data)) or span.name) if event else "",
        type=event.type if event else "",
        is_error=span.status_code == _ERROR_STATUS,
    )
