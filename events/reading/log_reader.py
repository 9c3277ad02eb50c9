"""The reader of a log from a position on: piece by piece, in order, without a gap, and few bytes at once."""

from __future__ import annotations

from itertools import takewhile

from events import sql
from events.reading import store
from events.sessions import Pool
from events.types import Event

MOST_EVENTS = 1_000
MOST_BYTES = 256 * 1024
"""Bytes of data and metadata that are read at once: the event that passes this number is the last."""
_FIRST_EVENTS = 128
_GROWTH = 8

_NEXT = sql.BOUNDED.format(
    columns=store.EVENT_COLUMNS, along="position", order="asc", events=sql.READ_ON.format(columns=store.EVENT_NAMES)
)


class Hole(Exception):
    """The log has no event at a position, but one after it."""


class LogReader:
    """Reads one log. `is_at_end`: the last read took all events that there were.

    It asks for few events after large ones: Postgres takes as long to tell the size of an event as to read it.
    """

    def __init__(self, log_id: int, pool: Pool) -> None:
        self._log_id = log_id
        self._pool = pool
        self._limit = _FIRST_EVENTS
        self.is_at_end = False

    async def read(self, after: int) -> tuple[Event, ...]:
        """Return the next events after a position; none at the log's end.

        Raises:
            Hole: the next event is not at the next position.
        """
        async with self._pool.connection() as session:
            # Positions have no gaps, so a range is as good as a limit.
            cursor = await session.execute(
                _NEXT, (self._log_id, after, after + self._limit, MOST_BYTES), prepare=True, binary=True
            )
            events = [Event(*row) for row in await cursor.fetchall()]
        contiguous = tuple(event for _, event in takewhile(_is_next, enumerate(events, after + 1)))
        if events and not contiguous:
            raise Hole(f"log {self._log_id} has a hole after position {after}")
        is_large = sum(event.size for event in contiguous) >= MOST_BYTES
        self.is_at_end = not is_large and len(contiguous) < self._limit
        self._limit = min(MOST_EVENTS, 2 * len(contiguous) if is_large else self._limit * _GROWTH)
        return contiguous


def _is_next(pair: tuple[int, Event]) -> bool:
    position, event = pair
    return event.position == position
