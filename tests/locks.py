"""Being the slow writer that others wait for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool


@asynccontextmanager
async def holding_lock(
    pool: AsyncConnectionPool[AsyncConnection[Any]], log_id: int
) -> AsyncIterator[AsyncConnection[Any]]:
    """The lock that `append_events()` takes, held by a session of our own as long as the block lasts."""
    async with pool.connection() as session, session.transaction():
        await session.execute("select pg_advisory_xact_lock(7301, %s)", [log_id])
        yield session
