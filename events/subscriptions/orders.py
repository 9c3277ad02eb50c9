"""Orders of people, supervisors and commands about one subscription: its row is locked, and each act is an event."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from events.sessions import Pool
from events.sql import subscriptions as sql
from events.sql.subscription_consumers import FORGET_CONSUMERS
from events.subscriptions.errors import NoSuchSubscription
from events.subscriptions.settings import check_known_name
from events.subscriptions.store import announce, check_prefix


@dataclass(frozen=True, slots=True)
class Place:
    """The number and the generation of a subscription, and its place in the log, whose last event is at `head`."""

    number: int
    read_to: int
    is_paused: bool
    head: int
    generation: int


@dataclass(frozen=True, slots=True)
class Order:
    """The name of a subscription, and who orders something about it.

    `stream_prefix` is the one of a token; None is whoever runs the server. A dry run counts and changes nothing.
    """

    pool: Pool
    log_id: int
    name: str
    stream_prefix: str | None
    by: str | None
    is_dry_run: bool = False

    @asynccontextmanager
    async def place(self) -> AsyncIterator[tuple[AsyncConnection[Any], Place]]:
        """Give the place of the subscription, in a transaction. Its row is locked, but not for a dry run.

        Raises:
            NoSuchSubscription, Forbidden
        """
        check_known_name(self.name)
        keys = {"log_id": self.log_id, "name": self.name}
        async with self.pool.connection() as session, session.transaction():
            if not self.is_dry_run:
                await session.execute(sql.LOCK, keys)
            row = await (await session.execute(sql.PLACE, keys)).fetchone()
            if row is None:
                raise NoSuchSubscription(f"There is no subscription {self.name!r}.")
            number, prefix, *others = row
            check_prefix(self.name, prefix, self.stream_prefix)
            yield session, Place(number, *others)

    def keys(self, place: Place) -> dict[str, Any]:
        return {"log_id": self.log_id, "number": place.number}

    async def announce(
        self, session: AsyncConnection[Any], place: Place, act: str, *, facts: Mapping[str, Any], change: int | str
    ) -> None:
        """Leave the event of an act to the announcer, in the transaction of the act."""
        await announce(session, self.log_id, place.number, self.name, act, by=self.by, facts=facts, change=change)


async def delete(order: Order) -> None:
    """End a subscription: its deliveries are void, and its dead letters are forgotten.

    Raises:
        NoSuchSubscription, Forbidden
    """
    async with order.place() as (session, place):
        keys = order.keys(place)
        # The rows of `delivery` go as in a rewind, which locks them in the order of an append that settles.
        await session.execute(sql.REWIND, {**keys, "position": place.read_to, "after": 0})
        await session.execute(sql.FORGET_LETTERS, keys)
        await session.execute(FORGET_CONSUMERS, keys)
        await session.execute(sql.FORGET_BREAKERS, keys)
        await session.execute(sql.DELETE, keys)
        await order.announce(session, place, "deleted", facts={}, change="end")
