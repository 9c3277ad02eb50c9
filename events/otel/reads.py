"""The reads of the pages about OpenTelemetry: held spans, exporters, and failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from events.reading.statement import Statement
from events.sql import otel as sql

_MOST_TRACES = 1_000
"""Traces of one run, or of a log, that are looked at."""


@dataclass(frozen=True, slots=True)
class Held:
    """A trace that is held, and the seconds until it is mapped; `waits_for_run`: only for other traces of its run.

    Its run has a stream and a correlation id if a part of it was mapped before.
    """

    trace_id: UUID
    spans: int
    records: int
    bytes: int
    seconds: float
    has_root: bool
    waits_for_run: bool
    stream: str | None
    correlation_id: str | None


@dataclass(frozen=True, slots=True)
class Exporter:
    """The counts of all that came with one token, ever. Bytes are those on the wire.

    `content_at` is the last time that messages, arguments or results were among the spans or log records; None if
    never: then the application does not capture content, or nothing was mapped yet.
    """

    token_id: int
    token_name: str
    is_revoked: bool
    user_agent: str
    first_at: datetime | None
    last_at: datetime | None
    exports: int
    compressed: int
    bytes: int
    spans: int
    records: int
    refused_spans: int
    dropped_records: int
    dropped_metrics: int
    refusals: int
    refused_at: datetime | None
    refused_status: int | None
    refused_reason: str | None
    content_at: datetime | None


@dataclass(frozen=True, slots=True)
class Failure:
    """An event that the log refused; without a stream and an event's id, a trace that could not be mapped.

    `is_kept`: the spans of the trace are still there, so it can be mapped again.
    """

    trace_id: UUID
    failed_at: datetime
    stream: str | None
    event_id: str | None
    code: str
    detail: str
    is_kept: bool


def held_in_log(log_id: int) -> Statement[Held]:
    """Return the traces that a log holds, by the time at which they are mapped; of very many, the first ones."""
    return Statement(sql.HELD_IN_LOG, {"log_id": log_id, "most": _MOST_TRACES}, Held)


def held_of_stream(log_id: int, stream: str) -> Statement[Held]:
    """Return the held traces of the run whose events are in a stream."""
    return _held_of_run(log_id, "stream", stream)


def held_of_workflow(log_id: int, correlation_id: str) -> Statement[Held]:
    """Return the held traces of the runs that belong to a workflow."""
    return _held_of_run(log_id, "correlation_id", correlation_id)


def _held_of_run(log_id: int, column: str, name: str) -> Statement[Held]:
    params = {"log_id": log_id, "name": name, "most": _MOST_TRACES}
    return Statement(sql.HELD_OF_RUN.format(column=column), params, Held)


def map_now(log_id: int, traces: Sequence[UUID]) -> None:
    """Let traces, and all that links tie to them, be mapped within a second, whatever they wait for."""
    Statement(sql.MAP_NOW, {"log_id": log_id, "traces": list(traces)}).execute()


def map_again(log_id: int, trace_id: UUID) -> None:
    """Let all that is kept of a trace be mapped once more, within a second, and forget its failures.

    Its events are there once, whatever was mapped before. If something of it is held, it is mapped with that.
    """
    params = {"log_id": log_id, "traces": [trace_id]}
    with transaction.atomic():
        Statement(sql.LOCK_TRACES, params).execute()
        Statement(sql.MAP_AGAIN, params).execute()
        Statement(sql.MAP_NOW, params).execute()


def exporters(log_id: int) -> Statement[Exporter]:
    """Return what came with each token of a log, the last one first."""
    return Statement(sql.EXPORTERS, {"log_id": log_id}, Exporter)


def failures(log_id: int, *, limit: int = 100) -> Statement[Failure]:
    """Return the last failures of a log, the last one first."""
    return Statement(sql.FAILURES, {"log_id": log_id, "most": limit}, Failure)
