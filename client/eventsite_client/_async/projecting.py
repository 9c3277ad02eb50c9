"""Local projections: a dictionary that is folded from the log."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from typing import Generic, TypeVar

from eventsite_client._async.caller import AsyncCaller
from eventsite_client._async.following import AsyncFollower
from eventsite_client._async.reading import AsyncEvents
from eventsite_client._core.deadline import SLACK_SECONDS, Deadline
from eventsite_client._core.following import Cursor
from eventsite_client._core.paging import EventsPage, LogReading
from eventsite_client._core.requests import get
from eventsite_client.errors import TimedOut
from eventsite_client.types import Event

S = TypeVar("S")

_WAIT_SECONDS = 1.0
"""The longest poll for a position: a token that sees a part of the log is not told when other parts grow."""


class AsyncProjection(Mapping[str, S], Generic[S]):
    """States by their keys. `AsyncClient.projection()` describes it."""

    def __init__(
        self,
        caller: AsyncCaller,
        q: str,
        fold: Callable[[S | None, Event], S],
        key: Callable[[Event], str | None],
        after: int,
    ) -> None:
        self._caller = caller
        self._q = q
        self._fold = fold
        self._key = key
        self._states: dict[str, S] = {}
        self._lock = threading.Lock()
        self.position = after
        """The position of the log up to which events are folded."""

    def __getitem__(self, key: str) -> S:
        return self._states[key]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._states))

    def __len__(self) -> int:
        return len(self._states)

    async def catch_up(self, position: int | None = None) -> None:
        """Fold what is in the log by now; with a position, at least up to it.

        Raises:
            TimedOut: the log did not reach the position before the client's timeout.
        """
        await self._wait_for(position or 0)
        reading = LogReading(self._q, after=self.position, before=None, backward=False, limit=None, read_as="stored")
        events = AsyncEvents(self._caller._call, reading)
        async for event in events:
            self._take(event)
        with self._lock:
            self.position = max(self.position, events.read_position)

    async def _wait_for(self, position: int) -> None:
        deadline, head = Deadline(self._caller._timeout), self.position
        while head < position:
            if not deadline.left():
                raise TimedOut(f"The log is at {head}, before {position}.")
            wait = min(_WAIT_SECONDS, deadline.left())
            request = get("/events", EventsPage, after=position - 1, limit=1, wait=wait)
            page = await self._caller._call(request, deadline, slack=SLACK_SECONDS)
            head = page.head

    async def follow(self) -> AsyncGenerator[Event]:
        """Fold events as they come, without end, and hand out each when it is folded.

        `catch_up()` may be called meanwhile: no event is folded twice.
        """
        async with AsyncFollower(self._caller, Cursor(self._q, after=self.position, read_as="stored")) as follower:
            async for event in follower:
                self._take(event)
                yield event

    def _take(self, event: Event) -> None:
        """Fold an event, unless another reader did: each of them comes to all events after `position`, in order."""
        with self._lock:
            if event.position <= self.position:
                return
            key = self._key(event)
            if key is not None:
                self._states[key] = self._fold(self._states.get(key), event)
            self.position = event.position
