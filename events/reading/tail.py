"""Tails, which follow logs live without missing an event.

A process has one tail for each log. It reads `position > last` in order, checks that positions are contiguous (they
have no gaps and become visible in order, so a tail can prove that it missed nothing) and keeps the last events in
memory. Each follower has a cursor of its own: it gets the events near the head from memory, and older ones from the
database. So no queue can overflow: a slow follower gets larger batches later, and no other follower waits for it.

The events that a tail keeps and those that a follower holds are bounded in bytes. A tail hands them out only if it has
read the log in the last seconds, because an event may have been redacted since (`redacted_at`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from django.conf import settings

from events.errors import brief
from events.reading import store
from events.reading.follower import EventBatch, Follower
from events.reading.log_reader import MOST_BYTES, MOST_EVENTS, Hole, LogReader
from events.sessions import Pool
from events.types import REDACTED, Event

logger = logging.getLogger(__name__)

_KEPT_EVENTS = 5_000
_KEPT_BYTES = 8 * 2**20
_KEPT_BATCHES = 8
_BACKLOG_READS = 2
"""Followers that read older events at the same time: the other connections are for other requests."""
_RETRY_SECONDS = 0.5
_END_SECONDS = 2.0
"""The time that a read may still take when the engine closes."""
_FRESH_SECONDS = 5.0
"""The time after the last read of the log during which kept events are handed out."""

T = TypeVar("T")


class Tails:
    """The tails of this process, one for each log that has followers."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._tails: dict[int, Tail] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._backlog = asyncio.Semaphore(_BACKLOG_READS)
        self._closing = False

    def wake(self, log_id: int) -> None:
        """Read a followed log, as it may have grown."""
        if tail := self._tails.get(log_id):
            tail.wake()

    def redacted_at(self, log_id: int) -> int:
        """Return the position of the last `event.redacted` that a followed log's tail has read; 0 if it has read none.

        When this changes, events that were read before it, and their copies, may hold redacted data.
        """
        tail = self._tails.get(log_id)
        return tail.redacted_at if tail else 0

    def follow(self, log_id: int, *, after: int, heartbeat: float | None = None) -> Follower:
        """Return a follower of a log from a position on; the caller closes it in the end (`aclosing`)."""
        tail = self._tails.get(log_id)
        if tail is None:
            tail = self._tails[log_id] = Tail(log_id, self.pool, self._backlog, on_idle=self._remove)
            self._tasks.add(tail.task)
            tail.task.add_done_callback(self._tasks.discard)
            if self._closing:
                tail.stop()
        return Follower(tail, after=after, heartbeat=heartbeat)

    def _remove(self, tail: Tail) -> None:
        del self._tails[tail.log_id]
        tail.stop()

    def stop(self) -> None:
        """Let the followers come to their end."""
        self._closing = True
        for tail in self._tails.values():
            tail.stop()

    async def aclose(self) -> None:
        """Stop, and wait for the tails to end. If a read were cut off, the pool would lose its connection."""
        self.stop()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_END_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


