"""What one process runs beside Django: a pool to read with, the writer, the tails.

The ASGI lifespan enters it once; commands and tests enter their own.
"""

from __future__ import annotations

import asyncio
from typing import Any, Self

import psycopg
from django.db import connections
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from events.appending.writer import Writer
from events.reading.notify import Notifier, listen
from events.reading.tail import Tails

DatabaseAway = psycopg.OperationalError
"""What a read raises when the database can't be reached, or does not answer in time."""

_current: Engine | None = None


def current() -> Engine:
    """The engine that this process entered last."""
    if _current is None:
        raise RuntimeError("No engine is running: enter `async with Engine():` first.")
    return _current


class Engine:
    """`async with Engine() as engine:` gives `engine.pool`, `engine.writer` and `engine.tails`."""

    pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]]
    writer: Writer
    tails: Tails

    async def __aenter__(self) -> Self:
        global _current
        address = conninfo()
        self.pool = AsyncConnectionPool(
            address,
            min_size=1,
            max_size=8,
            timeout=5,
            open=False,
            check=AsyncConnectionPool.check_connection,
            kwargs={
                "autocommit": True,
                # A plan for any prefix and any limit would sort all that match: reads are planned for what they ask.
                "options": "-c timezone=UTC -c statement_timeout=30s -c plan_cache_mode=force_custom_plan",
                "application_name": "eventsite reader",
            },
        )
        await self.pool.open()
        self.tails = Tails(self.pool)
        notifier = Notifier(address)

        def grown(log_id: int) -> None:
            self.tails.wake(log_id)
            notifier.mention(log_id)

        self.writer = Writer(address, on_append=grown)
        self._tasks = [
            asyncio.create_task(notifier.run(), name="notifier"),
            asyncio.create_task(listen(address, self.tails.wake), name="listener"),
        ]
        self._outer, _current = _current, self
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        global _current
        _current = self._outer
        await self.writer.aclose()
        await self.tails.aclose()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.pool.close()


def conninfo() -> str:
    """Django's own database, as libpq names it."""
    parameters = connections["default"].get_connection_params()
    own = ("client_encoding", "prepare_threshold")
    return make_conninfo(
        **{key: str(value) for key, value in parameters.items() if isinstance(value, str | int) and key not in own}
    )
