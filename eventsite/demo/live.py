"""A run of the demo in a log: one at a time, with tokens of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from contextvars import Context
from datetime import datetime, timedelta

from channels.db import database_sync_to_async
from django.utils import timezone

from events import engine
from events.access import tokens
from events.client import ClientError, Transport
from events.models import Log, Scope, Token
from events.sessions import direct
from eventsite.demo.run import CREW, Shift, play
from eventsite.demo.transports import in_process

logger = logging.getLogger(__name__)

LOCK = 7302
"""With a log's id: the advisory lock of the run in that log."""
TOKEN_LIFETIME = timedelta(hours=1)
"""For a run that was cut off and could not take its tokens away."""

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

    Raises `AlreadyRunning`, and `ClientError` where it can't be finished.
    """
    async with _only_one(log):
        return await _play(log, speed=speed, transport=transport, number=number, epoch=epoch)


async def start_live(log: Log, *, speed: float = 1.0) -> bool:
    """Start a run in the background of this process; False where one is running in this log already.

    `stop()` ends it early. From a synchronous view: `async_to_sync(start_live)(log)`.
    """
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(_only_one(log))
        except AlreadyRunning:
            return False
        # In a context of its own: the caller's may name a request's thread, which is gone when the request is answered.
        run = _finish(log, speed, stack.pop_all())
        task = asyncio.create_task(run, name=f"demo in {log.name}", context=Context())
        _running.add(task)
        task.add_done_callback(_running.discard)
    return True


async def stop() -> None:
    """End the runs in the background of this process, before its engine ends."""
    for task in _running:
        task.cancel()
    await asyncio.gather(*_running, return_exceptions=True)


async def _finish(log: Log, speed: float, lock: AsyncExitStack) -> None:
    try:
        async with lock:
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
    given = await database_sync_to_async(_give_tokens)(log)
    try:
        return await play(transport or in_process(), given, number=number, speed=speed, epoch=epoch)
    finally:
        await database_sync_to_async(_take_tokens)(given)


@asynccontextmanager
async def _only_one(log: Log) -> AsyncIterator[None]:
    """Hold the log's lock for the demo, in whatever process. A process that dies lets go of it."""
    connection = await direct().connect("demo")
    try:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (LOCK, log.pk))
        if await cursor.fetchone() != (True,):
            raise AlreadyRunning(f"The demo is running in the log {log.name} already.")
        yield
    finally:
        with suppress(engine.DatabaseAway):  # a connection that broke has let go of it
            await connection.execute("SELECT pg_advisory_unlock_all()")
        await connection.close()


def _give_tokens(log: Log) -> dict[str, str]:
    """A token for each of the crew, which names it as the agent."""
    labels = {member.name: f"demo: {member.name}" for member in CREW}
    Token.objects.filter(log=log, name__in=labels.values(), expires_at__lt=timezone.now()).delete()
    end = timezone.now() + TOKEN_LIFETIME
    scopes = [Scope.APPEND, Scope.READ]
    return {
        name: tokens.create_token(log, name=label, scopes=scopes, agent=name, expires_at=end)
        for name, label in labels.items()
    }


def _take_tokens(given: dict[str, str]) -> None:
    Token.objects.filter(hash__in=map(tokens.hash_of, given.values())).delete()
