"""A key with many events that wait hides no other key, and costs little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from events.engine import Engine
from events.models import Delivery, Log, WaitingEvent
from events.sessions import direct
from events.subscriptions.types import Delivery as Delivered
from tests.support.factories import make_append
from tests.support.subscriptions import FAILURE, Settle, Subscribe, TakeFrom

WINDOW = 10
MOST_BYTES = 150
"""Of a waiting event, with its index."""


async def fill(engine: Engine, log: Log, events: int) -> list[str]:
    """Append events of which nine in ten are of one stream; return their streams."""
    streams = ["hot-1" if n % 10 else f"cool-{n}" for n in range(events)]
    for first in range(0, events, 500):
        await engine.writer.append(log.pk, [make_append(stream) for stream in streams[first : first + 500]])
    return streams


async def take_all(take: TakeFrom, settle: Settle) -> list[Delivered]:
    """Take and settle until nothing comes, but leave the hot key's event alone."""
    all_deliveries: list[Delivered] = []
    while deliveries := await take(limit=WINDOW, wait=0):
        cool = [each for each in deliveries if each.key != "hot-1"]
        await settle("ack", *cool)
        all_deliveries += deliveries
    return all_deliveries


async def test_a_key_that_is_in_flight_hides_no_other(
    engine: Engine, log: Log, subscribe: Subscribe, take: TakeFrom, settle: Settle
) -> None:
    streams = await fill(engine, log, 2_000)
    await subscribe(max_in_flight=WINDOW)
    deliveries = await take_all(take, settle)
    assert [each.key for each in deliveries if each.key != "hot-1"] == [each for each in streams if each != "hot-1"]
    [hot] = [each for each in deliveries if each.key == "hot-1"]
    assert hot.id.position == 2
    [row] = [row async for row in Delivery.objects.filter(log=log)]
    assert row.waiting == await WaitingEvent.objects.filter(log=log).acount() == streams.count("hot-1") - 1


async def test_a_dead_letter_hides_no_other_key(
    engine: Engine, log: Log, subscribe: Subscribe, take: TakeFrom, settle: Settle, placed: Callable[..., Any]
) -> None:
    await placed("hot-1")
    await subscribe(max_in_flight=WINDOW, max_attempts=1)
    await settle("fail", *await take(), failure=FAILURE)
    streams = await fill(engine, log, 1_000)
    deliveries = await take_all(take, settle)
    assert [each.key for each in deliveries] == [each for each in streams if each != "hot-1"]


async def test_a_waiting_event_takes_few_bytes(
    engine: Engine, log: Log, subscribe: Subscribe, take: TakeFrom, settle: Settle
) -> None:
    events = 20_000
    for _ in range(2):
        await engine.writer.append(log.pk, [make_append("hot-1", *[{}] * (events // 2))])
    await subscribe()
    before = await size_of_waiting_events()
    await take()
    while await WaitingEvent.objects.filter(log=log).acount() < events - 1:
        await take(wait=0)
    assert (await size_of_waiting_events() - before) / events <= MOST_BYTES


async def size_of_waiting_events() -> int:
    """The size of the table with its indexes, in bytes."""
    async with await psycopg.AsyncConnection.connect(direct().conninfo, autocommit=True) as session:
        cursor = await session.execute("select pg_total_relation_size('waiting_event')")
        [size] = await cursor.fetchone() or (0,)
        return int(size)
