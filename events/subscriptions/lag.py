"""The lag of subscriptions in the last half hour: a process notes it once a minute."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NoReturn

from events.reading.statement import Statement
from events.repeating import repeat
from events.sessions import Pool
from events.sql import subscription_overview as sql

MINUTES = 30
_MINUTE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Lag:
    """The positions from a subscription's `read_to` to the head of its log, at the beginning of a minute."""

    minute: datetime
    behind: int


async def note_for_ever(pool: Pool) -> NoReturn:
    """Note the lag of all subscriptions once a minute. Of several processes the first one notes it."""
    await repeat(
        partial(note, pool),
        pause=lambda: _MINUTE_SECONDS - time.time() % _MINUTE_SECONDS,
        about="the lag of subscriptions",
    )


async def note(pool: Pool) -> None:
    async with pool.connection() as session:
        await session.execute(sql.NOTE_LAGS)


def lags(log_id: int, number: int | None = None) -> Mapping[int, Sequence[Lag]]:
    """Return what was noted in the last half hour of one or all subscriptions of a log, by their numbers."""
    by_number: dict[int, list[Lag]] = defaultdict(list)
    rows = Statement(sql.LAGS, {"log_id": log_id, "number": number}, lambda *row: row)
    for subscription, minute, behind in rows.fetch():
        by_number[subscription].append(Lag(minute, behind))
    return by_number
