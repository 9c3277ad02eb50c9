"""Consumers that are killed, stopped or cut off: no event is lost, none is done twice, and each key keeps its order."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
from collections import defaultdict

import pytest
from asgiref.sync import sync_to_async

from events.engine import Engine
from events.models import DeadLetter, Delivery, Log, SubscriptionPlace, WaitingEvent
from events.reading import store
from events.subscriptions.types import Take
from events.types import Event
from tests.support.agent_processes import hear, say_go, start_agents
from tests.support.factories import make_append
from tests.support.invariants import assert_whole
from tests.support.patience import PATIENCE
from tests.support.subscriptions import expire, make_subscription

pytestmark = pytest.mark.processes
EVENTS = 20_000
KEYS = 500
KILLS = 8
CONSUMERS = 4
"""Of each of two processes."""


async def start(log: Log, task: str, name: str, count: int = CONSUMERS) -> subprocess.Popen[str]:
    process = await asyncio.to_thread(start_agents, task, log, name, count, module="log_consumers")
    assert await asyncio.to_thread(hear, process) == "ready"
    await asyncio.to_thread(say_go, process)
    return process


async def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    await asyncio.to_thread(process.communicate, timeout=PATIENCE)


async def fill(engine: Engine, log: Log) -> None:
    """Append the events of all keys, in turns."""
    appends = [make_append(f"order-{n % KEYS}", {"type": "Placed"}) for n in range(EVENTS)]
    for first in range(0, EVENTS, 1_000):
        await engine.writer.append(log.pk, appends[first : first + 1_000])


async def test_each_event_is_done_once_and_in_order_though_consumers_are_killed(engine: Engine, log: Log) -> None:
    chance = random.Random(7)
    await fill(engine, log)
    await sync_to_async(make_subscription)(log, query="type:Placed", ack_deadline=1, max_attempts=1_000)
    processes = [await start(log, "work", name) for name in ("first", "second")]
    try:
        for kill in range(KILLS):
            number = chance.randrange(len(processes))
            for _ in range(chance.randint(3, 12)):
                assert await asyncio.to_thread(hear, processes[number]) == "batch"
            await end(processes[number])
            processes[number] = await start(log, "work", f"{number} after {kill}")
        await until_settled(log)
    finally:
        for process in processes:
            await end(process)

    events = await store.events(log.pk, limit=1_000_000).afetch(engine.pool)
    assert_whole(events)
    assert_done_once_and_in_order(events)
    assert not await DeadLetter.objects.filter(log=log).aexists()
    assert not await WaitingEvent.objects.filter(log=log).aexists()


async def until_settled(log: Log) -> None:
    """Wait until no event is left: the consumers have read them all, and settled them."""
    async with asyncio.timeout(4 * PATIENCE):
        while True:
            place = await SubscriptionPlace.objects.aget(log=log)
            if place.read_to >= EVENTS and not await Delivery.objects.filter(log=log).aexists():
                return
            await asyncio.sleep(0.1)


def assert_done_once_and_in_order(events: list[Event]) -> None:
    """Each of the first events was done once, those of a key one after the other."""
    done_by_key: dict[str, list[int]] = defaultdict(list)
    placed_by_key: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if event.type == "Done":
            done_by_key[event.stream.removeprefix("done-")].append(int(event.data))
        elif event.type == "Placed":
            placed_by_key[event.stream].append(event.position)
    assert sum(map(len, placed_by_key.values())) == EVENTS
    assert done_by_key == placed_by_key


async def test_a_consumer_that_was_stopped_past_its_deadline_writes_nothing(engine: Engine, log: Log) -> None:
    await engine.writer.append(log.pk, [make_append("order-1", {"type": "Placed"})])
    await sync_to_async(make_subscription)(log, query="type:Placed")
    process = await start(log, "be-late", "stopped", 1)
    try:
        assert await asyncio.to_thread(hear, process) == "taken"
        process.send_signal(signal.SIGSTOP)
        await sync_to_async(expire)(log)
        server = await engine.subscriptions.of(log.pk, "work")
        [delivery] = (await server.take(Take("other", None, 1, "r"), wait=PATIENCE)).deliveries
        process.send_signal(signal.SIGCONT)
        await asyncio.to_thread(say_go, process)
        assert await asyncio.to_thread(hear, process) == "delivery-lost"
        assert await asyncio.to_thread(hear, process) == "expired"
    finally:
        await end(process)
    assert delivery.attempt == 2
    assert [event.type for event in await store.events(log.pk, limit=10).afetch(engine.pool)] == ["Placed"]
