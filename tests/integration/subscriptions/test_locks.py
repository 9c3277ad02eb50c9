"""Settlements, appends that settle, takes and new events lock the same rows, and nobody waits in a circle."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone
from psycopg.conninfo import make_conninfo

from events import engine as engines
from events import redaction, sessions
from events.engine import Engine
from events.models import Breaker, BreakerState, Delivery, Log, Subscription
from events.reading.db_work import run
from events.sessions import direct
from events.subscriptions import pausing, store
from events.subscriptions.letters.deciding import Decision, decide
from events.subscriptions.letters.letter import LetterId
from events.subscriptions.orders import Order
from events.subscriptions.rewinding import rewind
from events.subscriptions.taking_back import take_back
from events.subscriptions.types import Settlement, Take
from events.types import Appended
from tests.support.factories import make_append
from tests.support.letters import Work, until_waiting
from tests.support.patience import PATIENCE
from tests.support.subscriptions import make_breaker, make_delivery, make_letter, make_subscription, settling_append

KEYS = 12
ROUNDS = 60
NEVER_OPEN = {"failures": 1_000, "of": 1_000, "minimum": 1_000, "pause": 1}
_SESSIONS = "test of locks"
"""The beginning of the names of the test's sessions in Postgres."""
_DEADLOCKS = f"""
    select (
            select count(*) from pg_stat_activity
            where datname = current_database() and application_name like '{_SESSIONS}%'),
        deadlocks
    from pg_stat_database where datname = current_database()"""


async def deadlocks() -> int:
    """The number of deadlocks that Postgres has ended in this database, once all sessions of engines are over."""
    address = direct().conninfo
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as session, asyncio.timeout(PATIENCE):
        while True:
            cursor = await session.execute(_DEADLOCKS)
            others, number = await cursor.fetchone() or (0, 0)
            if not others:
                return int(number)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("is_operated", [False, True], ids=["consumers", "consumers and an operator"])
