"""The events that a subscription delivers next: found in the log, most of them before anybody asks for them."""

from __future__ import annotations

import asyncio

from events.reading import scan
from events.sessions import Pool
from events.sql import subscriptions as sql
from events.subscriptions.types import Served
from events.subscriptions.work import Found, Range

_SEARCH_EVENTS = 1_000
_SEARCH_BYTES = 2 * 2**20
"""Data and metadata of the events of one search. The results of two are kept at the most."""
_FEW_EVENTS = 500
"""While no more events than these are left, the search for more begins."""


class Upcoming:
    """The events of one subscription that a process has found, and that were not delivered when it last looked."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._range: Range | None = None
        self._search: asyncio.Task[None] | None = None

    async def range(self, served: Served, *, has_grown: bool) -> Range:
        """Return what was found. If that is nothing and the log has grown, search it first.

        Raises:
            TooSlow, psycopg.OperationalError
        """
        if self._search is not None and (self._search.done() or not (self._range and self._range.found)):
            search, self._search = self._search, None
            await search
        if self._range is None or (has_grown and not self._range.found):
            await self._go_on(served)
        assert self._range is not None
        return self._range

    def note(self, served: Served, *, read_to: int, head: int) -> bool:
        """Leave out what is settled, delivered or waits for its key by now; search for more if few events are left.

        Returns whether another take may get something at once.
        """
        range = self._range
        assert range is not None
        was_useful = read_to > range.begin
        range.cut(read_to)
        is_behind = range.end < head
        if is_behind and len(range.found) <= _FEW_EVENTS and self._search is None:
            self._search = asyncio.create_task(self._go_on(served), name=f"search of subscription {served.name}")
        return was_useful if range.found else is_behind

    async def forget(self) -> None:
        """Forget what was found, and end the search."""
        self._range = None
        search, self._search = self._search, None
        if search is not None:
            search.cancel()
            await asyncio.gather(search, return_exceptions=True)

    async def _go_on(self, served: Served) -> None:
        """Search after the end of the range, and add what is found. Meanwhile others may read on, beyond that too."""
        async with self._pool.connection() as session:
            parameters = {"log_id": served.log_id, "number": served.number}
            cursor = await session.execute(sql.READ_TO, parameters, prepare=True)
            read_to, head, redacted_at = await cursor.fetchone() or (0, 0, 0)
            range = self._range = self._range or Range(read_to, read_to)
            if not range.found:
                range.redacted_at = redacted_at
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
        range.found.extend(Found(served.key(event), event) for event in result.events if event.position > range.end)
        range.end = max(range.end, result.searched_to)
