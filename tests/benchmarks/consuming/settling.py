"""Appends that settle a delivery, beside the same appends that settle nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import partial

import uvloop

from events.appending.checks import new_append, new_event
from events.engine import Engine
from events.models import Log, Subscription
from events.subscriptions.guard import EventIds, Settles
from events.subscriptions.types import Delivery
from events.types import Append, Appended
from tests.benchmarks import payloads
from tests.benchmarks.consuming.ours import OurConsumer, make_place
from tests.benchmarks.measure import Table, count, interleaved, ratio

_CELLS = ((1, 300), (64, 2_000))
"""Callers, and their appends."""
_ROUNDS = 5
_MOST_TAKEN = 1_000


def beside_plain(log: Log) -> Table:
    """The rates of both. Each append has one event, which goes to the stream of its delivery's results."""
    heads = ("callers", "settling", "plain", "times as dear", "plain ÷ plain")
    table = Table("Appends that settle a delivery: appends a second", heads)
    for callers, appends in _CELLS:
        plain = partial(_rate, log, callers, appends, settles=False)
        measures = {"settling": partial(_rate, log, callers, appends, settles=True), "plain": plain, "again": plain}
        rates = interleaved(measures, rounds=_ROUNDS)
        dearer, again = ratio(rates["plain"], rates["settling"]), ratio(rates["plain"], rates["again"])
        table.rows.append((*map(count, (callers, rates["settling"], rates["plain"])), dearer, again))
    return table


def _rate(log: Log, callers: int, appends: int, *, settles: bool) -> float:
    """Appends a second, after their deliveries were taken. The first append is the warm-up, and not counted."""
    return uvloop.run(_run(make_place(log), callers, appends, settles))


async def _run(place: Subscription, callers: int, appends: int, settles: bool) -> float:
    async with Engine() as engine:
        consumer = OurConsumer(
            await engine.subscriptions.of(place.log_id, place.name), "one", min(appends, _MOST_TAKEN)
        )
        deliveries: list[Delivery] = []
        while len(deliveries) <= appends:
            deliveries += await consumer.take()
        first, *others = (_append(each, place.name if settles else None) for each in deliveries[: appends + 1])
        waiting = iter(others)

        async def call(appends: Iterator[Append]) -> None:
            for append in appends:
                [outcome] = await engine.writer.append(place.log_id, [append])
                assert isinstance(outcome, Appended), outcome
                assert not outcome.replayed

        await call(iter([first]))
        start = time.perf_counter()
        await asyncio.gather(*(call(waiting) for _ in range(callers)))
        return appends / (time.perf_counter() - start)


def _append(delivery: Delivery, subscription: str | None) -> Append:
    """The append of a result, which settles the delivery of a subscription, or nothing."""
    stream = f"done-{delivery.key}"
    guards = () if subscription is None else (Settles(subscription, delivery.id),)
    data = payloads.data(delivery.event.position)
    id = next(EventIds(delivery.id))
    event = new_event(stream, "Done", data=data, id=id, causation_id=delivery.event.id)
    return new_append(stream, [event], guards=guards)
