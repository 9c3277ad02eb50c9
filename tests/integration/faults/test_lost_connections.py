"""The connection is lost at the worst moment: the caller learns the truth, and nothing is written twice."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any, LiteralString

import pytest
from pytest_django import Settings

from events.appending.connection import Connection
from events.appending.plan import Outcome
from events.engine import Engine
from events.errors import LogHeld, OutcomeUnknown, Unavailable, WrongExpectedVersion
from events.models import Log
from events.reading import notify, store
from events.sessions import direct
from events.types import Appended, Event
from tests.support.factories import make_append
from tests.support.invariants import assert_whole
from tests.support.locks import holding_lock
from tests.support.patience import PATIENCE, until_longer
from tests.support.proxy import Cut, Proxy

CUTS = pytest.mark.parametrize("cut", Cut)


async def stored_events(engine: Engine, log: Log) -> list[Event]:
    return await store.events(log.pk, limit=100_000).afetch(engine.pool)


@CUTS
@pytest.mark.parametrize("warm", [False, True], ids=["first flush", "later flush"])
async def test_a_lost_answer_is_found_again(
    engine: Engine, frail_engine: Engine, proxy: Proxy, log: Log, cut: Cut, warm: bool
) -> None:
    if warm:
        await frail_engine.writer.append(log.pk, [make_append("a-1")])
    proxy.cuts[b"marked"] = cut
    marked = make_append("b-1", {"id": "marked"}, {"id": "2"}, expected_version=0, idempotency_key="k")
    [outcome] = await frail_engine.writer.append(log.pk, [marked])
    assert outcome == Appended("b-1", ["marked", "2"], 1 + warm, 1)
    assert proxy.cuts == {}
    [again] = await frail_engine.writer.append(log.pk, [marked])
    assert again == Appended("b-1", ["marked", "2"], 1 + warm, 1, replayed=True)
    assert_whole(await stored_events(engine, log))


@CUTS
async def test_everyone_in_the_flush_gets_their_own_answer(
    engine: Engine, frail_engine: Engine, proxy: Proxy, log: Log, cut: Cut
) -> None:
    proxy.cuts[b"marked"] = cut
    async with holding_lock(engine.pool, log.pk):
        callers = [
            asyncio.create_task(
                frail_engine.writer.append(log.pk, [make_append("a-1", {"id": each}, expected_version=version)])
            )
            for each, version in [("first", 0), ("marked", 1), ("raced", 1), ("last", None)]
        ]
        atomic = asyncio.create_task(
            frail_engine.writer.append(
                log.pk, [make_append("b-1"), make_append("c-1", expected_version=0)], atomic=True
            )
        )
        await asyncio.sleep(0)
    [first], [marked], [raced], [last] = await asyncio.gather(*callers)
    assert all(isinstance(outcome, Appended) and not outcome.replayed for outcome in (first, marked, last))
    assert isinstance(raced, WrongExpectedVersion)
    assert all(isinstance(outcome, Appended) for outcome in await atomic)
    events = await stored_events(engine, log)
    assert_whole(events)
    assert len(events) == 5


async def test_a_writer_on_a_flaky_line_writes_each_event_once(
    engine: Engine, frail_engine: Engine, proxy: Proxy, log: Log
) -> None:
    ids = [f"id-{n:03}" for n in range(200)]
    for n in range(0, 200, 40):
        proxy.cuts[f"id-{n:03}".encode()] = Cut.BEFORE_ANSWER
        proxy.cuts[f"id-{n + 20:03}".encode()] = Cut.BEFORE_COMMIT

    async def agent(part: list[str]) -> list[Outcome]:
        return [
            outcome
            for each in part
            for outcome in await frail_engine.writer.append(log.pk, [make_append("a-1", {"id": each})])
        ]

    outcomes = [o for part in await asyncio.gather(*(agent(ids[n::20]) for n in range(20))) for o in part]
    assert all(isinstance(outcome, Appended) and not outcome.replayed for outcome in outcomes)
    events = await stored_events(engine, log)
    assert_whole(events)
    assert sorted(event.id for event in events) == ids


async def test_while_the_database_is_away_the_answer_is_unavailable_and_nothing_is_written(
    engine: Engine, frail_engine: Engine, proxy: Proxy, log: Log, monkeypatch: pytest.MonkeyPatch, short_patience: float
) -> None:
    socket = proxy._server_socket
    proxy._server_socket = "/nonexistent"
    await proxy.cut_all()
    started = time.monotonic()
    [outcome] = await frail_engine.writer.append(log.pk, [make_append("a-1")])
    assert isinstance(outcome, Unavailable)
    assert outcome.retry_after
    assert short_patience <= time.monotonic() - started < 5
    proxy._server_socket = socket
    [outcome] = await frail_engine.writer.append(log.pk, [make_append("a-1")])
    assert outcome == Appended("a-1", outcome.ids, 1, 1)  # type: ignore[union-attr]
    assert len(await stored_events(engine, log)) == 1


@CUTS
async def test_an_outcome_that_can_not_be_settled_names_the_ids_and_resending_settles_it(
    engine: Engine, frail_engine: Engine, proxy: Proxy, log: Log, cut: Cut, short_patience: float
) -> None:
    await frail_engine.writer.append(log.pk, [make_append("a-1")])
    socket = proxy._server_socket
    proxy._server_socket = "/nonexistent"  # no new connection is possible
    proxy.cuts[b"marked"] = cut
    marked = make_append("b-1", {"type": "marked"}, {})
    [outcome] = await frail_engine.writer.append(log.pk, [marked])
    assert isinstance(outcome, OutcomeUnknown)
    assert outcome.fields["ids"] == [event.id for event in marked.events]
    proxy._server_socket = socket
    [again] = await frail_engine.writer.append(log.pk, [marked])
    assert again == Appended("b-1", outcome.fields["ids"], 2, 1, replayed=cut is Cut.BEFORE_ANSWER)
    assert len(await stored_events(engine, log)) == 3


async def test_a_lock_held_too_long_is_named_in_time_and_other_logs_go_on(
    engine: Engine, log: Log, other_log: Log, short_patience: float
) -> None:
    async with holding_lock(engine.pool, log.pk):
        started = time.monotonic()
        waiting = asyncio.create_task(engine.writer.append(log.pk, [make_append("a-1")]))
        [elsewhere] = await engine.writer.append(other_log.pk, [make_append()])
        assert isinstance(elsewhere, Appended)
        assert not waiting.done()
        [outcome] = await waiting
        assert isinstance(outcome, LogHeld)
        assert time.monotonic() - started < 5
    [outcome] = await engine.writer.append(log.pk, [make_append("a-1")])
    assert isinstance(outcome, Appended)
    assert len(await stored_events(engine, log)) == 1


async def test_an_append_that_waited_for_others_has_only_the_rest_of_its_time(
    engine: Engine, log: Log, short_patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later append waits while the lock is held; it is answered when its own time is over."""
    timeouts: list[float] = []
    execute = Connection.execute

    async def noted(self: Connection, statement: LiteralString, parameters: Any, *, patience: float) -> list[Any]:
        timeouts.append(patience)
        return await execute(self, statement, parameters, patience=patience)

    monkeypatch.setattr(Connection, "execute", noted)
    async with holding_lock(engine.pool, log.pk):
        first = asyncio.create_task(engine.writer.append(log.pk, [make_append("a-1")]))
        await until_longer(timeouts, 0)
        await asyncio.sleep(short_patience / 5)
        [outcome] = await engine.writer.append(log.pk, [make_append("a-1")])
        assert isinstance(outcome, LogHeld)
        assert isinstance((await first)[0], LogHeld)
    assert timeouts[0] > timeouts[-1]
    assert timeouts[-1] < short_patience / 2
    [outcome] = await engine.writer.append(log.pk, [make_append("a-1")])
    assert isinstance(outcome, Appended)
    async with holding_lock(engine.pool, log.pk):
        later = asyncio.create_task(engine.writer.append(log.pk, [make_append("a-1")]))
        assert isinstance((await later)[0], LogHeld)


