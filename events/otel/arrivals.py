"""The last run that came with a token over OpenTelemetry, held or mapped, and the events that it becomes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from events.json.value import loads
from events.otel.careful import map_carefully
from events.otel.mapping.run import MappedEvent, RunName
from events.otel.pieces import NOTHING, KeptPiece, material_of
from events.otel.reads import Exporter, exporters
from events.otel.spans import Span
from events.reading.statement import Statement
from events.sql import otel as sql

logger = logging.getLogger(__name__)

_MOST_TRACES = 100
"""Traces of one run that are looked at."""
_MOST_BYTES = 2**19
"""Of the pieces that are read and mapped for a page, which takes some 50 ms. Of a larger run, only counts are shown."""
_CONTENT = ("task", "content", "arguments", "result", "output", "instruction")
_SEARCHED = timedelta(minutes=10)
"""A token's last spans are searched in the pieces of this time before its last export, which may have had none."""


@dataclass(frozen=True, slots=True)
class TraceSoFar:
    """A trace of the last run of a token. It has a stream and a workflow if a part of it was mapped.

    `bytes` are those of all its pieces, held or mapped.
    """

    trace_id: UUID
    pieces: int
    mapped: int
    due_at: datetime | None
    held_spans: int
    bytes: int
    has_root: bool
    stream: str | None
    correlation_id: str | None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The exporter and the last run of a token. `exporter` is None if nothing came, `traces` are those of the run."""

    exporter: Exporter | None
    traces: Sequence[TraceSoFar] = ()

    @property
    def due_at(self) -> datetime | None:
        """The time at which what is held of the run is mapped; None if nothing is held."""
        return max((trace.due_at for trace in self.traces if trace.due_at is not None), default=None)

    @property
    def is_given_up(self) -> bool:
        """Whether a part of the run could not be mapped, and waits until somebody has it mapped again."""
        return any(trace.due_at is None and trace.mapped < trace.pieces for trace in self.traces)

    @property
    def has_root(self) -> bool:
        """Whether all that is held only waits for the logs of its roots, as these have ended."""
        return all(trace.has_root for trace in self.traces if trace.due_at is not None)

    @property
    def held_spans(self) -> int:
        return sum(trace.held_spans for trace in self.traces)

    @property
    def is_large(self) -> bool:
        """Whether the run is too large to be mapped for a page."""
        return sum(trace.bytes for trace in self.traces) > _MOST_BYTES

    @property
    def name(self) -> RunName | None:
        """The names that the run has in the log, since a part of it was mapped."""
        names = ((trace.stream, trace.correlation_id) for trace in self.traces)
        return next((RunName(stream, workflow) for stream, workflow in names if stream and workflow), None)


@dataclass(frozen=True, slots=True)
class RunSoFar:
    """The spans of a run that came so far, held or mapped, the events that they become, and their name."""

    spans: Sequence[Span]
    name: RunName
    events: Sequence[MappedEvent]
    has_content: bool


def arrivals(log_id: int, token_id: int) -> Arrivals:
    """Return what came with a token."""
    exporter = next((each for each in exporters(log_id).fetch() if each.token_id == token_id), None)
    if exporter is None or exporter.last_at is None or not exporter.spans:
        return Arrivals(exporter)
    params = {"log_id": log_id, "token_id": token_id, "since": exporter.last_at - _SEARCHED, "most": _MOST_TRACES}
    return Arrivals(exporter, Statement(sql.RUN_OF_TOKEN, params, TraceSoFar).fetch())


def run_so_far(log_id: int, came: Arrivals) -> RunSoFar | None:
    """Read and map the last run of a token; None if no span of it is left, or it is too large, or can't be mapped."""
    if came.is_large:
        return None
    params = {"log_id": log_id, "traces": [trace.trace_id for trace in came.traces], "most_bytes": _MOST_BYTES}
    pieces = Statement(sql.ALL_PIECES_OF, params, KeptPiece).fetch()
    try:
        material = material_of(pieces)
        if not material.spans:
            return None
        mapped = map_carefully(material.spans, material.records, name=came.name)
    except Exception:  # a page can show counts, whatever is wrong with the mapper
        logger.exception("a run of log %s can't be mapped for a page", log_id)
        return None
    return RunSoFar(
        spans=list({(span.trace_id, span.span_id): span for span in material.spans}.values()),
        name=mapped.name,
        events=mapped.events,
        has_content=any(has_content(event.data.decode()) for event in mapped.events),
    )


def has_content(text: str) -> bool:
    """Whether the data of an event tell what was said: some frameworks send messages also without the words."""
    data = loads(text)
    return isinstance(data, dict) and any(data.get(key) not in NOTHING for key in _CONTENT)
