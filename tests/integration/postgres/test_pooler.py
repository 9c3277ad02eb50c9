"""Eventsite behind a PgBouncer in transaction mode, where each transaction runs in whatever session is free."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest
import pytest_asyncio
from pytest_django import Settings

from events import engine as engines
from events.engine import Engine
from events.models import Log
from events.reading import store
from events.sessions import Address
from events.types import Appended, Event
from tests.support.factories import make_append
from tests.support.invariants import assert_whole
from tests.support.patience import PATIENCE, until_longer
from tests.support.pooler import Pooler

BUSY = 12
"""The number of agents at once: more than one session is used, and each statement meets those of others."""


@pytest_asyncio.fixture
async def pooled(pooler: Pooler, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    """An engine whose connections go through the pooler, except the one that listens."""
    monkeypatch.setattr(engines, "address", lambda: Address(pooler.conninfo, is_pooled=True))
    async with Engine() as engine:
        yield engine


async def stored_events(engine: Engine, log: Log) -> list[Event]:
    return await store.events(log.pk, limit=100_000).afetch(engine.pool)


async def work(engine: Engine, log: Log, name: str) -> None:
    """A few times: append, repeat the append, and read its events."""
    for version in range(10):
        next_append = make_append(name, {"id": f"{name}/{version}"}, {}, expected_version=2 * version)
        [outcome] = await engine.writer.append(log.pk, [next_append])
        [again] = await engine.writer.append(log.pk, [next_append])
        assert isinstance(outcome, Appended)
        assert isinstance(again, Appended)
        assert (again.replayed, again.ids) == (True, outcome.ids)
        events = await store.stream_events(log.pk, name, from_version=2 * version + 1, limit=2).afetch(engine.pool)
        assert [event.id for event in events] == outcome.ids


async def test_many_agents_append_retry_and_read(pooled: Engine, log: Log, other_log: Log) -> None:
    logs = [log, other_log]
    await asyncio.gather(*(work(pooled, logs[n % 2], f"agent-{n}") for n in range(BUSY)))
    for each in logs:
        events = await stored_events(pooled, each)
        assert_whole(events)
        assert len(events) == BUSY // 2 * 20


async def test_a_follower_is_told_at_once(pooled: Engine, log: Log, settings: Settings) -> None:
    """Another process appends; its notification comes past the pooler, long before the next poll."""
    settings.EVENTSITE = replace(settings.EVENTSITE, tail_poll_interval=2 * PATIENCE)
    events: list[Event] = []

    async def follow() -> None:
        async for batch in pooled.tails.follow(log.pk, after=0):
            events.extend(batch)

    follower = asyncio.create_task(follow())
    await pooled.writer.append(log.pk, [make_append()])
    await until_longer(events, 0)
    async with Engine() as elsewhere, asyncio.timeout(PATIENCE):
        while len(events) == 1:  # the first notification may come before anybody listens
            await elsewhere.writer.append(log.pk, [make_append()])
            await asyncio.sleep(0.05)
    follower.cancel()


async def test_nothing_is_left_in_a_session_that_others_will_have(pooled: Engine, pooler: Pooler, log: Log) -> None:
    await asyncio.gather(*(work(pooled, log, f"agent-{n}") for n in range(BUSY)))
    sessions = [psycopg.connect(pooler.conninfo) for _ in range(BUSY)]
    try:
        for session in sessions:  # transactions that are open at the same time: each has a session of its own
            remains = session.execute(
                "select (select count(*) from pg_prepared_statements), current_setting('lock_timeout'),"
                " current_setting('statement_timeout'),"
                " (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())"
            ).fetchone()
            assert remains == (0, "0", "0", 0)
    finally:
        for session in sessions:
            session.close()


async def test_timeouts_and_the_planners_settings_hold_for_each_statement(pooled: Engine) -> None:
    async with pooled.pool.connection() as session:
        for _ in range(BUSY):
            for setting, value in (("statement_timeout", "30s"), ("jit", "off"), ("TimeZone", "UTC")):
                assert await (await session.execute(f"show {setting}")).fetchone() == (value,)


@pytest.mark.parametrize("pooler", [{"database": "timezone=Europe/Berlin"}], indirect=True)
async def test_times_are_in_utc_wherever_the_servers_are(pooled: Engine, pooler: Pooler, log: Log) -> None:
    with psycopg.connect(pooler.conninfo) as session:
        assert session.execute("show timezone").fetchone() == ("Europe/Berlin",)
    await pooled.writer.append(log.pk, [make_append(None, {"occurred_at": "2026-07-01T12:00:00+05:30"})])
    [event] = await stored_events(pooled, log)
    assert event.occurred_at
    assert event.occurred_at.isoformat() == "2026-07-01T06:30:00+00:00"
    assert str(event.recorded_at).endswith("+00:00")
