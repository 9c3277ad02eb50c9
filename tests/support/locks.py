"""A slow writer that holds the lock of a log while others wait."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from events import sql
from events.appending import flush
from events.appending.plan import Request, plan
from events.types import Append


@asynccontextmanager
async def holding_lock(
    pool: AsyncConnectionPool[AsyncConnection[Any]], log_id: int
) -> AsyncIterator[AsyncConnection[Any]]:
    """Take the lock that `append_events()` takes, and hold it in a session of its own as long as the block lasts."""
    async with pool.connection() as session, session.transaction():
        await session.execute("select from log_head where log_id = %s for update", [log_id])
        yield session


async def append_in(session: AsyncConnection[Any], log_id: int, append: Append) -> None:
    """Append in a session's open transaction: the lock is held and positions are taken, but nothing is committed."""
    parameters = flush.append_parameters(log_id, plan([Request([append])]))
    cursor = await session.execute(sql.APPEND, parameters)
    row = await cursor.fetchone()
    assert row is not None
    assert row[0], "the log is not as the append expects"
