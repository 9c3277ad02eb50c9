"""Rewinding: a subscription goes back in the log, or forward, which skips events."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from events.errors import Invalid
from events.query.compiled import compiled
from events.query.tree import Query
from events.reading import store as log
from events.reading.at_time import position_before
from events.reading.db_work import DbWork, run_async
from events.sql import subscriptions as sql
from events.subscriptions.orders import Order, Place
from events.subscriptions.subscriptions import load

_SLICE_POSITIONS = 50_000
_COUNT_SECONDS = 5.0
"""The time for which events are counted: a query without an index looks at each event."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """The events after a place that are not settled, and how many of them are in flight or dead letters."""

    events: int
    in_flight: int
    letters: int


@dataclass(frozen=True, slots=True)
class Rewound:
    """The effect of a rewind on a subscription that had read up to `begin`. A dry run has no generation.

    `fitting` is the number of its events between the two places, as far as they were counted.
    """

    begin: int
    position: int
    generation: int | None
    unsettled: Unsettled
    fitting: int
    counted_to: int

    @property
    def delivered_again(self) -> int:
        return self.fitting if self.position < self.begin else 0

    @property
    def settled_before(self) -> int:
        """The number of events that are delivered again though they were settled."""
        return max(0, self.delivered_again - self.unsettled.events)

    @property
    def skipped(self) -> int:
        return 0 if self.position < self.begin else self.fitting + self.unsettled.events


async def rewind(order: Order, *, to: int | datetime) -> Rewound:
    """Let a subscription go on after a position, or with the first event recorded at a time or later.

    If it is further, the events after the position are delivered again. If it is not so far, all events up to the
    position are skipped, with those that are not settled. If it is just there, nothing changes.

    Raises:
        NoSuchSubscription, Forbidden
        Invalid: the log does not reach the position.
    """
    async with order.place() as (session, place):
        position = await _position_before(order, session, place, to) if isinstance(to, datetime) else to
        if position > place.head:
            raise Invalid(
                f"position must be from 0 to {place.head}, the log's end.", field="position", limit=place.head
            )
        if position == place.read_to:
            generation = None if order.is_dry_run else place.generation
            return Rewound(position, position, generation, Unsettled(0, 0, 0), 0, position)
        # Back, events up to the position stay unsettled. Forward, none does.
        keys = order.keys(place) | {"position": position, "after": position if position < place.read_to else 0}
        row = await (await session.execute(sql.UNSETTLED_AFTER, keys)).fetchone()
        assert row
        unsettled = Unsettled(*row)
        generation = None if order.is_dry_run else await _rewind(order, session, place, unsettled, keys)
    fitting, counted_to = await _count_between(order, place.read_to, position)
    return Rewound(place.read_to, position, generation, unsettled, fitting, counted_to)


async def _position_before(order: Order, session: AsyncConnection[Any], place: Place, time: datetime) -> int:
    """Return the last position before a time, in the log as the place saw it."""
    [position] = await position_before(order.log_id, time).afetch_on(session)
    return min(position, place.head)


async def _rewind(
    order: Order, session: AsyncConnection[Any], place: Place, unsettled: Unsettled, keys: dict[str, Any]
) -> int:
    """Set the place; return the subscription's new generation."""
    row = await (await session.execute(sql.REWIND, keys)).fetchone()
    assert row
    version, generation = row
    facts = {
        "from": place.read_to,
        "to": keys["position"],
        "generation": generation,
        "void_deliveries": unsettled.in_flight,
        "closed_letters": unsettled.letters,
    }
    await order.announce(session, place, "rewound", facts=facts, change=version)
    return int(generation)


async def _count_between(order: Order, one: int, other: int) -> tuple[int, int]:
    """Return the number of a subscription's events between two places, and where counting stopped."""
    served = await load(order.pool, order.log_id, order.name)
    first, last = min(one, other) + 1, max(one, other)
    if served is None:  # it ended a moment ago
        return 0, last
    return await run_async(_count(order.log_id, served.query, first, last), order.pool)


def _count(log_id: int, query: Query, first: int, last: int) -> DbWork[tuple[int, int]]:
    condition = compiled(query).filter
    end = time.monotonic() + _COUNT_SECONDS
    events = 0
    while first <= last and time.monotonic() < end:
        slice_end = min(last, first + _SLICE_POSITIONS - 1)
        events += sum((yield log.count(log_id, condition, first=first, last=slice_end)))
        first = slice_end + 1
    return events, first - 1
