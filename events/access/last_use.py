"""The time of a token's last use, noted once a minute."""

from __future__ import annotations

import asyncio
import logging
import time
from contextvars import Context

from events import engine, sql

logger = logging.getLogger(__name__)

_INTERVAL_SECONDS = 60.0
"""The time between two updates of a token's `last_used_at`."""

_noted: dict[int, float] = {}
_tasks: set[asyncio.Task[None]] = set()


def note_use(token_id: int) -> None:
    """Note that a token is in use; the database is updated once a minute."""
    now = time.monotonic()
    if now - _noted.get(token_id, -_INTERVAL_SECONDS) >= _INTERVAL_SECONDS:
        _noted[token_id] = now
        task = asyncio.create_task(_update(token_id), context=Context())
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)


async def _update(token_id: int) -> None:
    try:
        async with engine.current().pool.connection() as connection:
            await connection.execute(sql.TOKEN_USED, {"token": token_id})
    except engine.DatabaseAway as error:
        logger.warning("last use of token %s not noted: %s", token_id, str(error).strip())