async def test_a_silent_database_is_noticed(
    engine: Engine, frail_engine: Engine, proxy: Proxy, log: Log, short_patience: float
) -> None:
    """No answer comes and no connection breaks, as when a machine stops or a route is lost."""
    await frail_engine.writer.append(log.pk, [make_append("a-1")])
    proxy.open.clear()
    new_append = make_append("b-1")
    started = time.monotonic()
    [outcome] = await frail_engine.writer.append(log.pk, [new_append])
    assert time.monotonic() - started < 5
    assert isinstance(outcome, OutcomeUnknown)
    proxy.open.set()
    [again] = await frail_engine.writer.append(log.pk, [new_append])
    assert isinstance(again, Appended)
    assert_whole(await stored_events(engine, log))
    assert len(await stored_events(engine, log)) == 2


async def test_writers_whose_sessions_are_killed_go_on(engine: Engine, log: Log) -> None:
    """Sessions are ended as by an administrator or a pooler: ten times while five agents work."""
    outcomes: list[Outcome] = []

    async def agent(name: str) -> None:
        for n in range(60):
            outcomes.extend(await engine.writer.append(log.pk, [make_append(name, expected_version=n)]))

    agents = [asyncio.create_task(agent(f"agent-{n}")) for n in range(5)]
    for answered in range(10, 210, 20):
        await until_longer(outcomes, answered)
        # past the pooler, which may end this session with those of the writer
        async with await direct().connect("killer", {}) as session:
            await session.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'eventsite writer' and datname = current_database()"
            )
    await asyncio.gather(*agents)
    assert [o for o in outcomes if not isinstance(o, Appended) or o.replayed] == []
    assert_whole(await stored_events(engine, log))


