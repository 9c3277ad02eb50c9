"""Delivering: the events of a run are appended one by one, in order, however often.

An id that is in the log already, with whatever content, is "already there": the trace came twice, or a worker died
in the middle, or a part of the run was mapped before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

from events.appending.checks import new_append, new_event, size
from events.appending.plan import Outcome
from events.appending.writer import Writer
from events.errors import EventsError, IdConflict, ReservedStream, Unavailable
from events.otel.mapping.run import MappedEvent
from events.otel.runs import STREAM_PREFIX
from events.types import Append

_CHUNK_EVENTS = 500
_CHUNK_BYTES = 2 * 2**20
"""The bytes that one call of the writer takes. The writer may put it into one flush, for which other appends wait."""
_TEMPORARY_STATUS = 503


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that the log does not take."""

    event: MappedEvent
    error: EventsError


class Delivery:
    """Appends events one by one: `async with Delivery(…) as delivery:`. Others may be added while some are written.

    `refused` are those that the log does not take. They hold up no other. `add()`, and the end of the block, raise an
    `EventsError` if the database can't be reached, or is busy, or the process is stopping: all may be added again.
    """

    def __init__(self, writer: Writer, log_id: int, *, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self._writer = writer
        self._log_id = log_id
        self._is_stopping = is_stopping
        self._chunk: list[tuple[MappedEvent, Append]] = []
        self._chunk_bytes = 0
        self._sent: list[tuple[MappedEvent, Append]] = []
        self._answer: asyncio.Task[list[Outcome]] | None = None
        self.refused: list[Refused] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, *details: object) -> None:
        if kind is None:
            await self._send()
            await self._look_at_answer()
        elif self._answer:
            await asyncio.gather(self._answer, return_exceptions=True)

    async def add(self, events: Iterable[MappedEvent]) -> None:
        """Append events after all that were added before."""
        for event in events:
            try:
                append = _append(event)
            except EventsError as error:
                self.refused.append(Refused(event, error))
                continue
            bytes = size(append)
            if len(self._chunk) == _CHUNK_EVENTS or self._chunk_bytes + bytes > _CHUNK_BYTES:
                await self._send()
            self._chunk.append((event, append))
            self._chunk_bytes += bytes
        await asyncio.sleep(0)  # the writer goes on

    async def _send(self) -> None:
        """Give the writer what was added, when it is done with what came before."""
        await self._look_at_answer()
        if self._is_stopping():
            raise Unavailable("The worker is stopping.")
        if self._chunk:
            self._sent, self._chunk, self._chunk_bytes = self._chunk, [], 0
            appends = [append for _, append in self._sent]
            self._answer = asyncio.create_task(self._writer.append(self._log_id, appends))

    async def _look_at_answer(self) -> None:
        if self._answer is None:
            return
        outcomes = await self._answer
        self._answer = None
        for (event, _), outcome in zip(self._sent, outcomes, strict=True):
            if isinstance(outcome, EventsError) and not isinstance(outcome, IdConflict):
                if outcome.status == _TEMPORARY_STATUS:
                    raise outcome
                self.refused.append(Refused(event, outcome))


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
