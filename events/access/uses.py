"""Notes of the uses of a token: the time of the last one, once a minute, and the first event."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterable, Mapping
from contextvars import Context

from events import engine, sql
from events.errors import EventsError
from events.types import Appended

logger = logging.getLogger(__name__)

_INTERVAL_SECONDS = 60.0
"""The time between two updates of a token's `last_used_at`."""

_noted: dict[int, float] = {}
_begun: set[int] = set()
"""The tokens whose first event is noted, or about to be."""
_tasks: set[asyncio.Task[None]] = set()


def note_use(token_id: int) -> None:
    """Note that a token is in use; the database is updated once a minute."""
    now = time.monotonic()
    if now - _noted.get(token_id, -_INTERVAL_SECONDS) >= _INTERVAL_SECONDS:
        _noted[token_id] = now
        _start(_note_use(token_id))


def note_events(token_id: int, outcomes: Iterable[Appended | EventsError]) -> None:
    """Note the position of the first event of a token, which a process does once for each token."""
    if token_id in _begun:
        return
    positions = [each.first_position for each in outcomes if isinstance(each, Appended) and each.ids]
    if positions:
        _begun.add(token_id)
        _start(_note_first(token_id, min(positions)))


def _start(note: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(note, context=Context())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _note_use(token_id: int) -> None:
    try:
        await _execute(sql.TOKEN_USED, {"token": token_id})
    except engine.DatabaseAway as error:
        logger.warning("last use of token %s not noted: %s", token_id, str(error).strip())


async def _note_first(token_id: int, position: int) -> None:
    try:
        await _execute(sql.TOKEN_BEGUN, {"token": token_id, "position": position})
    except engine.DatabaseAway as error:
        _begun.discard(token_id)  # the next append tries again
        logger.warning("first event of token %s not noted: %s", token_id, str(error).strip())


async def _execute(statement: str, parameters: Mapping[str, int]) -> None:
    async with engine.current().pool.connection() as connection:
        await connection.execute(statement, parameters)
