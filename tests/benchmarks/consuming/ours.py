"""Consumers of a subscription in the process of its server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import uvloop

from events.engine import Engine
from events.models import Log, Subscription
from events.subscriptions.server import Server
from events.subscriptions.types import Delivery, Settlement, Take
from tests.benchmarks.consuming.timing import SECONDS, Consumer, rate
from tests.benchmarks.logs import make_append, make_log
from tests.support.subscriptions import make_subscription

_FLUSH = 1_000


class OurConsumer(Consumer[Delivery]):
    """Takes up to `batch` events at once."""

    def __init__(self, server: Server, name: str, batch: int) -> None:
        self._server = server
        self._name = name
        self._batch = batch

    async def take(self) -> Sequence[Delivery]:
        take = Take(self._name, None, self._batch, uuid4().hex)
        return (await self._server.take(take, wait=1)).deliveries

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        results = await self._server.settle([Settlement(each.id, "ack", self._name) for each in deliveries])
        assert all(each.result == "settled" for each in results)


def make_filled_log(*, streams: int, events: int) -> Log:
    """A log whose events go to its streams in turns."""
    log = make_log()
    uvloop.run(_fill(log.pk, streams, events))
    return log


async def _fill(log_id: int, streams: int, events: int) -> None:
    async with Engine() as engine:
        for first in range(0, events, _FLUSH):
            numbers = range(first, min(first + _FLUSH, events))
            await engine.writer.append(log_id, [make_append(f"order-{n % streams}", n, 1) for n in numbers])


def make_place(log: Log, **fields: Any) -> Subscription:
    """A subscription by stream, from the beginning, with room for thousands of deliveries of a minute."""
    room = {"ack_deadline": 60, "max_in_flight": 10_000, "max_in_flight_per_consumer": 10_000}
    return make_subscription(log, **{"name": uuid4().hex, **room, **fields})


def ours_rate(log: Log, *, consumers: int, batch: int, most: int, seconds: float = SECONDS) -> float:
    """Events a second from a subscription that begins."""
    return rate_of(make_place(log), consumers=consumers, batch=batch, most=most, seconds=seconds)


def rate_of(subscription: Subscription, *, consumers: int, batch: int, most: int, seconds: float = SECONDS) -> float:
    """Events a second from a subscription, from where it is."""
    return uvloop.run(_rate(subscription, consumers, batch, most, seconds))


async def _rate(subscription: Subscription, consumers: int, batch: int, most: int, seconds: float) -> float:
    async with Engine() as engine:
        server = await engine.subscriptions.of(subscription.log_id, subscription.name)
        turns = [OurConsumer(server, f"consumer-{n}", batch).turn for n in range(consumers)]
        return await rate(turns, most=most, seconds=seconds)
