"""The consumers of subscriptions: when each was seen last, what it holds, and how much it takes a minute.

A process notes whom it has served, and writes that every few seconds, apart from the takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import NoReturn

import orjson

from events.reading.statement import Statement
from events.repeating import repeat
from events.sessions import Pool
from events.sql import subscription_consumers as sql
from events.subscriptions.types import Served, Settlement, Take

_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Consumer:
    """A consumer, with its deliveries in flight. It is not known when it was seen if that was a few seconds ago."""

    name: str
    agent: str | None
    last_seen_at: datetime | None
    in_flight: int
    oldest_taken_at: datetime | None
    per_minute: float


@dataclass(slots=True)
class _Sighting:
    seen_at: float
    agent: str | None = None
    deliveries: int = 0


class Consumers:
    """The consumers that this process has served since it wrote them down the last time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._sightings: dict[tuple[int, int, str], _Sighting] = {}

    def note(
        self, served: Served, takes: Sequence[Take], counts: Counter[int], settlements: Sequence[Settlement]
    ) -> None:
        """Note who took something, or asked for it, and who settled. `counts` are the deliveries of each take."""
        for number, take in enumerate(takes):
            sighting = self._sighting(served, take.consumer)
            sighting.agent = take.agent
            sighting.deliveries += counts[number]
        for consumer in {settlement.consumer for settlement in settlements}:
            if consumer is not None:
                self._sighting(served, consumer)

    def _sighting(self, served: Served, consumer: str) -> _Sighting:
        now = monotonic()
        sighting = self._sightings.setdefault((served.log_id, served.number, consumer), _Sighting(now))
        sighting.seen_at = now
        return sighting

    async def write_for_ever(self) -> NoReturn:
        await repeat(self.write, pause=lambda: _PAUSE_SECONDS, about="the consumers of subscriptions")

    async def write(self) -> None:
        """Write who was seen. If that fails, it is forgotten: the next sighting is near."""
        sightings, self._sightings = self._sightings, {}
        if not sightings:
            return
        now = monotonic()
        notes = [
            {
                "log_id": log_id,
                "number": number,
                "name": name,
                "agent": each.agent,
                "age": now - each.seen_at,
                "deliveries": each.deliveries,
            }
            for (log_id, number, name), each in sightings.items()
        ]
        async with self._pool.connection() as session:
            await session.execute(sql.NOTE_CONSUMERS, {"notes": orjson.dumps(notes).decode()})


def consumers(log_id: int, number: int, *, limit: int) -> Statement[Consumer]:
    """Return the consumers that were seen in the last day or hold a delivery, by their names."""
    return Statement(sql.CONSUMERS, {"log_id": log_id, "number": number, "limit": limit}, Consumer)
