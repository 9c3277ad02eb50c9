"""Postgres stops and starts while agents write and others follow."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from psycopg_pool import PoolTimeout
from pytest_django import DjangoDbBlocker

from events import engine as engines
from events.appending.plan import Outcome
from events.engine import Engine
from events.errors import Unavailable
from events.models import Log
from events.reading import store, tail
from events.sessions import Address
from events.subscriptions import server
from events.subscriptions import store as subscriptions
from events.subscriptions.settings import Settings as SubscriptionSettings
from events.subscriptions.types import Take
from events.types import Appended, Event
from tests.support.cluster import SETTINGS, Postgres
from tests.support.factories import make_append
from tests.support.invariants import assert_whole
from tests.support.patience import PATIENCE, until, until_longer
from tests.support.subscriptions import settling_append

pytestmark = pytest.mark.processes


@pytest.fixture
def postgres(database: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Postgres]:
    """A Postgres with one log, number 1.

    A crash loses nothing that the kernel has, so an acknowledged append must be written.
    """
    postgres = Postgres({**SETTINGS, "synchronous_commit": "on"})
    postgres.start()
    own = {**connections.databases["default"], "HOST": str(postgres.home), "NAME": "postgres", "USER": "postgres"}
    connections.databases["own"] = {**own, "PORT": ""}
    try:
        call_command("migrate", database="own", verbosity=0)
        assert Log.objects.using("own").create(name="main").pk == 1
        connections["own"].close()
        yield postgres
    finally:
        del connections["own"]
        del connections.databases["own"]
        postgres.remove()


async def test_acknowledged_events_survive_and_nothing_is_written_twice(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in ("address", "direct"):
        monkeypatch.setattr(engines, each, lambda: Address(postgres.conninfo))
    monkeypatch.setattr(tail, "_RETRY_SECONDS", 0.05)
    answers: dict[str, Outcome] = {}
    received: list[Event] = []
    stop = asyncio.Event()

    async with Engine() as engine:

        async def agent(name: str) -> None:
            version = 0
            while not stop.is_set():
                next_append = make_append(name, {"id": f"{name}/{version + 1}"}, expected_version=version)
                [answers[next_append.events[0].id]] = await engine.writer.append(1, [next_append])
                version += 1

        async def follow() -> None:
            async for batch in engine.tails.follow(1, after=0):
                received.extend(batch)

        follower = asyncio.create_task(follow())
        agents = [asyncio.create_task(agent(f"agent-{n}")) for n in range(10)]
        for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGQUIT):
            await until_longer(answers, len(answers) + 100)
            await asyncio.to_thread(postgres.stop, signal_number)
            await asyncio.to_thread(postgres.start)
        await until_longer(answers, len(answers) + 100)
        stop.set()
        await asyncio.gather(*agents)
        async with asyncio.timeout(PATIENCE):
            events = await store.events(1, limit=1_000_000).afetch(engine.pool)
        await until(lambda: len(received) == len(events))
        follower.cancel()
        again = await engine.writer.append(1, [make_append(e.stream, {"id": e.id}) for e in events[-20:]])
    assert_whole(received)
    assert_whole(events)
    where = {event.id: (event.position, event.version) for event in events}
    acknowledged = {each: (o.first_position, o.first_version) for each, o in answers.items() if isinstance(o, Appended)}
    assert acknowledged == where
    assert not [o for o in answers.values() if not isinstance(o, Appended) or o.replayed]
    assert all(isinstance(outcome, Appended) and outcome.replayed for outcome in again)


async def test_each_event_is_done_once_though_the_database_crashes(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in ("address", "direct"):
        monkeypatch.setattr(engines, each, lambda: Address(postgres.conninfo))
    monkeypatch.setattr(server, "_RETRY_SECONDS", 0.05)
    events, keys = 2_000, 50
    taken: list[int] = []
    settings = SubscriptionSettings(
        query="type:Placed",
        order_by="stream",
        ack_deadline=1,
        max_attempts=1_000,
        backoff={"first": 0, "factor": 1, "most": 0, "jitter": 0},
        max_in_flight=1_000,
        max_in_flight_per_consumer=100,
        passes_dead_letters=False,
        projection="latest",
        with_system_events=False,
    )

    async with Engine() as engine:
        await engine.writer.append(1, [make_append(f"order-{n % keys}", {"type": "Placed"}) for n in range(events)])
        await subscriptions.put(engine.pool, 1, "work", settings, start=0, stream_prefix="", by=None)

        async def consume(consumer: str) -> None:
            while True:
                try:
                    serving = await engine.subscriptions.of(1, "work")
                    deliveries = (await serving.take(Take(consumer, None, 20, uuid4().hex), wait=0.1)).deliveries
                except (Unavailable, psycopg.OperationalError, PoolTimeout):
                    await asyncio.sleep(0.01)
                    continue
                taken.extend(delivery.id.position for delivery in deliveries)
                await engine.writer.append(1, [settling_append(each) for each in deliveries])

        consumers = [asyncio.create_task(consume(f"consumer-{n}")) for n in range(4)]
        for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGQUIT):
            await until_longer(taken, len(taken) + 200)
            await asyncio.to_thread(postgres.stop, signal_number)
            await asyncio.to_thread(postgres.start)
        async with asyncio.timeout(4 * PATIENCE):
            while (await subscriptions.read(engine.pool, 1, "work"))[0].floor < events:  # noqa: ASYNC110 - it tells only if asked
                await asyncio.sleep(0.05)
        for consumer in consumers:
            consumer.cancel()
        await asyncio.gather(*consumers, return_exceptions=True)
        stored = await store.events(1, limit=1_000_000).afetch(engine.pool)
    done = [event for event in stored if event.type == "Done"]
    assert sorted(int(event.data) for event in done) == list(range(1, events + 1))
    for key in range(keys):
        positions = [int(event.data) for event in done if event.stream == f"done-order-{key}"]
        assert positions == sorted(positions)
