"""Readings that take several pages: which request comes next, and what was read so far."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from eventsite_client._core.requests import Request, get, name_in_path
from eventsite_client.types import Event, ListedState, ReadAs

T = TypeVar("T")
Page = TypeVar("Page")

_MAX_PAGE = 1_000


class EventsPage(Struct):
    """A page of events. `next` is where the next page begins."""

    events: list[Event]
    next: int | None
    head: int


class StreamPage(EventsPage):
    """A page of a stream's events. `next` is a version, and `version` the stream's last one."""

    version: int


class StatesPage(Struct):
    """A page of states. `next` is the key after which the next page begins."""

    states: list[ListedState]
    next: str | None


class Reading(Protocol[Page, T]):
    """A reading of several pages."""

    def request(self) -> Request[Page] | None:
        """Return the request for the next page; None if all was read."""

    def take(self, page: Page) -> list[T]:
        """Take a page, and return what it holds."""


class _Limited(Generic[T]):
    """The number of items that a reading still has room for."""

    def __init__(self, limit: int | None) -> None:
        if limit is not None and limit < 0:
            raise ValueError(f"A limit is not negative: {limit}.")
        self._room = limit
        self._is_done = limit == 0

    def _page_size(self) -> int:
        return _MAX_PAGE if self._room is None else min(_MAX_PAGE, self._room)

    def _take(self, items: list[T], *, is_last: bool) -> list[T]:
        if self._room is not None:
            self._room -= len(items)
        self._is_done = is_last or self._room == 0
        return items


class LogReading(_Limited[Event]):
    """The events of a query, up to the end that the log had when the reading began, or backward to its beginning."""

    def __init__(
        self, q: str, *, after: int, before: int | None, backward: bool, limit: int | None, read_as: ReadAs
    ) -> None:
        super().__init__(limit)
        self._q = q
        self._next: int | None = before if backward else after
        self._other_bound = after if backward else before
        self._backward = backward
        self._read_as = read_as
        self._end: int | None = None
        """The last position of the log when the reading began."""
        self.read_position = after

    def request(self) -> Request[EventsPage] | None:
        if self._is_done:
            return None
        after, before = (self._other_bound, self._next) if self._backward else (self._next, self._other_bound)
        return get(
            "/events",
            EventsPage,
            q=self._q,
            after=after or None,
            before=before,
            direction="backward" if self._backward else None,
            limit=self._page_size(),
            read_as=None if self._read_as == "stored" else self._read_as,
        )

    def take(self, page: EventsPage) -> list[Event]:
        self._end = page.head if self._end is None else self._end
        self._next = page.next
        if self._backward:
            self.read_position = self._end
            return self._take(page.events, is_last=page.next is None)
        looked_to = page.next or 0
        end = self._end if self._other_bound is None else min(self._end, self._other_bound - 1)
        # What came meanwhile is left out: these events are those of one moment.
        events = [event for event in page.events if event.position <= end]
        self.read_position = max(self.read_position, min(looked_to, end))
        return self._take(events, is_last=looked_to >= end)


class StreamReading(_Limited[Event]):
    """The events of a stream, up to the version that it had when the reading began, or backward to the first one."""

    def __init__(
        self, stream: str, *, q: str, from_version: int | None, backward: bool, limit: int | None, read_as: ReadAs
    ) -> None:
        super().__init__(limit)
        self._path = f"/streams/{name_in_path(stream)}/events"
        self._q = q
        self._next = from_version
        self._backward = backward
        self._read_as = read_as
        self._end: int | None = None
        """The version of the stream when the reading began."""
        self.read_position = 0
        self.version = 0

    def request(self) -> Request[StreamPage] | None:
        if self._is_done:
            return None
        return get(
            self._path,
            StreamPage,
            q=self._q,
            from_version=self._next,
            direction="backward" if self._backward else None,
            limit=self._page_size(),
            read_as=None if self._read_as == "stored" else self._read_as,
        )

    def take(self, page: StreamPage) -> list[Event]:
        if self._end is None:
            self.read_position, self._end = page.head, page.version
        self._next = page.next
        if self._backward:
            self.version = self._end
            return self._take(page.events, is_last=page.next is None)
        # A page may hold events that are newer than its first page: whoever decides by them expects their version,
        # and has read up to their position.
        if page.events:
            self.read_position = max(self.read_position, page.events[-1].position)
        self.version = max(page.version if page.next is None else page.next - 1, self.version)
        return self._take(page.events, is_last=self.version >= self._end)


class StatesReading(_Limited[ListedState]):
    """The states of a projection, in the order of their keys."""

    def __init__(self, projection: str, *, prefix: str, q: str, after: str | None, limit: int | None) -> None:
        super().__init__(limit)
        self._path = f"/projections/{name_in_path(projection)}/states"
        self._prefix = prefix
        self._q = q
        self._next = after

    def request(self) -> Request[StatesPage] | None:
        if self._is_done:
            return None
        return get(self._path, StatesPage, prefix=self._prefix, q=self._q, after=self._next, limit=self._page_size())

    def take(self, page: StatesPage) -> list[ListedState]:
        self._next = page.next
        return self._take(page.states, is_last=page.next is None)
