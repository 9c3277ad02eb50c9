"""A paused agent is delivered nothing, and events of a paused workflow wait; others go on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest

from events.engine import Engine
from events.models import Log
from events.pauses import pausing
from events.pauses.target import Target
from events.reading import store as reading
from events.subscriptions import pausing as subscription_pausing
from events.subscriptions import store
from events.subscriptions.orders import Order
from events.subscriptions.store import Status
from events.subscriptions.types import Delivery, Failure, Take
from tests.support.subscriptions import Settle, Subscribe, TakeFrom

RUN = Target("workflow", "run-1")
PACKER = Target("agent", "packer")
FAILURE = Failure("Boom", "it broke", None, "it broke", "", "boom")
Change = Callable[[Target], Awaitable[object]]


@pytest.fixture
def pause(engine: Engine, log: Log) -> Change:
    return lambda target: pausing.pause(engine.writer, log.pk, target, reason="why", by="mara")


@pytest.fixture
def resume(engine: Engine, log: Log) -> Change:
    return lambda target: pausing.resume(engine.writer, log.pk, target, reason="why", by="mara")


@pytest.fixture
def status(engine: Engine, log: Log) -> Callable[[], Awaitable[Status]]:
    return lambda: store.one(engine.pool, log.pk, "work")


def positions(deliveries: Sequence[Delivery]) -> list[int]:
    return [each.event.position for each in deliveries]


async def test_a_paused_agent_gets_nothing_until_it_is_resumed(
    engine: Engine, log: Log, subscribe: Subscribe, placed: Callable[..., Any], pause: Change, resume: Change
) -> None:
    await subscribe()
    await placed("a-1", "b-1")
    server = await engine.subscriptions.of(log.pk, "work")
    first = Take("one", "packer", 1, "first")
    assert positions((await server.take(first, wait=5)).deliveries) == [1]
    await pause(PACKER)
    assert not (await server.take(first, wait=0)).deliveries, "nor what it had before"
    assert positions((await server.take(Take("two", "router", 1, "other"), wait=5)).deliveries) == [2]
    await placed("c-1")
    waiting = asyncio.create_task(server.take(Take("one", "packer", 5, "next"), wait=20))
    await asyncio.sleep(0)
    await resume(PACKER)
    assert positions((await waiting).deliveries) == [4]


async def test_what_is_in_flight_when_the_pause_comes_may_be_settled(
    subscribe: Subscribe, take: TakeFrom, settle: Settle, placed: Callable[..., Any], pause: Change
) -> None:
    await subscribe()
    await placed("a-1", "a-1", correlation_id="run-1")
    [delivery] = await take()
    await pause(RUN)
    assert [each.result for each in await settle("ack", delivery)] == ["settled"]
    assert await take(wait=0) == ()


async def test_events_of_a_paused_workflow_wait_and_hold_their_key_only(
    subscribe: Subscribe,
    take: TakeFrom,
    settle: Settle,
    placed: Callable[..., Any],
    pause: Change,
    resume: Change,
    status: Callable[[], Awaitable[Status]],
) -> None:
    await subscribe()
    await placed("a-1", "b-1", correlation_id="run-1")
    await placed("a-1", "c-1")
    await pause(RUN)
    assert positions(await take()) == [4]
    now = await status()
    assert (now.of_paused_workflows, now.waiting, now.in_flight, now.floor) == (2, 1, 1, 0)
    assert await take(wait=0) == ()

    waiting = asyncio.create_task(take(wait=20))
    await asyncio.sleep(0)
    await resume(RUN)
    deliveries = await waiting
    assert [(each.event.position, each.attempt) for each in deliveries] == [(1, 1), (2, 1)]
    assert (await status()).of_paused_workflows == 0
    await settle("ack", *deliveries)
    assert positions(await take()) == [3]


async def test_a_take_looks_past_any_number_of_ready_events_of_a_paused_workflow(
    subscribe: Subscribe,
    take: TakeFrom,
    settle: Settle,
    placed: Callable[..., Any],
    pause: Change,
    resume: Change,
    status: Callable[[], Awaitable[Status]],
) -> None:
    await subscribe(max_attempts=2)
    await placed(*[f"a-{n}" for n in range(6)], correlation_id="run-1")
    await placed("b-1")
    await settle("release", *await take())
    await pause(RUN)
    assert positions(await take(limit=2)) == [7]
    assert (await status()).of_paused_workflows == 6


async def test_a_pause_costs_no_attempt_and_the_last_one_stays_alone(
    subscribe: Subscribe, take: TakeFrom, settle: Settle, placed: Callable[..., Any], pause: Change, resume: Change
) -> None:
    await subscribe(max_attempts=2)
    await placed("a-1", correlation_id="run-1")
    await settle("fail", *await take(), failure=FAILURE)
    await placed("b-1")
    await pause(RUN)
    assert positions(await take(request=uuid4().hex)) == [2]
    await resume(RUN)
    [last] = await take(wait=20)
    assert (last.event.position, last.attempt) == (1, 2)


async def test_a_paused_subscription_gives_a_repeated_request_what_it_has_and_nothing_new(
    engine: Engine, log: Log, subscribe: Subscribe, take: TakeFrom, settle: Settle, placed: Callable[..., Any]
) -> None:
    await subscribe()
    await placed("a-1", "b-1", "c-1")
    deliveries = await take(limit=2, request="first")
    order = Order(engine.pool, log.pk, "work", None, "ann")
    await subscription_pausing.pause(order, reason=None)
    assert await take(limit=2, request="first") == deliveries
    assert await take(wait=0, request="next") == await take("two", wait=0, request="first") == ()
    assert (await store.one(engine.pool, log.pk, "work")).read_to == 2
    await settle("release", deliveries[0])
    assert positions(await take(limit=2, request="first")) == [2]
    await subscription_pausing.resume(order, reason=None)
    assert positions(await take(request="next")) == [1, 3]


async def test_pauses_are_recorded_in_their_order(engine: Engine, log: Log, subscribe: Subscribe) -> None:
    await subscribe()
    order = Order(engine.pool, log.pk, "work", None, "ann")
    for number in range(6):
        await subscription_pausing.pause(order, reason=f"pause {number}")
        await subscription_pausing.resume(order, reason=f"resume {number}")
    await engine.announcer.announce()
    events = await reading.stream_events(log.pk, "eventsite-subscription-work", limit=100).afetch(engine.pool)
    reasons = [json.loads(event.data)["reason"] for event in events]
    assert reasons == [f"{act} {number}" for number in range(6) for act in ("pause", "resume")]
