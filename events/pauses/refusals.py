"""The number of appends that each pause has refused. A process counts them, and writes the counts every few seconds.

Only an append that is refused is counted, so the others cost nothing. The last seconds of a killed process are lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import NoReturn

import orjson

from events import sql
from events.errors import EventsError, Paused
from events.reading.statement import Statement
from events.repeating import repeat
from events.sessions import Pool

_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Refused:
    """The number of appends that the pause at a position has refused, and the time of the last one."""

    position: int
    appends: int
    last_at: datetime


@dataclass(slots=True)
class _Count:
    last_at: float
    appends: int = 0


class Refusals:
    """The appends that pauses have refused in this process since it wrote them down the last time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._counts: dict[tuple[int, int], _Count] = {}

    def note(self, log_id: int, error: EventsError) -> None:
        """Count an append that was not written, if a pause refused it."""
        if isinstance(error, Paused):
            now = monotonic()
            count = self._counts.setdefault((log_id, error.fields["since"]), _Count(now))
            count.appends += 1
            count.last_at = now

    async def write_for_ever(self) -> NoReturn:
        await repeat(self.write, pause=lambda: _PAUSE_SECONDS, about="the appends that pauses refused")

    async def write(self) -> None:
        """Write what was counted. If that fails, it is forgotten."""
        counts, self._counts = self._counts, {}
        if not counts:
            return
        now = monotonic()
        notes = [
            {"log_id": log_id, "position": position, "appends": count.appends, "age": now - count.last_at}
            for (log_id, position), count in counts.items()
        ]
        async with self._pool.connection() as session:
            await session.execute(sql.NOTE_REFUSALS, {"notes": orjson.dumps(notes).decode()})


def refused_by(log_id: int) -> Mapping[int, Refused]:
    """Return what the pauses that hold in a log have refused, by their positions."""
    return {each.position: each for each in Statement(sql.REFUSALS, {"log_id": log_id}, Refused).fetch()}
