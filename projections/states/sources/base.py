"""Sources of events. A state is folded from a source, and a replay steps through one.

A place is a cursor in a source: the version of an event in a stream, else its position in the log.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from django.db.models import Q

from events.query.tree import Query, all_of
from events.reading import scan, store
from events.reading.db_work import DbWork
from events.reading.scan import Search
from events.reading.statement import Statement
from events.reading.store import Read
from events.types import Event
from projections.definition.projection import Projection

_MAX_COUNTED_EVENTS = 50_000
"""Most entries of an index that are counted while a request waits: some milliseconds."""


class Placed(Protocol):
    """An event, or a state that an event made."""

    @property
    def position(self) -> int: ...

    @property
    def version(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Near:
    """The events of a source around a place, in order. `at` is the index of the last one at or before the place.

    `begins`, `ends`: the source has no event before the first one, or after the last one. If a search for the events
    ran out of time, `searched_from` and `searched_to` are the places between which it looked.
    """

    events: list[Event]
    at: int
    begins: bool
    ends: bool
    searched_from: int | None = None
    searched_to: int | None = None


@dataclass(frozen=True, slots=True)
class Source(ABC):
    """The events of one name, in order. This class reads them from the log, with or without an index."""

    kind: ClassVar[str]
    """The kind in the rows of snapshots and jobs."""
    public_kind: ClassVar[str]
    """The kind in addresses, in the API and on pages."""
    has_name: ClassVar[bool] = True
    is_numbered: ClassVar[bool] = False
    """Whether the place of an event is the number of its step."""
    is_counted: ClassVar[bool] = True
    """Whether steps far from the beginning have numbers."""
    is_searchable: ClassVar[bool] = True
    """Whether `terms` of the query language select its events."""
    is_whole: ClassVar[bool] = False
    """Whether its events are all events of one piece of work, such as a run: none of them is outside the source."""
    place_is_position: ClassVar[bool] = True
    is_in_paths: ClassVar[bool] = False
    """Whether the name stands in the path of an address, not in its query string."""

    name: str = ""

    @abstractmethod
    def read(self, log_id: int, *, after: int, upto: int, limit: int) -> Read[Event] | Statement[Event]:
        """The next events after a place, up to a position; a stream may give events beyond the position."""

    @property
    @abstractmethod
    def follow_query(self) -> str | None:
        """The query string of the list, or of the websocket, with the events; None if no query selects them."""

    @abstractmethod
    def page_url(self, log_name: str, projection: str) -> str:
        """The address of the page of the stream, workflow, agent … that is replayed."""

    def near(self, log_id: int, place: int, *, head: int, side: int) -> DbWork[Near]:
        """The events around a place: the last one at or before it, and at most `side` events before and after that."""
        back = yield store.events(log_id, self.condition, before=place + 1, backward=True, limit=side + 1)
        ahead = yield store.events(log_id, self.condition, after=place, limit=side + 1)
        return near_of(back, ahead, side)

    def after(self, log_id: int, place: int, *, head: int, limit: int) -> DbWork[tuple[list[Event], int | None]]:
        """The events after a place, and the place after which there may be more; None if there are no more."""
        events: list[Event] = yield self.read(log_id, after=place, upto=head, limit=limit + 1)
        return events[:limit], self.place(events[limit - 1]) if len(events) > limit else None

    def search(
        self, log_id: int, query: Query, *, after: int | None, before: int | None, backward: bool, end: int
    ) -> Search:
        """A search for one event of the source that fits a query. `end` is the place of the last event."""
        every = all_of([*self.terms, query])
        return scan.search_events(log_id, every, after=after, before=before, backward=backward, limit=1, head=end)

    def is_there(self, log_id: int) -> DbWork[bool]:
        """Whether its events are still noted. If not, those that were read may be incomplete."""
        yield from ()
        return True

    def last_place(self, log_id: int, *, head: int) -> DbWork[int]:
        """The last place at which the source can have an event. `head` is the log's head."""
        yield from ()
        return head

    def nth_place(self, log_id: int, n: int, *, passed_count: int, place: int, head: int) -> DbWork[int | None]:
        """The place of step `n`, or of the last step if there are fewer; None if it takes too long to count.

        The event at `place` is that of step `passed_count`.
        """
        if n == passed_count:
            return place
        if n - passed_count > _MAX_COUNTED_EVENTS:
            return None
        positions: list[int] = yield store.nth_position(log_id, self.condition, n - passed_count, after=place)
        if not positions:
            positions = yield store.nth_position(log_id, self.condition, 1, backward=True)
        return positions[0] if positions else 0

    def position_of(self, log_id: int, place: int) -> DbWork[int]:
        """The position of the event at a place; 0 if there is none."""
        yield from ()
        return place

    def places_of(self, log_id: int, positions: set[int]) -> DbWork[dict[int, int]]:
        """The places of events of the source, by their positions."""
        yield from ()
        return {position: position for position in positions}

    def place(self, at: Placed) -> int:
        """The place of an event, or of the last event in a state."""
        return at.position if self.place_is_position else at.version

    def number_of(self, event: Event) -> int | None:
        """The number of an event's step, if its place is that number."""
        return self.place(event) if self.is_numbered else None

    def first_number(self, event: Event, *, passed_count: int | None) -> int | None:
        """The number of the step of an event that comes after `passed_count` events (None: they were not counted)."""
        if self.is_numbered:
            return self.place(event)
        if passed_count is None or (passed_count and not self.is_counted):
            return None
        return passed_count + 1

    def label(self, place: int) -> str:
        """A place in words: `4` for the number of a step, `#39` for a position."""
        return f"{place:,}" if self.is_numbered else f"#{place:,}"

    def has(self, event: Event) -> bool:
        """Whether an event that `read` returned belongs to the source."""
        return True

    def takes(self, projection: Projection, event: Event) -> bool:
        """Whether a projection folds an event that `read` returned. The projection's key may raise."""
        return projection.reads(event)

    def end_of_places(self, place: int, *, upto: int) -> int | None:
        """Return the place where reading goes on after the last noted place; None: there are no more."""
        return None

    @property
    def condition(self) -> Q:
        """The events of the source, as a condition in SQL."""
        return Q()

    @property
    def terms(self) -> list[Query]:
        """The events of the source, as terms of the query language."""
        return []

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters that name the source in a query string, if the path does not."""
        return {"name": self.name}

    @property
    def words(self) -> str:
        return f"{self.public_kind} {self.name}"


def near_of(back: Sequence[Event], ahead: Sequence[Event], side: int) -> Near:
    """Return the events around a place, from reads of up to `side` + 1 events on each side; `back` is newest first."""
    events = [*back[::-1], *ahead[:side]]
    return Near(events, len(back) - 1, begins=len(back) <= side, ends=len(ahead) <= side)
