"""A slow writer that holds the lock of a log while others wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from events import sql
from events.appending import flush
from events.appending.plan import Request, plan
from events.types import Append
from tests.support.patience import PATIENCE

_WAITING = """
    select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%%append_events(%%'"""


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


async def until_waiting(pool: AsyncConnectionPool[AsyncConnection[Any]], count: int) -> None:
    """Wait until so many sessions wait for a log's lock in order to append."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async with pool.connection() as session:
                cursor = await session.execute(_WAITING)
                if await cursor.fetchone() == (count,):
                    return
            await asyncio.sleep(0.01)
