"""Following logs live, without missing an event.

One tail a log and process reads `position > last` in order, checks that positions are contiguous (they
are gapless and become visible in order, so a tail can prove that it missed nothing) and keeps the
last events in memory. Whoever follows has a cursor of their own: near the head they are served from
memory, further back from the database. So there are no queues to overflow: who is slow gets
larger batches later, and nobody waits for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from itertools import islice, takewhile
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from psycopg_pool import AsyncConnectionPool

from events.errors import brief
from events.reading import store
from events.types import REDACTED, Event

logger = logging.getLogger(__name__)

_BATCH = 1_000
"""Events read at once."""
_KEPT_EVENTS = 5_000
_KEPT_BYTES = 16 * 2**20
_RETRY = 0.5

Row = TypeVar("Row")
Pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]]


class Tails:
    """The tails of this process, one for each log that somebody follows."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._tails: dict[int, _Tail] = {}
        self._closing = False

    def wake(self, log_id: int) -> None:
        """The log may have grown."""
        if tail := self._tails.get(log_id):
            tail.wake()

    def redacted_at(self, log_id: int) -> int:
        """The position of the last `event.redacted` that a followed log's tail has read; 0 where it has read none.

        Whatever was read or made of the log before this changes may hold what is gone now.
        """
        tail = self._tails.get(log_id)
        return tail.redacted_at if tail else 0

    async def follow(
        self, log_id: int, *, after: int, heartbeat: float | None = None
    ) -> AsyncGenerator[tuple[Event, ...], None]:
        """Yield the events after a position for ever, in contiguous batches, in order.

        With `heartbeat`, an empty batch is yielded whenever nothing came for that many seconds. It ends
        only when the engine closes; while the database is away it waits.
        """
        if self._closing:
            return
        tail = self._tails.get(log_id)
        if tail is None:
            tail = self._tails[log_id] = _Tail(log_id, self._pool)
        tail.followers += 1
        try:
            position = max(after, 0)
            while not tail.stopped:
                batch = await tail.after(position, patience=heartbeat)
                if batch:
                    position = batch[-1].position
                if batch or heartbeat is not None:
                    yield batch
        finally:
            tail.followers -= 1
            if not tail.followers and self._tails.get(log_id) is tail:
                del self._tails[log_id]
                tail.stop()

    def stop(self) -> None:
        """Let those who follow come to their end."""
        self._closing = True
        for tail in self._tails.values():
            tail.stop()

    async def aclose(self) -> None:
        """Stop, and wait for the tails to end."""
        self.stop()
        await asyncio.gather(*(tail.task for tail in self._tails.values()), return_exceptions=True)


class _Tail:
    """One log's tail: a task that reads, the newest events, and a signal that there are more."""

    def __init__(self, log_id: int, pool: Pool) -> None:
        self._log_id = log_id
        self._pool = pool
        self._recent: deque[Event] = deque()
        self._bytes = 0
        self._head: int | None = None
        self._advanced = asyncio.Event()
        self._wanted = asyncio.Event()
        self._wake = asyncio.Event()
        self.followers = 0
        self.redacted_at = 0
        self.stopped = False
        self.task = asyncio.create_task(self._run(), name=f"tail of log {log_id}")

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self.stopped = True
        self.task.cancel()
        self._advanced.set()

    async def after(self, position: int, *, patience: float | None) -> tuple[Event, ...]:
        """The next events after a position; none when the time is over first, or when the tail stops."""
        try:
            async with asyncio.timeout(patience):
                while not self.stopped and (self._head is None or position >= self._head):
                    self._wanted.set()
                    await self._advanced.wait()
        except TimeoutError:
            return ()
        if self._recent and self._recent[0].position <= position + 1:
            start = position + 1 - self._recent[0].position
            return tuple(islice(self._recent, start, start + _BATCH))
        return await self._read(position)

    async def _run(self) -> None:
        heads = await self._fetch(store.head(self._log_id))
        self._move(heads[0] if heads else 0)
        while True:
            # Not for nobody: live lists come four times a second, a busy log's appends hundreds of times.
            await self._wanted.wait()
            if await self._advance():
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(settings.EVENTSITE.tail_poll_interval):
                    await self._wake.wait()
            self._wake.clear()

    async def _advance(self) -> bool:
        """Read on; True where there may be more at once."""
        head = self._head or 0
        events = await self._read(head)
        for event in events:
            if event.type == REDACTED:
                # What is kept may hold what is gone now; the database knows.
                self.redacted_at = event.position
                self._recent.clear()
                self._bytes = 0
            self._recent.append(event)
            self._bytes += len(event.data) + len(event.metadata)
        while len(self._recent) > _KEPT_EVENTS or (self._bytes > _KEPT_BYTES and len(self._recent) > 1):
            dropped = self._recent.popleft()
            self._bytes -= len(dropped.data) + len(dropped.metadata)
        if events:
            self._move(events[-1].position)
        return len(events) == _BATCH

    async def _read(self, after: int) -> tuple[Event, ...]:
        events = await self._fetch(store.events(self._log_id, after=after, limit=_BATCH))
        whole = tuple(
            event for _, event in takewhile(lambda pair: pair[0] == pair[1].position, enumerate(events, after + 1))
        )
        if len(whole) < len(events):
            # This can't happen while append_events() is the only writer. Wait here rather than skip an event.
            logger.critical("log %s has a hole after position %s", self._log_id, after + len(whole))
            await asyncio.sleep(_RETRY)
        return whole

    async def _fetch(self, read: store.Read[Row]) -> list[Row]:
        """Read, again and again until it works: an error would tell those who follow nothing that they could use."""
        while not self.stopped:
            try:
                return await read.afetch(self._pool)
            except Exception as error:
                logger.warning("tail of log %s: %s", self._log_id, brief(error))
                await asyncio.sleep(_RETRY)
        return []

    def _move(self, head: int) -> None:
        self._head = head
        self._wanted.clear()
        advanced, self._advanced = self._advanced, asyncio.Event()
        advanced.set()
