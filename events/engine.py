"""The engine of a process, beside Django: a pool for reads, the writer, and the tails.

The ASGI lifespan enters one; commands and tests enter their own.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Self

import psycopg
from psycopg_pool import AsyncConnectionPool

from events import conditions, rules
from events.appending.writer import ReadRules, Writer
from events.errors import EventsError, QueryTimeout, Unavailable
from events.pauses.refusals import Refusals
from events.reading.notify import Notifier, listen
from events.reading.shared_pool import PLACES, SharedPool
from events.reading.tail import Tails
from events.sessions import Address, address, direct
from events.subscriptions import lag
from events.subscriptions.announcing import Announcer
from events.subscriptions.consumers import Consumers
from events.subscriptions.expiring import Expiry
from events.subscriptions.subscriptions import Subscriptions

DatabaseAway = psycopg.OperationalError
"""The error of a read when the database can't be reached, or does not answer in time."""


def no_answer(error: BaseException) -> EventsError:
    """Return the reason for which a read got no answer; `error` is psycopg's, or Django's around it."""
    if isinstance(error.__cause__ or error, psycopg.errors.QueryCanceled):
        return QueryTimeout("The database stopped this query because it took too long. Ask for less at once.")
    return Unavailable("The database can't be reached.")


_READER = {
    "timezone": "UTC",
    "statement_timeout": "30s",
    # A generic plan, for any prefix and any limit, would sort all rows that match, so each read is planned alone.
    "plan_cache_mode": "force_custom_plan",
}

_engines: list[Engine] = []


def current() -> Engine:
    """Return the engine that this process entered last."""
    if not _engines:
        raise RuntimeError("No engine is running: enter `async with Engine():` first.")
    return _engines[-1]


class Engine:
    """The engine: `async with Engine() as engine:` gives `engine.pool`, `engine.writer` and `engine.tails`.

    Its appends are judged by the rules that `read_rules` reads.
    """

    pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]]
    writer: Writer
    tails: Tails
    subscriptions: Subscriptions

    def __init__(self, *, read_rules: ReadRules = rules.read_rules) -> None:
        self._read_rules = read_rules
        self.is_stopping = False

    async def _open_pools(self, database: Address) -> None:
        self.pool = database.pool("reader", _READER, SharedPool, min_size=1, max_size=PLACES, timeout=5)
        # Followers try again after an error, so this pool does not test a connection before it lends it.
        self._follow_pool = database.pool("follower", _READER, min_size=1, max_size=3, timeout=5)
        # A subscription serves all that waits for it at once, in some milliseconds. Searches may have three of these.
        self._serve_pool = database.pool("subscriptions", _READER, min_size=0, max_size=6, timeout=5)
        await self.pool.open()
        await self._follow_pool.open()
        await self._serve_pool.open()

    async def __aenter__(self) -> Self:
        database = address()
        await self._open_pools(database)
        self.tails = Tails(self._follow_pool)
        notifier = Notifier(database)
        self.consumers = Consumers(self.pool)
        self.subscriptions = Subscriptions(self._serve_pool, self.consumers, notifier.mention_ready)

        def wake(log_id: int) -> None:
            self.tails.wake(log_id)
            self.subscriptions.wake(log_id)

        def on_append(log_id: int) -> None:
            wake(log_id)
            notifier.mention(log_id)

        def on_ready(log_id: int) -> None:
            self.subscriptions.look(log_id)
            notifier.mention_ready(log_id)

        self.writer = Writer(
            database,
            check_guards=partial(conditions.check, self.pool),
            read_rules=self._read_rules,
            on_append=on_append,
        )
        self.refusals = Refusals(self.pool)
        self.announcer = Announcer(self._serve_pool, self.writer.append)
        self._expiry = Expiry(self._serve_pool, on_ready)
        self._tasks = [
            asyncio.create_task(self.announcer.run(), name="announcer"),
            asyncio.create_task(self._expiry.run(), name="expired deliveries"),
            asyncio.create_task(self.consumers.write_for_ever(), name="consumers of subscriptions"),
            asyncio.create_task(self.refusals.write_for_ever(), name="refusals of pauses"),
            asyncio.create_task(lag.note_for_ever(self.pool), name="lag of subscriptions"),
            asyncio.create_task(notifier.run(), name="notifier"),
            asyncio.create_task(listen(direct(), wake, self.subscriptions.look, own=notifier), name="listener"),
        ]
        _engines.append(self)
        return self

    def end_waits(self) -> None:
        """End long polls and streams, as the process is about to stop: they would not end by themselves."""
        self.is_stopping = True
        self.tails.stop()
        self.subscriptions.end_waits()

    async def __aexit__(self, *exc_info: object) -> None:
        _engines.remove(self)
        self.announcer.stop()
        self._expiry.stop()
        await self.subscriptions.aclose()
        await self.writer.aclose()
        await self.tails.aclose()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._serve_pool.close()
        await self._follow_pool.close()
        await self.pool.close()
