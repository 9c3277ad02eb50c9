"""A follower of a log, and the batches of events that it gets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from events.reading.log_reader import LogReader
from events.types import Event

if TYPE_CHECKING:
    from events.reading.tail import Tail


class EventBatch(tuple[Event, ...]):
    """Events of a log in order, the first after the position `after`.

    All followers at the same position get the same batch, so a result that they compute from it can be shared in
    `cache`. When the follower's `redacted_at` is no longer the batch's, nothing of the batch may be sent: one of its
    events may be empty now.
    """

    after: int
    redacted_at: int
    cache: Any

    def __new__(cls, events: tuple[Event, ...] = (), *, after: int, redacted_at: int) -> EventBatch:
        batch = super().__new__(cls, events)
        batch.after = after
        batch.redacted_at = redacted_at
        batch.cache = None
        return batch


class Follower:
    """A follower of a log: an endless iterator over the batches after `position`.

    With `heartbeat` it gives an empty batch after so many seconds without an event. It ends only when the engine
    closes; while the database is away it waits. After `position` is set back, the events after it come once more.
    """

    def __init__(self, tail: Tail, *, after: int, heartbeat: float | None) -> None:
        self.position = max(after, 0)
        self._tail = tail
        self._reader = LogReader(tail.log_id, tail.pool)
        self._heartbeat = heartbeat
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Future[bool] | None = None
        tail.followers.add(self)

    @property
    def redacted_at(self) -> int:
        """The position of the last `event.redacted` that the log's tail has read in this process."""
        return self._tail.redacted_at

    async def begun(self) -> None:
        """Wait until the log's head is known: the follower learns of all redactions after it."""
        await self._tail.begun.wait()

    def __aiter__(self) -> Follower:
        return self

    async def __anext__(self) -> EventBatch:
        tail = self._tail
        while not tail.stopped:
            if self.position < tail.head and tail.is_fresh:
                batch = tail.kept(self.position) or await tail.read_backlog(self._reader, self.position)
            elif await self._wait():
                continue
            else:
                batch = EventBatch(after=self.position, redacted_at=tail.redacted_at)
            if batch or self._heartbeat is not None:
                return self._hand_out(batch)
        raise StopAsyncIteration

    def _hand_out(self, batch: EventBatch) -> EventBatch:
        if batch:
            self.position = batch[-1].position
        self._heard = self._loop.time()
        return batch

    async def aclose(self) -> None:
        """Stop following the log."""
        if self._timer:
            self._timer.cancel()
        self._tail.leave(self)

    def wake(self) -> None:
        """Go on, as the log has grown or the tail has stopped."""
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(True)

    async def _wait(self) -> bool:
        """Wait until there are events that may be handed out; return False if the heartbeat is due first."""
        if self._heartbeat is not None and self._timer is None:
            self._timer = self._loop.call_at(self._heard + self._heartbeat, self._beat)
        self._waiting = self._loop.create_future()
        self._tail.want(is_stale=self.position < self._tail.head)
        try:
            return await self._waiting
        finally:
            self._waiting = None

    def _beat(self) -> None:
        """End the wait if the heartbeat is due, else set the timer anew. So a batch needs no timer of its own."""
        assert self._heartbeat is not None
        due = self._heard + self._heartbeat
        if self._loop.time() < due:
            self._timer = self._loop.call_at(due, self._beat)
            return
        self._timer = None
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(False)
