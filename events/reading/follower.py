"""A follower of a log, and the batches that it gets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from events.reading.log_reader import LogReader
from events.types import Event

if TYPE_CHECKING:
    from events.reading.tail import Tail


class EventBatch(tuple[Event, ...]):
    """Events of a log in order, the first after the position `after`.

    All who follow in step are handed the same batch, so what is made of it can be made once and kept in `made`.
    Nothing of it may be sent once its follower's `redacted_at` is another: one of its events may be empty now.
    """

    after: int
    redacted_at: int
    made: Any

    def __new__(cls, events: tuple[Event, ...] = (), *, after: int, redacted_at: int) -> EventBatch:
        batch = super().__new__(cls, events)
        batch.after = after
        batch.redacted_at = redacted_at
        batch.made = None
        return batch


class Follower:
    """A follower of a log: an endless iterator over the batches after `position`.

    With `heartbeat` an empty batch comes whenever nothing came for that many seconds. It ends only when the engine
    closes; while the database is away it waits. Set `position` back, and what comes after it comes once more.
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
        """The position of the last `event.redacted` of the log since it is followed in this process."""
        return self._tail.redacted_at

    async def begun(self) -> None:
        """Wait until the log's head is known: of redactions after it the follower is told."""
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
        """Follow no longer."""
        if self._timer:
            self._timer.cancel()
        self._tail.leave(self)

    def wake(self) -> None:
        """The log has grown, or the tail has stopped."""
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(True)

    async def _wait(self) -> bool:
        """Wait until there is more, or until what is kept may be handed out; False if the heartbeat is due first."""
        if self._heartbeat is not None and self._timer is None:
            self._timer = self._loop.call_at(self._heard + self._heartbeat, self._beat)
        self._waiting = self._loop.create_future()
        self._tail.want(is_stale=self.position < self._tail.head)
        try:
            return await self._waiting
        finally:
            self._waiting = None

    def _beat(self) -> None:
        """Set for the earliest moment at which nothing may have come for so long: so a batch costs no timer."""
        assert self._heartbeat is not None
        due = self._heard + self._heartbeat
        if self._loop.time() < due:
            self._timer = self._loop.call_at(due, self._beat)
            return
        self._timer = None
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(False)
