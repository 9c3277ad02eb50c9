"""The events that a subscription delivers next: found in the log, most of them before anybody asks for them."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from events.query.match import event_matcher
from events.reading import scan
from events.sessions import Pool
from events.sql import subscriptions as sql
from events.subscriptions.newest import Newest, NewEvents
from events.subscriptions.types import Served
from events.subscriptions.work import Found, Range
from events.system_streams import is_system

_SEARCH_EVENTS = 1_000
_SEARCH_BYTES = 2 * 2**20
"""Data and metadata of the events of one search."""
_FEW_EVENTS = 500
_FEW_BYTES = 2**20
"""While no more than these is left, the search for more begins."""
_NEAR_POSITIONS = 2_000
"""A search of so few positions is a short one."""


class Turns:
    """The searches of a process take turns, so that takes and settlements find connections free.

    Long ones go through a log; short ones look at its end, and never wait for a long one.
    """

    def __init__(self, *, short: int, long: int) -> None:
        self._short = asyncio.Semaphore(short)
        self._long = asyncio.Semaphore(long)

    def turn(self, *, is_short: bool) -> AbstractAsyncContextManager[None]:
        return self._short if is_short else self._long


class Upcoming:
    """The events of one subscription that a process has found, and that were not delivered when it last looked."""

    def __init__(self, pool: Pool, turns: Turns, newest: Newest) -> None:
        self._pool = pool
        self._turns = turns
        self._newest = newest
        self._head = 0
        self.has_other_news = False
        """Since this was set to False, the log has got an event of the server: it may let other events be delivered."""
        self._range: Range | None = None
        self._search: asyncio.Task[None] | None = None

    async def range(self, served: Served, *, has_grown: bool, interruption: asyncio.Event) -> Range | None:
        """Return what was found. If that is nothing and the log may have grown, search it first.

        Returns None after an interruption: the search goes on, and another call returns its result.

        Raises:
            TooSlow, psycopg.OperationalError: the search failed, and nothing is left that was found before.
        """
        while self._range is None or not self._range.found:
            if self._search is None:
                if self._range is not None and not has_grown:
                    break
                has_grown = False
                self._begin(served)
            assert self._search is not None
            if not await _is_done(self._search, interruption):
                return None
            search, self._search = self._search, None
            search.result()
        return self._range

    def note(self, served: Served, *, read_to: int, head: int) -> bool:
        """Leave out what is settled, delivered or waits for its key by now; search for more if little is left.

        Returns whether another take may get something at once.
        """
        range = self._range
        assert range is not None
        was_useful = read_to > range.begin
        range.cut(read_to)
        if self._search is not None and self._search.done() and self._search.exception() is None:
            self._search = None
        self._head = head
        is_behind = range.end < head
        if is_behind and self._search is None and len(range.found) <= _FEW_EVENTS and range.bytes <= _FEW_BYTES:
            self._begin(served)
        return was_useful if range.found else is_behind

    async def forget(self) -> None:
        """Forget what was found, and end the search."""
        self._range = None
        search, self._search = self._search, None
        if search is not None:
            search.cancel()
            await asyncio.gather(search, return_exceptions=True)

    def _begin(self, served: Served) -> None:
        self._search = asyncio.create_task(self._go_on(served), name=f"search of subscription {served.name}")

    async def _go_on(self, served: Served) -> None:
        """Search after the end of the range, and add what is found. Meanwhile others may read on, beyond that too."""
        if self._range is not None:
            new = await self._newest.after(self._range.end, head=self._head)
            if new is not None:
                self._add(served, self._range, new)
                return
        self.has_other_news = True
        async with self._pool.connection() as session:
            parameters = {"log_id": served.log_id, "number": served.number}
            cursor = await session.execute(sql.READ_TO, parameters, prepare=True)
            read_to, head, redacted_at = await cursor.fetchone() or (0, 0, 0)
        range = self._range = self._range or Range(read_to, read_to)
        if not range.found:
            range.redacted_at = redacted_at
        is_short = range.end + _NEAR_POSITIONS >= head
        async with self._turns.turn(is_short=is_short), self._pool.connection() as session:
            search = scan.search_events(
                served.log_id,
                served.query,
                after=range.end,
                backward=False,
                limit=_SEARCH_EVENTS,
                room=_SEARCH_BYTES,
                head=head,
            )
            result = await search.afetch_on(session)
        range.add(Found(served.key(event), event) for event in result.events if event.position > range.end)
        range.end = max(range.end, result.searched_to)

    def _add(self, served: Served, range: Range, new: NewEvents) -> None:
        """Add those of the log's newest events that fit."""
        if not range.found:
            range.redacted_at = new.redacted_at
        fits = event_matcher(served.query)
        events = [event for event in new.events if event.position > range.end]
        range.add(Found(served.key(event), event) for event in events if fits(event))
        range.end = max(range.end, new.end)
        self.has_other_news = self.has_other_news or any(is_system(event.stream) for event in events)


async def _is_done(task: asyncio.Task[None], interruption: asyncio.Event) -> bool:
    """Wait for the end of a task, but no longer than until an interruption."""
    if task.done():
        return True
    waiting = asyncio.create_task(interruption.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    return task.done()
