"""Delivering: the events of a run are appended one by one, in order, however often.

An id that is in the log already, with whatever content, is "already there": the trace came twice, or a worker died
in the middle, or a part of the run was mapped before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from events.appending.checks import new_append, new_event, size
from events.appending.writer import Writer
from events.errors import EventsError, IdConflict, ReservedStream, Unavailable
from events.otel.mapping.run import MappedEvent
from events.otel.runs import STREAM_PREFIX
from events.types import Append

logger = logging.getLogger(__name__)

_CHUNK_EVENTS = 500
_CHUNK_BYTES = 2 * 2**20
"""What one call of the writer takes. The writer may put it into one flush, for which other appends wait."""
_TEMPORARY_STATUS = 503


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that the log does not take."""

    event: MappedEvent
    error: EventsError


async def deliver(
    writer: Writer, log_id: int, events: Sequence[MappedEvent], *, is_stopping: Callable[[], bool]
) -> list[Refused]:
    """Append events, each by itself; return those that are refused. They hold up no other.

    Raises:
        EventsError: the database can't be reached, or is busy, or the process is stopping. All may be tried again.
    """
    refused: list[Refused] = []
    appends: list[tuple[MappedEvent, Append]] = []
    for event in events:
        try:
            appends.append((event, _append(event)))
        except EventsError as error:
            refused.append(Refused(event, error))
    for chunk in _chunks(appends):
        if is_stopping():
            raise Unavailable("The worker is stopping.")
        outcomes = await writer.append(log_id, [append for _, append in chunk])
        for (event, _), outcome in zip(chunk, outcomes, strict=True):
            if isinstance(outcome, EventsError) and not isinstance(outcome, IdConflict):
                if outcome.status == _TEMPORARY_STATUS:
                    raise outcome
                refused.append(Refused(event, outcome))
    return refused


def _append(event: MappedEvent) -> Append:
    """Return the append of one event.

    Raises:
        EventsError: the log can't keep it.
    """
    if not event.stream.startswith(STREAM_PREFIX):
        raise ReservedStream(f"A run has a stream that begins with {STREAM_PREFIX!r}.", stream=event.stream)
    new = new_event(
        event.stream,
        event.type,
        data=event.data,
        metadata=event.metadata,
        id=event.id,
        agent=event.agent,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        occurred_at=event.occurred_at,
    )
    return new_append(event.stream, [new])


def _chunks(appends: Sequence[tuple[MappedEvent, Append]]) -> Iterator[list[tuple[MappedEvent, Append]]]:
    """Yield appends in order, as many at once as one call may have."""
    chunk: list[tuple[MappedEvent, Append]] = []
    chunk_bytes = 0
    for each in appends:
        bytes = size(each[1])
        if chunk and (len(chunk) == _CHUNK_EVENTS or chunk_bytes + bytes > _CHUNK_BYTES):
            yield chunk
            chunk, chunk_bytes = [], 0
        chunk.append(each)
        chunk_bytes += bytes
    if chunk:
        yield chunk
