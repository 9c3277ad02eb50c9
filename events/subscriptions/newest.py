"""The newest events of a log: the subscriptions that wait at its end read them once, together."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from events.reading.log_reader import LogReader
from events.sessions import Pool
from events.sql import subscriptions as sql
from events.types import Event

_KEPT_EVENTS = 200
_KEPT_BYTES = 64 * 2**10
"""Each of the subscriptions tests these on the event loop; it searches the database for more, or for larger ones."""


@dataclass(frozen=True, slots=True)
class NewEvents:
    """The events from one position up to `end`; the last redaction before they were read was at `redacted_at`."""

    events: list[Event]
    end: int
    redacted_at: int


class Newest:
    """The newest events of one log, from the position `begin` up to `end`."""

    def __init__(self, log_id: int, pool: Pool) -> None:
        self._log_id = log_id
        self._pool = pool
        self._reader = LogReader(log_id, pool)
        self._events: deque[Event] = deque()
        self._bytes = 0
        self._begin = self._end = -1
        self._redacted_at = 0
        self._has_grown = True
        self._reading: asyncio.Task[None] | None = None

    def log_has_grown(self) -> None:
        self._has_grown = True

    async def after(self, position: int, *, head: int) -> NewEvents | None:
        """Return the events after a position, with the one at `head`; None if older ones are wanted than are kept.

        Raises:
            psycopg.OperationalError
        """
        while self._has_grown or self._reading is not None or self._end < head:
            if self._reading is None:
                self._has_grown = False
                self._reading = asyncio.create_task(self._read(), name=f"newest events of log {self._log_id}")
                self._reading.add_done_callback(_forget_error)
            reading = self._reading
            await asyncio.wait({reading})
            if self._reading is reading:
                self._reading = None
            reading.result()
        if position < self._begin:
            return None
        events = [event for event in self._events if event.position > position]
        return NewEvents(events, max(self._end, position), self._redacted_at)

    async def _read(self) -> None:
        """Read to the end of the log. After a redaction, or a jump, what was kept is of no use."""
        async with self._pool.connection() as session:
            cursor = await session.execute(sql.END_OF_LOG, {"log_id": self._log_id}, prepare=True)
            head, redacted_at = await cursor.fetchone() or (0, 0)
        if self._end < 0 or head > self._end + _KEPT_EVENTS or redacted_at > self._redacted_at:
            self._begin_at(head, redacted_at)
        while self._end < head and (events := await self._reader.read(self._end)):
            self._events.extend(events)
            self._bytes += sum(event.size for event in events)
            self._end = events[-1].position
        if self._end < head:
            self._begin_at(head, redacted_at)
        while len(self._events) > _KEPT_EVENTS or self._bytes > _KEPT_BYTES:
            event = self._events.popleft()
            self._begin = event.position
            self._bytes -= event.size

    def _begin_at(self, head: int, redacted_at: int) -> None:
        self._events.clear()
        self._bytes = 0
        self._begin = self._end = head
        self._redacted_at = redacted_at

    async def aclose(self) -> None:
        """Wait for the read that is under way."""
        if self._reading is not None:
            await asyncio.wait({self._reading})


def _forget_error(reading: asyncio.Task[None]) -> None:
    """Take note of the error of a read, as nobody may wait for it any more. Whoever waits gets it."""
    if not reading.cancelled():
        reading.exception()
