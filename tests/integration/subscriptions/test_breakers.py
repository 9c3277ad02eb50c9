"""A breaker stops deliveries that fail: to one consumer, or to all; one event is tried before they go on."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from events.engine import Engine
from events.models import Breaker, BreakerState, Log
from events.reading import store
from events.subscriptions import breakers, types
from events.subscriptions.guard import Settles
from tests.support.factories import make_append
from tests.support.subscriptions import FAILURE, Settle, Subscribe, TakeFrom, expire

BREAKER = {"failures": 3, "of": 4, "minimum": 3, "pause": 60}
PAST = "2020-01-01T00:00:00Z"
Work = Callable[..., Awaitable[Sequence[types.Delivery]]]


@pytest.fixture
def work(take: TakeFrom, settle: Settle) -> Work:
    """`await work("fail", "one")` takes one event and settles it; returns what was taken."""

    async def work(outcome: types.Outcome, consumer: str = "one", *, count: int = 1) -> Sequence[types.Delivery]:
        for _ in range(count):
            deliveries = await take(consumer, limit=1)
            failure = {"failure": FAILURE} if outcome == "fail" else {}
            await settle(outcome, *deliveries, consumer=consumer, **failure)
        return deliveries

    return work


@pytest.fixture
async def guarded(subscribe: Subscribe, placed: Callable[..., Any]) -> None:
    """A subscription with a breaker, and fifty events without order."""
    await subscribe(breaker=BREAKER, order_by="none", max_attempts=50)
    await placed(*["a-1"] * 50)


@pytest.fixture
def states(log: Log) -> Callable[[], Awaitable[dict[str, BreakerState]]]:
    async def states() -> dict[str, BreakerState]:
        rows = await sync_to_async(lambda: list(Breaker.objects.filter(log=log)))()
        return {row.consumer: BreakerState(row.state) for row in rows}

    return states


@pytest.fixture
def end_pauses(log: Log) -> Callable[[], Awaitable[object]]:
    return lambda: sync_to_async(Breaker.objects.filter(log=log, state=BreakerState.OPEN).update)(until=PAST)


async def recorded(engine: Engine, log: Log) -> list[tuple[str, Any]]:
    await engine.announcer.announce()
    events = await store.stream_events(log.pk, "eventsite-subscription-work", limit=100).afetch(engine.pool)
    return [(event.type, json.loads(event.data)) for event in events]


@pytest.mark.usefixtures("guarded")
async def test_an_open_consumer_is_given_nothing_and_the_others_go_on(
    engine: Engine, log: Log, take: TakeFrom, work: Work, states: Any
) -> None:
    for _ in range(3):
        await work("fail", "bad")
        await work("ack", "good", count=3)
    assert await states() == {
        "": BreakerState.CLOSED, "bad": BreakerState.OPEN, "good": BreakerState.CLOSED,
    }  # fmt: skip
    assert await take("bad", wait=0) == ()
    assert len(await take("good", limit=5)) == 5
    [(type, facts)] = await recorded(engine, log)
    positions = facts.pop("positions")
    assert len(positions) == 3
    assert (type, facts) == (
        "circuit.opened",
        {"subscription": "work", "consumer": "bad", "failures": 3, "of": 3, "pause": 60},
    )


@pytest.mark.usefixtures("guarded")
async def test_an_open_subscription_gives_nobody_anything(take: TakeFrom, work: Work, states: Any) -> None:
    for consumer in ("one", "two", "three"):
        await work("fail", consumer)
    assert (await states())[""] == BreakerState.OPEN
    for consumer in ("one", "four"):
        assert await take(consumer, wait=0) == ()


@pytest.mark.usefixtures("guarded")
async def test_failures_count_among_the_last_deliveries_only(work: Work, states: Any) -> None:
    for outcome in ("fail", "ack", "fail", "ack", "ack", "fail", "release", "ack", "ack", "fail"):
        await work(outcome)
    assert set((await states()).values()) == {BreakerState.CLOSED}
    await work("fail", count=2)
    assert set((await states()).values()) == {BreakerState.OPEN}


async def test_a_breaker_waits_for_its_minimum(
    subscribe: Subscribe, placed: Callable[..., Any], work: Work, states: Any
) -> None:
    await subscribe(breaker={**BREAKER, "failures": 1, "minimum": 3}, order_by="none")
    await placed(*["a-1"] * 9)
    await work("fail")
    await work("ack")
    assert set((await states()).values()) == {BreakerState.CLOSED}
    await work("ack")
    assert set((await states()).values()) == {BreakerState.OPEN}


@pytest.mark.usefixtures("guarded")
async def test_one_event_is_tried_and_its_success_closes(
    engine: Engine, log: Log, take: TakeFrom, settle: Settle, work: Work, states: Any, end_pauses: Any
) -> None:
    await work("fail", count=3)
    await end_pauses()
    [trial] = await take(limit=10)
    assert await take("one", wait=0) == await take("two", wait=0) == ()
    assert set((await states()).values()) == {BreakerState.HALF_OPEN}
    await settle("ack", trial)
    assert set((await states()).values()) == {BreakerState.CLOSED}
    assert len(await take(limit=10)) == 10
    types = [type for type, _ in await recorded(engine, log)]
    assert sorted(types) == ["circuit.closed"] * 2 + ["circuit.half_opened"] * 2 + ["circuit.opened"] * 2
    assert ("circuit.closed", {"subscription": "work", "consumer": "one", "trial": trial.event.position}) in (
        await recorded(engine, log)
    )


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("ends", ["fails", "expires"])
async def test_a_trial_that_fails_opens_again(
    log: Log, take: TakeFrom, settle: Settle, work: Work, states: Any, end_pauses: Any, ends: str
) -> None:
    await work("fail", count=3)
    await end_pauses()
    [trial] = await take()
    if ends == "fails":
        await settle("fail", trial, failure=FAILURE)
    else:
        await sync_to_async(expire)(log, token=trial.id.token)
    assert await take(wait=0) == ()
    assert set((await states()).values()) == {BreakerState.OPEN}
    await end_pauses()
    assert len(await take()) == 1


@pytest.mark.usefixtures("guarded")
async def test_a_trial_that_is_given_back_is_followed_by_another(
    take: TakeFrom, settle: Settle, work: Work, states: Any, end_pauses: Any
) -> None:
    await work("fail", count=3)
    await end_pauses()
    await settle("release", *await take())
    [trial] = await take("two", wait=5)
    await settle("ack", trial, consumer="two")
    assert (await states())[""] == BreakerState.CLOSED


@pytest.mark.usefixtures("guarded")
async def test_what_was_taken_before_decides_nothing_while_a_trial_runs(
    take: TakeFrom, settle: Settle, work: Work, states: Any, end_pauses: Any
) -> None:
    earlier = await take("slow", limit=2)
    await work("fail", count=3)
    await settle("ack", earlier[0], consumer="slow")
    assert (await states())[""] == BreakerState.OPEN
    await end_pauses()
    [trial] = await take()
    await settle("fail", earlier[1], consumer="slow", failure=FAILURE)
    assert (await states())[""] == BreakerState.HALF_OPEN
    await settle("ack", trial)
    assert (await states())[""] == BreakerState.CLOSED


@pytest.mark.usefixtures("guarded")
async def test_an_append_that_settles_counts(
    engine: Engine, log: Log, take: TakeFrom, work: Work, states: Any, end_pauses: Any
) -> None:
    await work("fail", count=3)
    await end_pauses()
    [trial] = await take()
    append = make_append("done-1", {}, guards=(Settles("work", trial.id),))
    await engine.writer.append(log.pk, [append])
    assert set((await states()).values()) == {BreakerState.CLOSED}


async def test_without_a_breaker_nothing_is_noted(
    subscribe: Subscribe, placed: Callable[..., Any], work: Work, states: Any
) -> None:
    await subscribe(order_by="none")
    await placed(*["a-1"] * 5)
    await work("fail", count=2)
    await work("ack")
    assert await states() == {}


@pytest.mark.usefixtures("guarded")
async def test_a_circuit_is_read_with_its_failures(engine: Engine, log: Log, work: Work) -> None:
    await work("fail", "bad")
    await work("ack", "good")
    circuits = await breakers.circuits(log.pk).afetch(engine.pool)
    assert {each.consumer: (each.failures, each.of) for each in circuits} == {
        "": (1, 2), "bad": (1, 1), "good": (0, 1),
    }  # fmt: skip


@pytest.mark.usefixtures("guarded")
async def test_a_circuit_shows_what_opened_it_until_it_closes(
    engine: Engine, log: Log, take: TakeFrom, settle: Settle, work: Work, end_pauses: Any
) -> None:
    async def counts() -> tuple[BreakerState, int, int]:
        [circuit] = await breakers.circuits(log.pk, consumer=breakers.ALL).afetch(engine.pool)
        return circuit.state, circuit.failures, circuit.of

    await work("ack")
    await work("fail", count=3)
    assert await counts() == (BreakerState.OPEN, 3, 4)
    await end_pauses()
    [trial] = await take()
    assert await counts() == (BreakerState.HALF_OPEN, 3, 4)
    await settle("fail", trial, failure=FAILURE)
    assert await counts() == (BreakerState.OPEN, 1, 1)
    await end_pauses()
    await work("ack")
    assert await counts() == (BreakerState.CLOSED, 0, 0)