class Tail:
    """The tail of one log: the task that reads, the newest events, and the followers."""

    def __init__(self, log_id: int, pool: Pool, backlog: asyncio.Semaphore, *, on_idle: Callable[[Tail], None]) -> None:
        self.log_id = log_id
        self.pool = pool
        self.followers: set[Follower] = set()
        self.head = 0
        self.redacted_at = 0
        self.stopped = False
        self.begun = asyncio.Event()
        self._backlog = backlog
        self._on_idle = on_idle
        self._reader = LogReader(log_id, pool)
        self._recent: deque[Event] = deque()
        self._bytes = 0
        self._batches: dict[int, EventBatch] = {}
        self._last_read = float("-inf")
        self._wanted = asyncio.Event()
        self._grown = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.task = asyncio.create_task(self._run(), name=f"tail of log {log_id}")

    def wake(self) -> None:
        self._grown.set()

    def want(self, *, is_stale: bool) -> None:
        """Note that a follower waits for the next events; or, if the kept ones are stale, for a read of the log."""
        self._wanted.set()
        if is_stale:
            self._grown.set()

    def leave(self, follower: Follower) -> None:
        self.followers.discard(follower)
        if not self.followers and not self.stopped:
            self._on_idle(self)

    def stop(self) -> None:
        """Come to an end after the read that is under way."""
        self.stopped = True
        self.begun.set()
        self._wanted.set()
        self._grown.set()
        self._wake_followers()

    @property
    def is_fresh(self) -> bool:
        """Whether the last read of the log was so lately that kept events may be handed out."""
        return self._loop.time() - self._last_read < _FRESH_SECONDS

    def kept(self, position: int) -> EventBatch | None:
        """Return the next events after a position if they are kept: the same batch for all followers there."""
        if not self._recent or self._recent[0].position > position + 1:
            return None
        batch = self._batches.get(position)
        if batch is None:
            batch = self._batches[position] = EventBatch(
                self._cut(position), after=position, redacted_at=self.redacted_at
            )
            if len(self._batches) > _KEPT_BATCHES:
                del self._batches[next(iter(self._batches))]
        return batch

    def _cut(self, position: int) -> tuple[Event, ...]:
        events: list[Event] = []
        size = 0
        first = position + 1 - self._recent[0].position
        for i in range(first, min(first + MOST_EVENTS, len(self._recent))):
            events.append(self._recent[i])
            size += events[-1].size
            if size >= MOST_BYTES:
                break
        return tuple(events)

    async def read_backlog(self, reader: LogReader, position: int) -> EventBatch:
        """Read the next events after a position, which are not kept, from the database."""
        redacted_at = self.redacted_at
        events = await self._patiently(lambda: self._in_turn(reader, position))
        return EventBatch(events or (), after=position, redacted_at=redacted_at)

    async def _in_turn(self, reader: LogReader, position: int) -> tuple[Event, ...]:
        async with self._backlog:
            return await reader.read(position)

    async def _run(self) -> None:
        heads = await self._patiently(lambda: store.head(self.log_id).afetch(self.pool))
        self.head = heads[0] if heads else 0
        self._last_read = self._loop.time()
        self.begun.set()
        self._wake_followers()
        while not self.stopped:
            if not await self._advance():
                await self._growth()

    async def _growth(self) -> None:
        """Wait until a follower wants more and there may be more; at the longest a poll interval."""
        # Without the wait for a follower, a busy log would be read hundreds of times a second: live lists take four.
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.EVENTSITE.tail_poll_interval):
                await self._wanted.wait()
                await self._grown.wait()
        if not self.stopped:
            self._grown.clear()

    async def _advance(self) -> bool:
        """Read the next events; return True if there may be more already."""
        events = await self._patiently(lambda: self._reader.read(self.head)) or ()
        for event in events:
            if event.type == REDACTED:
                # The kept events may hold the redacted data: followers read them from the database again.
                self.redacted_at = event.position
                self._recent.clear()
                self._bytes = 0
            self._recent.append(event)
            self._bytes += event.size
        while len(self._recent) > _KEPT_EVENTS or (self._bytes > _KEPT_BYTES and len(self._recent) > 1):
            self._bytes -= self._recent.popleft().size
        was_fresh, self._last_read = self.is_fresh, self._loop.time()
        if events:
            self.head = events[-1].position
            self._batches.clear()
        if events or not was_fresh:
            self._wanted.clear()
            self._wake_followers()
        return bool(events) and not self._reader.is_at_end

    def _wake_followers(self) -> None:
        for follower in self.followers:
            follower.wake()

    async def _patiently(self, read: Callable[[], Awaitable[T]]) -> T | None:
        """Read, again and again until it works: followers could do nothing with an error.

        Returns None if the log has a hole, or when the tail stops.
        """
        while not self.stopped:
            try:
                return await read()
            except Hole as hole:
                # This can't happen while append_events() is the only writer. Wait here rather than skip an event.
                logger.critical("%s", hole)
                await asyncio.sleep(_RETRY_SECONDS)
                return None
            except Exception as error:
                logger.warning("tail of log %s: %s", self.log_id, brief(error))
                await asyncio.sleep(_RETRY_SECONDS)
        return None
