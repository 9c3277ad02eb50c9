"""The spans of a run as a small tree with bars. What has not come yet has a row of its own. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import orjson

from events.otel.mapping.run import MappedEvent
from events.otel.spans import Span

ROWS = 12
_MAX_DEPTH = 6
"""As far as the stylesheet has steps."""
_LEAST_PERCENT = 1.0
_ERROR_STATUS = 2

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One span, or a parent that has not come: then it `is_open`, and has no type and no duration.

    `start` and `width` of its bar are percent of the run.
    """

    name: str
    type: str
    depth: int
    start: float
    width: float
    took: timedelta | None
    is_error: bool = False

    @property
    def is_open(self) -> bool:
        return self.took is None


@dataclass(frozen=True, slots=True)
class SpanTree:
    """The first rows of a run, and the number of its spans that have none."""

    rows: Sequence[SpanRow]
    left_out: int


@dataclass(frozen=True, slots=True)
class _Clock:
    """The time from the first start to the last end of a run, in nanoseconds."""

    first: int
    last: int

    def bar(self, started: int, ended: int) -> tuple[float, float]:
        """Return start and width of a bar, in percent."""
        whole = max(self.last - self.first, 1)
        start = min(100 * (max(started, self.first) - self.first) / whole, 100 - _LEAST_PERCENT)
        return round(start, 2), round(max(100 * (ended - started) / whole, _LEAST_PERCENT), 2)


def span_tree(spans: Sequence[Span], events: Sequence[MappedEvent]) -> SpanTree:
    """Return the tree of a run. Spans that become no event have no row; their children stand in their place."""
    told = _told(events)
    by_key = {(span.trace_id, span.span_id): span for span in spans}
    children: defaultdict[_Key | None, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: (span.started_ns, span.span_id)):
        children[(span.trace_id, span.parent_id) if span.parent_id else None].append(span)
    starts = [span.started_ns for span in spans if span.started_ns]
    clock = _Clock(min(starts, default=0), max((span.ended_ns for span in spans), default=0))
    missing = [key for key in children if key is not None and key not in by_key]
    rows: list[SpanRow] = []
    for key in missing:
        start, width = clock.bar(children[key][0].started_ns, clock.last)
        rows.append(SpanRow("not ended yet", "", 0, start, width, None))
        rows += _below(key, 1, children, told, clock)
    rows += _below(None, 0, children, told, clock)
    shown = rows[:ROWS]
    return SpanTree(shown, len(spans) - sum(not row.is_open for row in shown))


def _told(events: Sequence[MappedEvent]) -> Mapping[_Key, MappedEvent]:
    """Return the last event of each span."""
    told: dict[_Key, MappedEvent] = {}
    for event in events:
        trace_id, _, rest = event.id.partition(":")
        told[trace_id, rest.partition(":")[0]] = event
    return told


def _below(
    parent: _Key | None,
    depth: int,
    children: Mapping[_Key | None, list[Span]],
    told: Mapping[_Key, MappedEvent],
    clock: _Clock,
) -> Iterator[SpanRow]:
    """Yield the rows below a span, in the order of a reader. Without recursion: a chain of spans may be long."""
    waiting = [(span, depth) for span in reversed(children.get(parent, ()))]
    seen = set()
    while waiting:
        span, depth = waiting.pop()
        key = span.trace_id, span.span_id
        if key in seen:
            continue
        seen.add(key)
        event = told.get(key)
        if event:
            yield _row(span, event, depth, clock)
        waiting += [(child, depth + bool(event)) for child in reversed(children.get(key, ()))]


def _row(span: Span, event: MappedEvent, depth: int, clock: _Clock) -> SpanRow:
    start, width = clock.bar(span.started_ns, span.ended_ns)
    return SpanRow(
        name=_name(event) or span.name,
        type=event.type,
        depth=min(depth, _MAX_DEPTH),
        start=start,
        width=min(width, 100 - start),
        took=timedelta(microseconds=max(span.ended_ns - span.started_ns, 0) / 1000),
        is_error=span.status_code == _ERROR_STATUS,
    )


def _name(event: MappedEvent) -> str:
    """Return the name of an agent, a tool or a model; of a hand-off, its target."""
    data = orjson.loads(event.data)
    if not isinstance(data, dict):
        return ""
    if target := data.get("target"):
        return f"→ {target}"
    return str(data.get("name") or data.get("model") or "")
