"""Searching a log with a query in bounded work: slice by slice from one end, with an honest account of how far it came.

A slice is a range of positions and one statement. It is small at first, which answers what is common; and grows as long
as it is quick, so that what an index answers is asked about ten million positions in four statements. A statement that
takes too long is cancelled by the database and asked again about less. Nothing is counted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Q
from psycopg import AsyncConnection
from psycopg.errors import QueryCanceled
from psycopg_pool import AsyncConnectionPool

from events import store
from events.query.orm import where
from events.query.reading import pinned
from events.query.tree import Query, Since, Until, terms
from events.store import Read
from events.types import Event

BUDGET = 0.25
"""Seconds after which a search stops and says how far it came."""
_FIRST = 2_000
_LEAST = 10
_LEAST_TIMEOUT = 50
_GROWTH = 64
_SLICE_SECONDS = 0.04
_WINDOW = 5_000
# Compiling a plan takes longer than running most; it pays on statements that are cancelled here anyway.
_SETTINGS = "select set_config('statement_timeout', %s, true), set_config('jit', 'off', true)"


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, in the order in which it went.

    Every position from its start to `searched_to` was looked at. `at_end`: there is nothing behind it. Where neither
    the end nor the limit was reached the time was up, and a search from `searched_to` on goes on.
    """

    events: tuple[Event, ...]
    searched_to: int
    at_end: bool


@dataclass(slots=True)
class _Progress:
    """How far a search has come: where the next slice is, and how large."""

    low: int
    high: int
    limit: int
    backward: bool
    budget: float
    began: float = field(default_factory=time.monotonic)
    slice_began: float = field(default_factory=time.monotonic)
    size: int = _FIRST
    events: list[Event] = field(default_factory=list)
    searched_to: int | None = None

    @property
    def spent(self) -> float:
        return time.monotonic() - self.began

    @property
    def missing(self) -> int:
        return self.limit - len(self.events)

    @property
    def at_end(self) -> bool:
        return self.low > self.high

    def narrow(self, positions: list[int]) -> None:
        """Look only between the positions of all events that a `since:` lets through, where those are few."""
        if len(positions) < _WINDOW:
            self.low = max(self.low, min(positions, default=self.high + 1))
            self.high = min(self.high, max(positions, default=self.high))

    def slice(self) -> tuple[int, int] | None:
        """The first and last position to look at next; None when it is done. Some of the way is always gone."""
        if self.at_end or not self.missing or (self.searched_to is not None and self.spent > self.budget):
            return None
        if self.backward:
            return max(self.low, self.high - self.size + 1), self.high
        return self.low, min(self.high, self.low + self.size - 1)

    def took(self, first: int, last: int, events: list[Event]) -> None:
        self.events += events
        end = first if self.backward else last
        if not self.missing:
            end = self.events[-1].position
        self.searched_to = end
        self.low, self.high = (self.low, end - 1) if self.backward else (end + 1, self.high)
        now = time.monotonic()
        growth = min(_GROWTH, _SLICE_SECONDS / max(now - self.slice_began, 0.0001))
        self.size = max(_LEAST, int(self.size * growth))
        self.slice_began = now

    def took_too_long(self, error: Exception) -> None:
        """Ask about less; raise the error if that was the least."""
        if self.size <= _LEAST:
            raise error
        self.size = max(_LEAST, min(self.size, self.high - self.low + 1) // 8)
        self.slice_began = time.monotonic()

    def found(self) -> Found:
        nowhere = self.high + 1 if self.backward else self.low - 1
        return Found(tuple(self.events), nowhere if self.searched_to is None else self.searched_to, self.at_end)


@dataclass(frozen=True, slots=True)
class Search:
    """A search that has not begun; it runs in the caller's thread or on the engine's pool."""

    log_id: int
    condition: Q
    window: Read[int] | None
    after: int | None
    before: int | None
    backward: bool
    limit: int
    budget: float

    def fetch(self) -> Found:
        progress = self._progress(store.head(self.log_id).first())
        if self.window:
            progress.narrow(self.window.fetch())
        while progress.slice():
            try:
                with transaction.atomic():
                    with connection.cursor() as cursor:
                        cursor.execute(_SETTINGS, [self._timeout])
                    while bounds := progress.slice():
                        progress.took(*bounds, self._slice(progress, *bounds).fetch())
            except OperationalError as error:
                if not isinstance(error.__cause__, QueryCanceled):
                    raise
                progress.took_too_long(error)
        return progress.found()

    async def afetch(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> Found:
        progress = self._progress(await store.head(self.log_id).afirst(pool))
        if self.window:
            progress.narrow(await self.window.afetch(pool))
        async with pool.connection() as session:
            while progress.slice():
                try:
                    async with session.transaction():
                        await session.execute(_SETTINGS, [self._timeout])
                        while bounds := progress.slice():
                            progress.took(*bounds, await self._slice(progress, *bounds).afetch_on(session))
                except QueryCanceled as error:
                    progress.took_too_long(error)
        return progress.found()

    @property
    def _timeout(self) -> str:
        """Of one statement, in milliseconds."""
        return str(max(_LEAST_TIMEOUT, int(1_000 * self.budget)))

    def _progress(self, head: int | None) -> _Progress:
        low = 1 if self.after is None else self.after + 1
        high = head or 0 if self.before is None else min(head or 0, self.before - 1)
        return _Progress(low, high, limit=self.limit, backward=self.backward, budget=self.budget)

    def _slice(self, progress: _Progress, first: int, last: int) -> Read[Event]:
        return store.slice(
            self.log_id, self.condition, first=first, last=last, backward=self.backward, limit=progress.missing
        )


def events(
    log_id: int,
    query: Query,
    *,
    after: int | None = None,
    before: int | None = None,
    backward: bool = True,
    limit: int,
    budget: float = BUDGET,
) -> Search:
    """Events between two positions (both exclusive) that fit a query whose times are pinned.

    Newest first, or oldest first where not `backward`; `budget` is in seconds.

    Raises:
        NotForEvents: the query asks about a state.
    """
    return Search(log_id, where(query), _window(log_id, query), after, before, backward, limit, budget)


def _window(log_id: int, query: Query) -> Read[int] | None:
    """The positions of the events that the query's `since:` and `until:` let through.

    Times mostly grow with positions, but nothing says so, and the planner doesn't know: it would look for the fiftieth
    event of the last hour down to the log's beginning.
    """
    since = [pinned(term.time) for term in terms(query) if isinstance(term, Since)]
    until = [pinned(term.time) for term in terms(query) if isinstance(term, Until)]
    return store.positions_since(log_id, max(since), until=min(until, default=None), limit=_WINDOW) if since else None
