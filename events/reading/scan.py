"""The search of a log with a query, in bounded work: slice by slice from one end. The result says how far it came.

A slice is a range of places, which one statement searches. The first slice is small, which is enough if many events
fit. The slices grow while the statements are quick: with an index, four statements search ten million places, and for a
name alone one statement does. The database cancels a statement that takes too long, and a smaller slice follows.
Nothing is counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, TypeAlias

from psycopg import AsyncClientCursor, AsyncConnection, ClientCursor
from psycopg.errors import QueryCanceled
from psycopg_pool import AsyncConnectionPool

from events import sql
from events.errors import TooSlow
from events.query.compiled import compiled
from events.query.reading import pinned
from events.query.tree import Name, Named, Query, Since, System, Until, terms
from events.reading import store
from events.reading.along import BY_POSITION, BY_VERSION, Along
from events.reading.statement import Statement, own_cursor
from events.reading.store import Read
from events.reading.tagged import Tagged, split
from events.types import Event

Condition: TypeAlias = tuple[str, tuple[Any, ...]]
"""SQL with a placeholder for each of its values."""
BUDGET = 0.25
"""Seconds after which a search stops and says how far it came."""
_FIRST_PLACES = 2_000
_ALL_PLACES = 2**63 - 1
_MIN_PLACES = 1
"""Places of the smallest slice: an event may have a megabyte, in which each of 200 texts is searched."""
_MIN_TIMEOUT_SECONDS = 0.05
_MAX_TIMEOUT_SECONDS = 5.0
"""The timeout for the smallest slice: 200 texts take half a second to plan on a busy machine."""
_MAX_GROWTH = 64
_SLICE_SECONDS = 0.04
_WINDOW_EVENTS = 5_000
_UNTAGGED = Tagged()
_IN_ORDER = (Name.TYPE, Name.AGENT, Name.CORRELATION, Name.CAUSE, Name.TAG)
"""Fields whose index is in order of blocks or positions: one statement finds the newest events, even of a rare name."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search, with its events in the direction of the search.

    The search looked at every place from its start to `searched_to`: a position, or in a stream a version. `at_end`: no
    event comes after that. `complete`: the search came to the end or to its limit; else its time or its room was used
    up, and another search may go on from `searched_to`.
    """

    events: tuple[Event, ...]
    searched_to: int
    at_end: bool
    complete: bool


@dataclass(slots=True)
class _Progress:
    """The progress of a search: its events so far, and the bounds of the next slice."""

    low: int
    high: int
    end: int
    limit: int
    backward: bool
    budget: float
    room: int | None
    place: Callable[[Event], int]
    size: int
    began: float = field(default_factory=time.monotonic)
    slice_began: float = field(default_factory=time.monotonic)
    events: list[Event] = field(default_factory=list)
    searched_to: int | None = None

    @property
    def spent(self) -> float:
        return time.monotonic() - self.began

    @property
    def timeout(self) -> str:
        """Return the timeout of the next statement, in milliseconds."""
        minimum = _MIN_TIMEOUT_SECONDS if self.size > _MIN_PLACES else _MAX_TIMEOUT_SECONDS
        return str(int(1_000 * max(minimum, self.budget)))

    @property
    def missing(self) -> int:
        return self.limit - len(self.events)

    @property
    def is_full(self) -> bool:
        return not self.missing or (self.room is not None and self.room <= 0)

    @property
    def at_end(self) -> bool:
        return self.low > self.high

    def narrow(self, positions: list[int]) -> None:
        """Narrow the search to the range of these positions, which a `since:` allows; not if there may be more."""
        if len(positions) < _WINDOW_EVENTS:
            self.low = max(self.low, min(positions, default=self.high + 1))
            self.high = min(self.high, max(positions, default=self.high))

    def slice(self) -> tuple[int, int] | None:
        """Return the first and last place of the next slice, or None at the end of the search.

        At least one slice is searched, even if the budget is spent.
        """
        if self.at_end or self.is_full or (self.searched_to is not None and self.spent > self.budget):
            return None
        if self.backward:
            return max(self.low, self.high - self.size + 1), self.high
        return self.low, min(self.high, self.low + self.size - 1)

    def add(self, first: int, last: int, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add the rows of a slice, and choose the size of the next one by the time that this one took."""
        events = [Event(*row) for row in rows]
        self.events += events
        if self.room is not None:
            self.room -= sum(event.size for event in events)
        end = first if self.backward else last
        if self.is_full:
            end = self.place(self.events[-1])
        self.searched_to = end
        self.low, self.high = (self.low, end - 1) if self.backward else (end + 1, self.high)
        now = time.monotonic()
        growth = min(_MAX_GROWTH, _SLICE_SECONDS / max(now - self.slice_began, 0.0001))
        self.size = max(_MIN_PLACES, int(self.size * growth))
        self.slice_began = now

    def shrink(self, error: Exception) -> None:
        """Make the slice smaller after a timeout; raise `TooSlow` if it was the smallest."""
        if self.size <= _MIN_PLACES:
            seconds = f"{_MAX_TIMEOUT_SECONDS:.0f} seconds"
            raise TooSlow(f"This query takes over {seconds} for one event: ask for less at once.") from error
        self.size = max(_MIN_PLACES, min(self.size, self.high - self.low + 1) // 8)
        self.slice_began = time.monotonic()

    def result(self) -> SearchResult:
        searched_to = self.end if self.at_end or self.searched_to is None else self.searched_to
        return SearchResult(tuple(self.events), searched_to, self.at_end, self.at_end or not self.missing)


@dataclass(frozen=True, slots=True)
class Search:
    """A search that has not begun; it runs in the caller's thread or on the engine's pool, in no transaction.

    `condition` is SQL with its values. The events are searched along a column; `head` is its last value, or the
    statement that reads it. `first` is the number of places of the first slice. `room` is a number of
    bytes: the search stops at the event with which data and metadata reach it. `tagged` is demanded besides the
    condition.
    """

    log_id: int
    condition: Condition
    head: int | Statement[int]
    window: Read[int] | None
    after: int | None
    before: int | None
    backward: bool
    limit: int
    budget: float
    along: Along = BY_POSITION
    first: int = _FIRST_PLACES
    room: int | None = None
    tagged: Tagged = _UNTAGGED

    def fetch(self) -> SearchResult:
        progress = self._progress(self.head if isinstance(self.head, int) else self.head.first())
        if self.window:
            progress.narrow(self.window.fetch())
        statement = self._statement()
        with own_cursor(ClientCursor) as cursor:
            while bounds := progress.slice():
                try:
                    cursor.execute(*statement(progress, *bounds))
                    cursor.nextset()
                    progress.add(*bounds, cursor.fetchall())
                except QueryCanceled as error:
                    progress.shrink(error)
        return progress.result()

    async def afetch(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> SearchResult:
        async with pool.connection() as session:
            return await self.afetch_on(session)

    async def afetch_on(self, session: AsyncConnection[Any]) -> SearchResult:
        """Search on a connection of the caller, which is in no transaction."""
        progress = self._progress(self.head if isinstance(self.head, int) else await self.head.afirst_on(session))
        if self.window:
            progress.narrow(await self.window.afetch_on(session))
        statement = self._statement()
        # As Django's cursor does, this one puts the values into the text, so that one execution takes two statements.
        async with AsyncClientCursor(session) as cursor:
            while bounds := progress.slice():
                try:
                    await cursor.execute(*statement(progress, *bounds))
                    cursor.nextset()
                    progress.add(*bounds, await cursor.fetchall())
                except QueryCanceled as error:
                    progress.shrink(error)
        return progress.result()

    def _progress(self, head: int | None) -> _Progress:
        low = 1 if self.after is None else self.after + 1
        high = head or 0 if self.before is None else min(head or 0, self.before - 1)
        end = min(low, high + 1) if self.backward else max(high, low - 1)
        place = attrgetter(self.along.column)
        return _Progress(low, high, end, self.limit, self.backward, self.budget, self.room, place, self.first)

    def _statement(self) -> Callable[[_Progress, int, int], tuple[str, list[Any]]]:
        """Return a function that gives the SQL of a slice and its values; the SQL is compiled once.

        The SQL holds two statements: the first sets the timeout, which ends with the text that both are sent in.
        """
        condition, values = self.condition
        along, direction = self.along, "desc" if self.backward else "asc"
        condition = f"({condition}) and {self.tagged.condition(direction)}"
        columns = store.EVENT_COLUMNS if self.room is None else store.EVENT_NAMES
        # A tag alone gives the positions themselves: with bounds, Postgres 15 may go through all of the slice instead.
        bounds_sql = "true" if self.tagged.is_all else along.slice_sql
        order = along.order_sql(direction)
        text = sql.SLICE.format(columns=columns, bounds=bounds_sql, condition=condition, order=order)
        if self.room is not None:
            text = sql.BOUNDED.format(columns=store.EVENT_COLUMNS, along=along.column, order=direction, events=text)

        sort = "off" if self.first == _ALL_PLACES and not self.tagged.is_all else "on"

        def statement(progress: _Progress, first: int, last: int) -> tuple[str, list[Any]]:
            room = [] if progress.room is None else [progress.room]
            bounds = [] if self.tagged.is_all else along.slice_values(first, last)
            tagged = self.tagged.values(self.log_id, first, last, progress.missing)
            slice = [progress.timeout, sort, self.log_id, *bounds, *values, *tagged, progress.missing, *room]
            return sql.SET_SLICE + text, slice

        return statement


def search_events(
    log_id: int,
    query: Query,
    *,
    after: int | None = None,
    before: int | None = None,
    backward: bool = True,
    limit: int,
    budget: float = BUDGET,
    room: int | None = None,
    head: int | None = None,
) -> Search:
    """Return the search for events between two positions (both exclusive) that fit a query whose times are pinned.

    Newest first, or oldest first without `backward`; `budget` is in seconds, `room` in bytes of data and metadata. A
    caller that knows the `head` saves a read of it.

    Raises:
        NotForEvents: the query asks about a state.
    """
    end = store.head(log_id) if head is None else head
    window = _search_window(log_id, query)
    bounds = (after, before, backward, limit, budget)
    tagged, others = split(query)
    first = _first_places(query)
    forms = compiled(others)
    condition, along = (forms.text, forms.values), Along.of(forms.filter)
    return Search(log_id, condition, end, window, *bounds, along, first, room, tagged)


def search_stream(
    log_id: int,
    stream: str,
    query: Query,
    *,
    after: int | None = None,
    before: int | None = None,
    backward: bool = False,
    limit: int,
    budget: float = BUDGET,
    room: int | None = None,
    version: int,
) -> Search:
    """Return the search for events of a stream at `version`, between two of its versions (both exclusive)."""
    forms = compiled(query)
    condition = f"stream = %s and ({forms.text})", (stream, *forms.values)
    return Search(log_id, condition, version, None, after, before, backward, limit, budget, BY_VERSION, room=room)


def _first_places(query: Query) -> int:
    """Return the number of places of the first slice: all for a name alone, as any other term may fit no event.

    `system:false` fits nearly every event, so it may stand beside the name.
    """
    others = [term for term in terms(query) if term != System(False)]
    name = others[0] if len(others) == 1 else None
    is_in_order = isinstance(name, Named) and name.name in _IN_ORDER and name.pattern.exact is not None
    return _ALL_PLACES if is_in_order else _FIRST_PLACES


def _search_window(log_id: int, query: Query) -> Read[int] | None:
    """Return the read of the positions of the events that the query's `since:` and `until:` allow, or None.

    Times mostly grow with positions, but not always, and the planner doesn't know: for the fiftieth event of the last
    hour it would search down to the log's beginning.
    """
    since = [pinned(term.time) for term in terms(query) if isinstance(term, Since)]
    until = [pinned(term.time) for term in terms(query) if isinstance(term, Until)]
    if not since:
        return None
    return store.positions_about(log_id, max(since), until=min(until, default=None), limit=_WINDOW_EVENTS)
