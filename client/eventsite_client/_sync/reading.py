# Made by twin.py from `_async`: change that.
"""Iterators over what takes several pages. The next page is read when it is needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from eventsite_client._core.paging import LogReading, Reading, StatesReading, StreamReading
from eventsite_client._core.requests import Request
from eventsite_client.types import Event, ListedState

T = TypeVar("T")


class Call(Protocol):
    """A function that sends a request until it is answered."""

    def __call__(self, request: Request[T]) -> T: ...


class Pages(Iterator[T], Generic[T]):
    """An iterator that reads page by page."""

    def __init__(self, call: Call, reading: Reading[Any, T]) -> None:
        self._call = call
        self._reading = reading
        self._items: deque[T] = deque()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        while not self._items:
            request = self._reading.request()
            if request is None:
                raise StopIteration
            self._items.extend(self._reading.take(self._call(request)))
        return self._items.popleft()

    def all(self) -> list[T]:
        """Return all that is left, as a list."""
        return list(self)


class Events(Pages[Event]):
    """The events of a query."""

    _reading: LogReading

    @property
    def read_position(self) -> int:
        """The position up to which the log was searched.

        It is the `read_position` of an append that rests on these events, and the `none_after` of its condition.
        """
        return self._reading.read_position


class StreamEvents(Pages[Event]):
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


class States(Pages[ListedState]):
    """States of a projection, in the order of their keys."""

    _reading: StatesReading
