"""The announcer: it appends the server events that are due (`server_event`), and then forgets them.

What they record was committed before, in another transaction. Their ids are made from their facts, so each is in the
log once, however often and in however many processes it is appended.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import orjson
import psycopg
from psycopg_pool import PoolTimeout

from events.appending.flush import join
from events.appending.plan import Outcome
from events.errors import EventsError, OutcomeUnknown, Unavailable, brief
from events.server_events import server_append
from events.sessions import Pool
from events.sql import subscriptions as sql
from events.types import Append

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
"""The longest time until an event that another process left is found."""
_MOST_EVENTS = 100

AppendTo = Callable[[int, Sequence[Append]], Awaitable[Sequence[Outcome]]]
"""Appends to a log."""


class Announcer:
    """Appends what is due, for ever; `wake()` says that there is something."""

    def __init__(self, pool: Pool, append: AppendTo) -> None:
        self._pool = pool
        self._append = append
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._refused: defaultdict[int, set[str]] = defaultdict(set)
        """The events that can't be appended. Each is tried, and told of, once in a process."""

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        """End `run()`: a pool that is opening its first connection may lose a cancellation."""
        self._is_stopping = True
        self._wake.set()

    async def run(self) -> None:
        while not self._is_stopping:
            self._wake.clear()
            await self.announce()
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await self._wake.wait()

    async def announce(self) -> None:
        """Append the events that are due. Those that can't be appended now are left for later."""
        try:
            async with self._pool.connection() as session:
                cursor = await session.execute(sql.LOGS_WITH_SERVER_EVENTS, prepare=True)
                log_ids = [log_id for [log_id] in await cursor.fetchall()]
            for log_id in log_ids:
                await self._announce_in(log_id)
        except (psycopg.Error, PoolTimeout, OSError, EventsError) as error:
            if not self._is_stopping:
                logger.warning("announcer: %s", brief(error))

    async def _announce_in(self, log_id: int) -> None:
        """Append the events that are due in a log. One that is refused does not hold up the others."""
        while True:
            params = {"log_id": log_id, "refused": join(self._refused[log_id]), "limit": _MOST_EVENTS}
            async with self._pool.connection() as session:
                cursor = await session.execute(sql.SERVER_EVENTS, params, prepare=True)
                rows = await cursor.fetchall()
            if not rows:
                return
            appended_ids = []
            for id, outcome in await self._append_all(log_id, rows):
                if isinstance(outcome, Unavailable | OutcomeUnknown):
                    raise outcome
                if isinstance(outcome, EventsError):
                    logger.error("announcer: the server event %s is refused: %s", id, brief(outcome))
                    self._refused[log_id].add(id)
                else:
                    appended_ids.append(id)
            async with self._pool.connection() as session:
                await session.execute(
                    sql.FORGET_SERVER_EVENTS, {"log_id": log_id, "ids": join(appended_ids)}, prepare=True
                )

    async def _append_all(self, log_id: int, rows: Sequence[Sequence[Any]]) -> list[tuple[str, Outcome]]:
        """Append the events of some rows, each by itself; return the outcomes by the rows' ids."""
        outcomes: list[tuple[str, Outcome]] = []
        appends: dict[str, Append] = {}
        for row in rows:
            try:
                appends[row[0]] = _server_event(*row)
            except EventsError as error:
                outcomes.append((row[0], error))
        return outcomes + list(zip(appends, await self._append(log_id, list(appends.values())), strict=True))


def _server_event(
    id: str, subject: str, type: str, facts: str, by: str | None, cause: str | None, workflow: str | None
) -> Append:
    return server_append(
        subject, type, facts=orjson.loads(facts), name=id, by=by, causation_id=cause, correlation_id=workflow
    )
