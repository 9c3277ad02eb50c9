"""The watch of accesses: a long poll, event stream, upload or socket ends within seconds when its access is lost.

Each runs in a block of `while_allowed`. One task in a process checks all their accesses together.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass
from typing import Any, NoReturn

from events import engine
from events.access.standing import Access, TokenAccess, losses
from events.access.uses import note_use
from events.errors import EventsError, brief
from events.reading.db_work import run_async

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5
CHECK_SECONDS = 2.0
"""The time between two checks. With the time for which a token is remembered it stays under five seconds."""


@dataclass(eq=False, slots=True)
class _Holder:
    """A task that holds something open.

    It is cancelled at each check until it ends: before Python 3.12, a task that waits for a connection can miss it.
    """

    task: asyncio.Task[Any]
    loss: EventsError | None = None
    cancellations: int = 0

    def end(self, loss: EventsError) -> None:
        self.loss = loss
        self.cancellations += 1
        self.task.cancel()


class _Watch:
    """The holders of something open, by their access. Its task runs while there are any."""

    def __init__(self) -> None:
        self._holders: dict[Access, set[_Holder]] = {}
        self._task: asyncio.Task[NoReturn] | None = None

    def add(self, access: Access, holder: _Holder) -> None:
        self._holders.setdefault(access, set()).add(holder)
        if self._task is None:
            # The task has a context of its own: with that of the first holder, it would wait for that holder's turns.
            self._task = asyncio.create_task(self._run(), name="watch of accesses", context=Context())

    def remove(self, access: Access, holder: _Holder) -> None:
        holders = self._holders[access]
        holders.discard(holder)
        if not holders:
            del self._holders[access]
        if not self._holders and self._task:
            self._task.cancel()
            self._task = None

    async def _run(self) -> NoReturn:
        pause = CHECK_SECONDS
        while True:
            await asyncio.sleep(pause)
            try:
                await self._look()
                pause = CHECK_SECONDS
            except Exception as error:  # the database is away: nothing is read from it meanwhile
                logger.warning("accesses could not be looked at: %s", brief(error))
                pause = min(_RETRY_SECONDS, CHECK_SECONDS)

    async def _look(self) -> None:
        accesses = set(self._holders)
        # This uses the followers' connections, as searches may take all connections of the readers.
        loss_of = await run_async(losses(accesses), engine.current().tails.pool)
        for access, loss in loss_of.items():
            for holder in self._holders.get(access, ()):
                holder.end(loss)
        for access in accesses - loss_of.keys():
            if isinstance(access, TokenAccess):
                note_use(access.token_id)


_watch = _Watch()


@asynccontextmanager
async def while_allowed(access: Access) -> AsyncIterator[None]:
    """Cancel the block, and raise, when the access is lost.

    Raises:
        Unauthorized: the token is no longer valid, or the person has signed out.
        NotFound: the person is no longer a member, or the role is too low now.
    """
    task = asyncio.current_task()
    assert task
    holder = _Holder(task)
    _watch.add(access, holder)
    try:
        yield
    except asyncio.CancelledError:
        if holder.loss and task.cancelling() <= holder.cancellations:  # no one else has cancelled the task
            raise holder.loss from None
        raise
    finally:
        _watch.remove(access, holder)
        for _ in range(holder.cancellations):
            task.uncancel()
