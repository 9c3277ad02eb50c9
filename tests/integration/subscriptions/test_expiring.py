"""A passed deadline counts also when nobody takes or settles, and what is overdue is in flight no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from events.engine import Engine
from events.models import BreakerState, DeadLetter, DeliveryState, Log
from events.subscriptions import expiring, store
from events.subscriptions import server as servers
from events.subscriptions.breakers import circuits
from events.subscriptions.consumers import consumers
from events.subscriptions.open_deliveries import open_deliveries
from events.subscriptions.orders import Order
from events.subscriptions.store import Status
from events.subscriptions.taking_back import take_back
from events.subscriptions.types import Take
from events.subscriptions.unsettled import holders, in_flight, waiting_keys
from tests.support.letters import Work
from tests.support.patience import PATIENCE
from tests.support.subscriptions import Subscribe, TakeFrom, expire

Placed = Callable[..., Any]


@pytest.fixture
def without_expiry(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(expiry: expiring.Expiry) -> None:
        pass

    monkeypatch.setattr(expiring.Expiry, "end_overdue", nothing)


async def status_when(work: Work, condition: Callable[[Status], bool]) -> Status:
    async with asyncio.timeout(PATIENCE):
        while True:
            status = await store.one(work.engine.pool, work.log.pk, "work")
            if condition(status):
                return status
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("is_paused", [False, True])
async def test_the_death_of_the_only_consumer_makes_a_letter_and_opens_the_breaker(work: Work, is_paused: bool) -> None:
    breaker = {"failures": 1, "of": 1, "minimum": 1, "pause": 60}
    subscription = await work.subscribe(max_attempts=1, breaker=breaker)
    await work.placed("a-1")
    await work.take()
    if is_paused:
        subscription.is_paused = True
        await subscription.asave(update_fields=["is_paused"])
    await sync_to_async(expire)(work.log)
    await status_when(work, lambda status: status.held == 1)
    assert (await DeadLetter.objects.aget(log=work.log)).error_type == "Expired"
    assert [event.type for event in await work.events("EventFailed")] == ["EventFailed"]
    states = {each.state for each in await circuits(work.log.pk, subscription.id).afetch(work.engine.pool)}
    assert states == {BreakerState.OPEN}


async def test_a_take_that_waits_in_another_process_gets_what_has_expired(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "_POLL_SECONDS", 3_600)
    await work.subscribe(ack_deadline=3_600)
    await work.placed("a-1")
    await work.take()
    async with Engine() as other:
        server = await other.subscriptions.of(work.log.pk, "work")
        waiting = asyncio.create_task(server.take(Take("two", None, 1, "r"), wait=PATIENCE))
        await asyncio.sleep(0.2)
        await sync_to_async(expire)(work.log)
        assert [(each.id.position, each.attempt) for each in (await waiting).deliveries] == [(1, 2)]


async def test_a_subscription_that_somebody_serves_is_left_alone(work: Work, without_expiry: None) -> None:
    subscription = await work.subscribe()
    await work.placed("a-1")
    await work.take()
    await sync_to_async(expire)(work.log)
    expiry = expiring.Expiry(work.engine.pool, lambda log_id: None)
    async with Order(work.engine.pool, work.log.pk, "work", None, by="ada").place():
        await asyncio.wait_for(expiry._end_in(work.log.pk, subscription.id), 10)


async def test_an_overdue_delivery_is_in_flight_no_more(
    engine: Engine, log: Log, subscribe: Subscribe, take: TakeFrom, placed: Placed, without_expiry: None
) -> None:
    subscription = await subscribe(ack_deadline=3_600)
    await placed("a-1", "b-1", "a-1")
    await take(limit=3)
    await sync_to_async(expire)(log, position=1)
    [status] = await store.read(engine.pool, log.pk, "work")
    assert (status.in_flight, status.retrying, status.waiting, status.unsettled) == (1, 1, 1, 3)
    assert [each.position for each in await in_flight(log.pk, subscription.id, limit=9).afetch(engine.pool)] == [2]
    assert [each.deliveries for each in await holders(log.pk, subscription.id, limit=9).afetch(engine.pool)] == [1]
    assert [each.in_flight for each in await consumers(log.pk, subscription.id, limit=9).afetch(engine.pool)] == [1]
    keys = await waiting_keys(log.pk, subscription.id, limit=9).afetch(engine.pool)
    assert [(each.position, each.state, each.since == each.due) for each in keys] == [(1, 2, True)]


async def test_an_overdue_delivery_can_not_be_given_back(
    engine: Engine, log: Log, subscribe: Subscribe, take: TakeFrom, placed: Placed, without_expiry: None
) -> None:
    await subscribe()
    await placed("a-1")
    await take("one")
    await sync_to_async(expire)(log)
    order = Order(engine.pool, log.pk, "work", None, by="ada")
    assert await take_back(order, consumer="one", reason="it is dead") == []
    assert [each.attempt for each in await take("two")] == [2]


async def test_an_agent_that_goes_on_has_no_overdue_delivery(
    engine: Engine, log: Log, subscribe: Subscribe, take: TakeFrom, placed: Placed, without_expiry: None
) -> None:
    await subscribe(ack_deadline=3_600)
    await placed("a-1", "b-1", correlation_id="run-1")
    await take()
    await sync_to_async(expire)(log, position=1)
    read = open_deliveries(log.pk, "run-1", agent=None, room=10_000, limit=9)
    rows = await read.afetch(engine.pool)
    states = [(each.state, each.id is None) for each in rows]
    assert states == [(DeliveryState.RETRYING, True), (DeliveryState.IN_FLIGHT, False)]