async def test_a_killed_listener_and_a_lost_notification_cost_a_poll_at_most(
    engine: Engine, log: Log, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process writes; the follower's listener is killed, and stays away or comes back."""
    settings.EVENTSITE = replace(settings.EVENTSITE, tail_poll_interval=0.2)
    monkeypatch.setattr(notify, "_RETRY_SECONDS", 60.0)  # the listener stays away
    events: list[Event] = []

    async def follow() -> None:
        async for batch in engine.tails.follow(log.pk, after=0):
            events.extend(batch)

    follower = asyncio.create_task(follow())
    async with Engine() as elsewhere:
        await elsewhere.writer.append(log.pk, [make_append()])
        await until_longer(events, 0)
        async with elsewhere.pool.connection() as session:
            await session.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'eventsite listener' and datname = current_database()"
            )
        for n in range(2, 5):
            await elsewhere.writer.append(log.pk, [make_append()])
            await until_longer(events, n - 1)
    follower.cancel()
    assert_whole(events)


async def test_a_listener_that_was_cut_off_comes_back(
    engine: Engine, log: Log, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "_RETRY_SECONDS", 0.01)
    settings.EVENTSITE = replace(settings.EVENTSITE, tail_poll_interval=60.0)
    woken: list[int] = []
    monkeypatch.setattr(type(engine.tails), "wake", lambda self, log_id: woken.append(log_id))
    async with Engine() as elsewhere:
        async with elsewhere.pool.connection() as session:
            cursor = await session.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'eventsite listener' and datname = current_database()"
            )
            assert cursor.rowcount >= 1

        async def hint() -> bool:
            async with elsewhere.pool.connection() as session:
                await session.execute("select pg_notify('eventsite', %s)", [str(log.pk)])
            return log.pk in woken

        async with asyncio.timeout(PATIENCE):
            while not await hint():
                pass
