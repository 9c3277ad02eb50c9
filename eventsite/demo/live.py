"""The runs of the demo in a log: one at a time, with tokens of their own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from datetime import datetime, timedelta

from channels.db import database_sync_to_async
from django.utils import timezone

from events import engine
from events.access import tokens
from events.client import ClientError, Transport
from events.models import Log, Token
from events.sessions import direct
from eventsite.demo.run import CREW, Shift, play
from eventsite.demo.transports import in_process

logger = logging.getLogger(__name__)

LOCK = 7302
"""The first key of the advisory lock of a run; the second is the id of its log."""
TOKEN_LIFETIME = timedelta(hours=1)
"""The time after which the tokens of a run that was cut off expire."""

_running: set[asyncio.Task[None]] = set()


class AlreadyRunning(Exception):
    """The demo is running in this log already."""


async def run_live(
    log: Log,
    *,
    speed: float = 1.0,
    transport: Transport | None = None,
    number: int | None = None,
    epoch: datetime | None = None,
) -> Shift:
    """Play one shift, by default a new one at its natural pace, inside an `Engine`.

    Raises:
        AlreadyRunning: the demo is running in this log already.
        ClientError: the shift can't be finished.
    """
    async with _only_one(log):
        return await _play(log, speed=speed, transport=transport, number=number, epoch=epoch)


async def start_live(log: Log, *, speed: float = 1.0) -> bool:
    """Start a run in the background of this process. Returns False if one is running in this log already.

    `stop()` ends it early. From a synchronous view: `async_to_sync(start_live)(log)`.
    """
    begin: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    # The task has its own context: the caller's may name a request's thread, which ends with the request.
    run = asyncio.create_task(_finish(log, speed, begin), name=f"demo in {log.name}", context=Context())
    _running.add(run)
    run.add_done_callback(_running.discard)
    await asyncio.wait([run, begin], return_when=asyncio.FIRST_COMPLETED)
    try:
        await (begin if begin.done() else run)
    except AlreadyRunning:
        return False
    return True


async def stop() -> None:
    """End the runs in the background of this process, before its engine ends."""
    for task in _running:
        task.cancel()
    await asyncio.gather(*_running, return_exceptions=True)


async def _finish(log: Log, speed: float, begin: asyncio.Future[None]) -> None:
    # The task takes the lock itself: one that is cancelled before its first step could not give a lock back.
    async with _only_one(log):
        begin.set_result(None)
        try:
            await _play(log, speed=speed)
        except ClientError as error:
            logger.warning("the demo in %s ended early: %s", log.name, error)


async def _play(
    log: Log,
    *,
    speed: float,
    transport: Transport | None = None,
    number: int | None = None,
    epoch: datetime | None = None,
) -> Shift:
    # A run may be cancelled while a thread makes the tokens; then they are deleted, too.
    crew_tokens = asyncio.ensure_future(database_sync_to_async(_create_tokens)(log))
    try:
        return await play(
            transport or in_process(), await asyncio.shield(crew_tokens), number=number, speed=speed, epoch=epoch
        )
    finally:
        await database_sync_to_async(_delete_tokens)(await crew_tokens)


@asynccontextmanager
async def _only_one(log: Log) -> AsyncIterator[None]:
    """Hold the log's lock for the demo, across all processes. A process that dies releases it."""
    connection = await direct().connect("demo")
    try:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (LOCK, log.pk))
        if await cursor.fetchone() != (True,):
            raise AlreadyRunning(f"The demo is running in the log {log.name} already.")
        yield
    finally:
        try:
            with suppress(engine.DatabaseAway):  # a broken connection has released the lock
                await connection.execute("SELECT pg_advisory_unlock_all()")
        finally:
            await connection.close()


def _create_tokens(log: Log) -> dict[str, str]:
    """Return a new token for each of the crew, which fixes its name as the agent."""
    labels = {member.name: f"demo: {member.name}" for member in CREW}
    Token.objects.filter(log=log, name__in=labels.values(), expires_at__lt=timezone.now()).delete()
    end = timezone.now() + TOKEN_LIFETIME
    return {
        member.name: tokens.create_token(
            log, name=labels[member.name], scopes=member.scopes, agent=member.name, expires_at=end
        )
        for member in CREW
    }


def _delete_tokens(crew_tokens: dict[str, str]) -> None:
    Token.objects.filter(hash__in=map(tokens.hash_of, crew_tokens.values())).delete()
