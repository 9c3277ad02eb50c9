"""The announcer: it appends the server events that are due (`server_event`), and then forgets them.

What they record was committed before, in another transaction. Their ids are made from their facts, so each is in the
log once, however often and in however many processes it is appended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import orjson
import psycopg
from psycopg_pool import PoolTimeout

from events.appending.plan import Outcome
from events.errors import EventsError, brief
from events.server_events import server_append
from events.sessions import Pool
from events.sql import subscriptions as sql
from events.types import Append, Appended

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
"""The longest time until an event that another process left is found."""
_MOST_EVENTS = 100

AppendTo = Callable[[int, Sequence[Append]], Awaitable[Sequence[Outcome]]]
"""Appends to a log."""


class Announcer:
    """Appends what is due, for ever; `wake()` says that there is something."""

    def __init__(self, pool: Pool, append: AppendTo) -> None:
        self._pool = pool
        self._append = append
        self._wake = asyncio.Event()
        self._is_stopping = False

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        """End `run()`: a pool that is opening its first connection may lose a cancellation."""
        self._is_stopping = True
        self._wake.set()

    async def run(self) -> None:
        while not self._is_stopping:
            self._wake.clear()
            await self.announce()
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await self._wake.wait()

    async def announce(self) -> None:
        """Append the events that are due. Those that can't be appended now are left for later."""
        try:
            while await self._announce_some():
                pass
        except (psycopg.Error, PoolTimeout, OSError, EventsError) as error:
            logger.warning("announcer: %s", brief(error))

    async def _announce_some(self) -> bool:
        async with self._pool.connection() as session:
            cursor = await session.execute(sql.SERVER_EVENTS, {"limit": _MOST_EVENTS}, prepare=True)
            rows = await cursor.fetchall()
        for row in rows:
            log_id, id = row[:2]
            [outcome] = await self._append(log_id, [_server_event(*row)])
            if not isinstance(outcome, Appended):
                raise outcome
            async with self._pool.connection() as session:
                await session.execute(sql.FORGET_SERVER_EVENT, {"log_id": log_id, "id": id})
        return bool(rows)


def _server_event(
    log_id: int, id: str, subject: str, type: str, facts: str, by: str | None, cause: str | None, workflow: str | None
) -> Append:
    return server_append(
        subject, type, facts=orjson.loads(facts), id=id, by=by, causation_id=cause, correlation_id=workflow
    )
