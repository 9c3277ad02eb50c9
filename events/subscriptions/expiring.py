"""The expiry of deliveries: each process looks every second which are overdue, and lets the database end them.

A take or a settlement ends them as well. Without this, the last event of a consumer that has died would be in flight
until somebody takes, and no dead letter, no `EventFailed` and no breaker would tell of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg_pool import PoolTimeout

from events.errors import brief
from events.sessions import Pool
from events.sql import subscriptions as sql

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0


class Expiry:
    """Ends overdue deliveries, for ever. It calls `on_ready` with a log whose events can be delivered again."""

    def __init__(self, pool: Pool, on_ready: Callable[[int], None]) -> None:
        self._pool = pool
        self._on_ready = on_ready
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End `run()`: a pool that is opening its first connection may lose a cancellation."""
        self._stopping.set()

    async def run(self) -> None:
        while not self._stopping.is_set():
            await self.end_overdue()
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await self._stopping.wait()

    async def end_overdue(self) -> None:
        """End what is overdue in all subscriptions, of each a thousand deliveries at most."""
        with self._problem_logged():
            async with self._pool.connection() as session, session.transaction():
                await session.execute(sql.BY_INDEX)
                subscriptions = await (await session.execute(sql.OVERDUE, prepare=True)).fetchall()
            for log_id, number in subscriptions:
                with self._problem_logged():
                    await self._end_in(log_id, number)

    async def _end_in(self, log_id: int, number: int) -> None:
        async with self._pool.connection() as session:
            keys = {"log_id": log_id, "number": number}
            row = await (await session.execute(sql.END_OVERDUE, keys, prepare=True)).fetchone()
        if row and row[0]:
            self._on_ready(log_id)

    @contextmanager
    def _problem_logged(self) -> Iterator[None]:
        """Go on after an error: what is overdue is looked for again, and one subscription must not hold up others."""
        try:
            yield
        except (psycopg.Error, PoolTimeout, OSError) as error:
            if not self._stopping.is_set():
                logger.warning("expired deliveries: %s", brief(error))
