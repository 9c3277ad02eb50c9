"""Iterators over what takes several pages. The next page is read when it is needed."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Generic, Protocol, TypeVar

from eventsite_client._core.paging import LogReading, Reading, StatesReading, StreamReading
from eventsite_client._core.requests import Request
from eventsite_client.types import Event, ListedState

T = TypeVar("T")


class AsyncCall(Protocol):
    """A function that sends a request until it is answered."""

    async def __call__(self, request: Request[T]) -> T: ...


class AsyncPages(AsyncIterator[T], Generic[T]):
    """An iterator that reads page by page."""

    def __init__(self, call: AsyncCall, reading: Reading[Any, T]) -> None:
        self._call = call
        self._reading = reading
        self._items: deque[T] = deque()

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        while not self._items:
            request = self._reading.request()
            if request is None:
                raise StopAsyncIteration
            self._items.extend(self._reading.take(await self._call(request)))
        return self._items.popleft()

    async def all(self) -> list[T]:
        """Return all that is left, as a list."""
        return [item async for item in self]


class AsyncEvents(AsyncPages[Event]):
    """The events of a query."""

    _reading: LogReading

    @property
    def read_position(self) -> int:
        """The position up to which the log was searched.

        It is the `read_position` of an append that rests on these events, and the `none_after` of its condition.
        """
        return self._reading.read_position


class AsyncStreamEvents(AsyncPages[Event]):
    """The events of a stream."""

    _reading: StreamReading

    @property
    def read_position(self) -> int:
        """The position up to which the log was read: its last one at the first page, or that of a later event.

        It is the `read_position` of an append that rests on these events. Before the first page it is 0.
        """
        return self._reading.read_position

    @property
    def version(self) -> int:
        """The version up to which the stream was read; 0 before the first page.

        When all was read, it is the `expected_version` of an append that rests on these events.
        """
        return self._reading.version


class AsyncStates(AsyncPages[ListedState]):
    """States of a projection, in the order of their keys."""

    _reading: StatesReading
