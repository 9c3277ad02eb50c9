"""The subscriptions that this process serves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from events.query.parse import parse
from events.query.tree import Name, Named, Pattern, System, all_of
from events.sessions import Pool
from events.sql import subscriptions as sql
from events.subscriptions.consumers import Consumers
from events.subscriptions.errors import NoSuchSubscription
from events.subscriptions.keys import key_by
from events.subscriptions.newest import Newest
from events.subscriptions.server import Server
from events.subscriptions.settings import check_known_name
from events.subscriptions.types import Served
from events.subscriptions.upcoming import Turns


class Subscriptions:
    """The subscriptions of all logs; each has a server from its first take or settlement on.

    `on_ready` is called with a log in which events can be delivered that nobody here has taken.
    """

    def __init__(self, pool: Pool, consumers: Consumers, on_ready: Callable[[int], None]) -> None:
        self._pool = pool
        self._turns = Turns(short=1, long=2)
        self._consumers = consumers
        self._on_ready = on_ready
        self._servers: dict[tuple[int, str], Server] = {}
        self._is_stopping = False
        self._newest: dict[int, Newest] = {}

    def wake(self, log_id: int) -> None:
        """Look at a log again, as it may have grown."""
        if newest := self._newest.get(log_id):
            newest.log_has_grown()
        for (served_log_id, _), server in self._servers.items():
            if served_log_id == log_id:
                server.log_has_grown()

    def end_waits(self) -> None:
        """Answer takes at once from now on, also with nothing: the process is about to stop."""
        self._is_stopping = True
        for server in self._servers.values():
            server.end_waits()

    def look(self, log_id: int) -> None:
        """Ask what can be delivered in a log, as a settlement in another process has freed keys."""
        for (served_log_id, _), server in self._servers.items():
            if served_log_id == log_id:
                server.look()

    async def aclose(self) -> None:
        await asyncio.gather(*(server.stop() for server in self._servers.values()))
        await asyncio.gather(*(newest.aclose() for newest in self._newest.values()))

    async def of(self, log_id: int, name: str) -> Server:
        """Return the server of a subscription, which may have been made again since the server knows it.

        Raises:
            NoSuchSubscription, Unavailable
        """
        server = self._servers.get((log_id, name))
        return server if server is not None and not server.is_gone else await self.renewed(log_id, name)

    async def renewed(self, log_id: int, name: str) -> Server:
        """Look at a subscription again; return its server.

        Raises:
            NoSuchSubscription, Unavailable
        """
        check_known_name(name)
        served = await load(self._pool, log_id, name)
        if served is None:
            raise NoSuchSubscription(f"There is no subscription {name!r}.")
        server = self._servers.get((log_id, name))
        if server is None or server.is_gone or server.served.number != served.number:
            if server is not None:
                server.retire()
            self._servers = {place: each for place, each in self._servers.items() if not each.is_gone}
            reload = partial(load, self._pool, log_id, name)
            newest = self._newest.setdefault(log_id, Newest(log_id, self._pool))
            server = Server(
                served, self._pool, self._turns, newest, reload, self._consumers, partial(self._on_ready, log_id)
            )
            self._servers[log_id, name] = server
            if self._is_stopping:
                server.end_waits()
        return server


async def load(pool: Pool, log_id: int, name: str) -> Served | None:
    """Return what a server must know of a subscription; None if there is none of this name."""
    async with pool.connection() as session:
        cursor = await session.execute(sql.SUBSCRIPTION, {"log_id": log_id, "name": name}, prepare=True)
        row = await cursor.fetchone()
    return None if row is None else served(*row)


def served(
    log_id: int,
    number: int,
    name: str,
    version: int,
    generation: int,
    query: str,
    order_by: str,
    with_system_events: bool,
    prefix: str,
) -> Served:
    """Return what a server knows of a subscription."""
    terms: list[Any] = [parse(query)]
    if not with_system_events:
        terms.append(System(False))
    if prefix:
        terms.append(Named(Name.STREAM, Pattern((prefix, ""))))
    return Served(log_id, number, name, version, generation, all_of(terms), key_by(order_by), prefix)