async def test_nobody_waits_in_a_circle(log: Log, is_operated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two engines are like two processes: each has a server of the subscription and a writer."""
    chance = random.Random(3)
    await sync_to_async(make_subscription)(log, query="type:Placed", max_attempts=100, breaker=NEVER_OPEN)
    for each in ("address", "direct"):
        address = getattr(sessions, each)()
        named = replace(address, conninfo=make_conninfo(address.conninfo, application_name=_SESSIONS))
        monkeypatch.setattr(engines, each, lambda named=named: named)
    before = await deadlocks()

    async def place(engine: Engine) -> None:
        """Append events of keys whose earlier events are being settled."""
        for _ in range(ROUNDS):
            streams = [f"a-{chance.randrange(KEYS)}" for _ in range(KEYS)]
            await engine.writer.append(log.pk, [make_append(stream, {"type": "Placed"}) for stream in streams])

    async def consume(engine: Engine, consumer: str) -> None:
        """Settle the same deliveries twice at the same moment: by one atomic request, and by themselves."""
        server = await engine.subscriptions.of(log.pk, "work")
        while not placing.done() or await Delivery.objects.filter(log=log).aexists():
            deliveries = list((await server.take(Take(consumer, None, KEYS, uuid4().hex), wait=0.05)).deliveries)
            if not deliveries:
                continue
            chance.shuffle(deliveries)
            appends = [settling_append(each) for each in deliveries]
            acks = [Settlement(each.id, "ack", consumer) for each in chance.sample(deliveries, len(deliveries))]
            outcomes, settled = await asyncio.gather(
                engine.writer.append(log.pk, appends, atomic=True), server.settle(acks)
            )
            is_written = isinstance(outcomes[0], Appended)
            results = {each.result for each in settled}
            if is_operated:
                assert results <= {"settled", "already-settled", "expired"}
            else:
                assert results == ({"already-settled"} if is_written else {"settled"})

    async def operate(engine: Engine) -> None:
        """Rewind a little, take deliveries back, pause and resume, as long as events are appended."""
        order = Order(engine.pool, log.pk, "work", None, "ann")
        while not placing.done():
            place = await store.one(engine.pool, log.pk, "work")
            await rewind(order, to=max(0, place.read_to - chance.randrange(1, 2 * KEYS)))
            await take_back(order, consumer=f"{chance.randrange(2)}-{chance.randrange(3)}", reason="r")
            await pausing.pause(order, reason=None)
            await pausing.resume(order, reason=None)

    async with asyncio.timeout(2 * PATIENCE), Engine() as first, Engine() as second:
        placing = asyncio.gather(place(first), place(second))
        consumers = [consume(each, f"{n}-{number}") for number, each in enumerate((first, second)) for n in range(3)]
        operators = [operate(first), operate(second)] if is_operated else []
        await asyncio.gather(placing, *consumers, *operators)
    assert await deadlocks() == before


async def test_a_take_locks_the_breaker_of_the_subscription_before_that_of_its_consumer(work: Work) -> None:
    """As an append that settles does, also where the subscription's is closed."""
    subscription = await work.subscribe(breaker=NEVER_OPEN)
    await sync_to_async(make_breaker)(subscription, "", state=BreakerState.CLOSED, until=None)
    await sync_to_async(make_breaker)(subscription, "bad")
    await work.placed("a-1")
    lock = "select from breaker where log_id = %s and consumer = %s for update"
    async with work.engine.pool.connection() as append:
        async with append.transaction():
            await append.execute(lock, [work.log.pk, ""])
            taking = asyncio.create_task(work.taken(consumer="bad", wait=0))
            await until_waiting(work, "serve_subscription")
            await append.execute(lock, [work.log.pk, "bad"])
        assert await taking == []


async def test_a_breaker_that_is_forgotten_at_this_moment_is_made_again(work: Work) -> None:
    subscription = await work.subscribe(breaker=NEVER_OPEN)
    await sync_to_async(make_breaker)(subscription, "one", state=BreakerState.CLOSED, until=None)
    await work.placed("a-1")
    [delivery] = await work.take()
    row = "from breaker where log_id = %s and consumer = 'one'"
    async with work.engine.pool.connection() as other:
        async with other.transaction():
            await other.execute(f"select {row} for update", [work.log.pk])
            settling = asyncio.create_task(work.settle("ack", delivery))
            await until_waiting(work, "serve_subscription")
            await other.execute(f"delete {row}", [work.log.pk])
        assert [each.result for each in await settling] == ["settled"]
    assert (await Breaker.objects.aget(log=work.log, consumer="one")).outcomes == "0"


async def test_breakers_that_are_in_use_are_not_forgotten(work: Work) -> None:
    subscription = await work.subscribe(breaker=NEVER_OPEN)
    for consumer in ("used", "unused"):
        await sync_to_async(make_breaker)(subscription, consumer, used_at=timezone.now() - timedelta(days=2))
    await work.take(wait=0)
    async with work.engine.pool.connection() as other, other.transaction():
        await other.execute("select from breaker where log_id = %s and consumer = 'used' for update", [work.log.pk])
        async with asyncio.timeout(PATIENCE):
            await work.engine.consumers.write()
    assert [each.consumer async for each in Breaker.objects.filter(log=work.log)] == ["used"]


async def test_a_breaker_that_is_removed_beside_an_append_that_settles_leaves_nothing_behind(work: Work) -> None:
    """The append has made the breaker of the subscription, and waits for the consumer's, when the change comes."""
    log = work.log
    subscription = await work.subscribe(breaker=NEVER_OPEN)
    await sync_to_async(make_breaker)(subscription, "one", state=BreakerState.CLOSED, until=None)
    await work.placed("a-1")
    [delivery] = await work.take()
    settings = replace((await store.one(work.engine.pool, log.pk, "work")).settings, breaker=None)
    async with work.engine.pool.connection() as other:
        async with other.transaction():
            await other.execute("select from breaker where log_id = %s and consumer = 'one' for update", [log.pk])
            appending = asyncio.create_task(work.engine.writer.append(log.pk, [settling_append(delivery)]))
            await until_waiting(work, "append_events")
            changing = asyncio.create_task(
                store.put(work.engine.pool, log.pk, "work", settings, start=0, stream_prefix=None, by="ada")
            )
            await until_waiting(work, sessions=2)
        [outcome] = await appending
        assert not await changing
    assert isinstance(outcome, Appended)
    assert not await Breaker.objects.filter(log=log).aexists()


async def test_the_redaction_of_a_decision_locks_letters_in_the_order_of_subscriptions(work: Work) -> None:
    """As a job about letters does: here the record of a decision is a letter of the second subscription itself."""
    await work.subscribe()
    await work.placed("a-1")
    await work.bury()
    await work.decide("escalate", 1, to="bo", note="a secret")
    [record] = await work.events("dead-letter.escalated")
    audit = await work.subscribe(name="audit", with_system_events=True)
    await sync_to_async(make_letter)(audit, record.position)
    lock = "select from dead_letter where log_id = %s and position = %s for update"
    async with work.engine.pool.connection() as job:
        async with job.transaction():
            await job.execute(lock, [work.log.pk, 1])
            redacting = asyncio.create_task(
                sync_to_async(redaction.redact)(work.log.pk, record.position, reason="a secret", by="ada")
            )
            await until_waiting(work, "redact_event")
            await job.execute(lock, [work.log.pk, record.position])
        await redacting
    assert (await work.letter(1)).note is None


async def test_a_job_about_letters_and_an_append_lock_several_subscriptions_in_one_order(work: Work) -> None:
    """The names are in another order than the numbers."""
    log = work.log

    @sync_to_async
    def subscriptions_with_letters() -> tuple[Subscription, str]:
        """The last of two subscriptions with a letter, and what settles the event in flight of the letters' keys."""
        settlements = []
        for number, name in enumerate(("z", "a")):
            subscription = make_subscription(log, name=name, passes_dead_letters=True, read_to=20)
            make_letter(subscription, 5, key="k", holds=False)
            row = make_delivery(subscription, 9, key="k", waiting=1)
            place = {"append": number, "guard": 0, "name": name, "subscription": subscription.id, "generation": 1}
            settlements.append({**place, "position": 9, "token": str(row.token), "agent": None, "prefix": ""})
        return subscription, json.dumps(settlements)

    @sync_to_async
    def decide_in_one_transaction() -> Sequence[str]:
        ids = [LetterId("a", 5), LetterId("z", 5)]
        with transaction.atomic():
            return [each.result for each in run(decide(log.pk, ids, Decision("retry", "ada")))]

    async def append(settlements: str) -> object:
        async with work.engine.pool.connection() as session:
            cursor = await session.execute("select * from settle_by_append(%s, %s)", [log.pk, settlements])
            return await cursor.fetchone()

    last, settlements = await subscriptions_with_letters()
    async with work.engine.pool.connection() as other:
        async with other.transaction():
            await other.execute(
                "select from delivery where log_id = %s and subscription_id = %s for update", [log.pk, last.id]
            )
            deciding = asyncio.create_task(decide_in_one_transaction())
            await until_waiting(work, "decide_letters")
            appending = asyncio.create_task(append(settlements))
            await until_waiting(work, "settle_by_append")
        assert await deciding == ["decided", "decided"]
        assert await appending == (None,)
