"""A follower of a log gets every event once, in order, from any position."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from psycopg import OperationalError
from pytest_django import Settings

from events import redaction
from events.engine import Engine
from events.models import Log
from events.reading import tail
from events.reading.log_reader import LogReader
from events.types import Event
from tests.support.factories import make_append
from tests.support.fixture_types import AppendTo, Read
from tests.support.invariants import assert_whole
from tests.support.locks import append_in, holding_lock
from tests.support.patience import PATIENCE, until


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away every hint that a log has grown: notifications are lost, also those of this process."""
    monkeypatch.setattr(tail.Tails, "wake", lambda self, log_id: None)


@pytest.fixture
def poll_often(settings: Settings) -> float:
    settings.EVENTSITE = replace(settings.EVENTSITE, tail_poll_interval=0.1)
    return 0.1


async def followed_events(engine: Engine, log: Log, *, after: int = 0, upto: int) -> list[Event]:
    """The events that a follower gets from one position to another."""
    events: list[Event] = []
    async with asyncio.timeout(PATIENCE), aclosing(engine.tails.follow(log.pk, after=after)) as batches:
        async for batch in batches:
            assert batch
            events += batch
            if events[-1].position >= upto:
                break
    assert [event.position for event in events] == list(range(after + 1, upto + 1))
    return events


@asynccontextmanager
async def following(engine: Engine, log: Log, *, after: int = 0, upto: int) -> AsyncIterator[asyncio.Task[list[Event]]]:
    """Follow the log while the block runs; the follower must reach the end."""
    task = asyncio.create_task(followed_events(engine, log, after=after, upto=upto))
    await asyncio.sleep(0)
    try:
        yield task
        await task
    finally:
        task.cancel()


async def test_a_follower_sees_what_was_there_and_what_comes(
    append: AppendTo, read: Read, engine: Engine, log: Log
) -> None:
    await append(*(make_append("a-1", {}, {}) for _ in range(10)))
    async with following(engine, log, upto=40) as follower:
        for _ in range(10):
            await append(make_append("b-1", {}, {}))
    assert_whole(follower.result())
    assert follower.result() == await read()


@pytest.mark.parametrize("after", [0, 1, 999, 1_000, 1_001, 2_499])
async def test_a_follower_starts_at_any_position(append: AppendTo, engine: Engine, log: Log, after: int) -> None:
    await append(make_append("a-1", *[{}] * 2_500))
    await followed_events(engine, log, after=after, upto=2_500)


async def test_a_follower_beyond_the_head_waits_for_its_position(append: AppendTo, engine: Engine, log: Log) -> None:
    async with following(engine, log, after=5, upto=8):
        for _ in range(4):
            await append(make_append("a-1", {}, {}))


async def test_a_follower_before_the_first_event_starts_with_it(append: AppendTo, engine: Engine, log: Log) -> None:
    await append(make_append("a-1", {}, {}))
    async with asyncio.timeout(PATIENCE), aclosing(engine.tails.follow(log.pk, after=-3)) as batches:
        assert [event.position for event in await anext(batches)] == [1, 2]


async def test_followers_share_a_tail_and_leave_nothing_behind(append: AppendTo, engine: Engine, log: Log) -> None:
    followers = [asyncio.create_task(followed_events(engine, log, after=n, upto=200)) for n in range(50)]
    await asyncio.gather(*(append(make_append("a-1", {}, {})) for _ in range(100)))
    await asyncio.gather(*followers)
    assert engine.tails._tails == {}
    await followed_events(engine, log, upto=200)  # a new follower can come after them


async def test_a_slow_follower_sees_all_in_larger_batches(
    append: AppendTo, engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A follower far behind the events in memory reads on from the database, and delays no other."""
    monkeypatch.setattr(tail, "_KEPT_EVENTS", 50)
    sizes: list[int] = []
    async with asyncio.timeout(PATIENCE), aclosing(engine.tails.follow(log.pk, after=0)) as batches:
        first = asyncio.ensure_future(anext(batches))
        # If the tail learned of the log's head after the append, the follower would read the first event for itself.
        await batches.begun()
        await append(make_append("a-1"))
        events = [*await first]
        for _ in range(5):
            await asyncio.gather(*(append(make_append("a-1", {}, {}, {})) for _ in range(100)))
        await followed_events(engine, log, upto=1_501)
        while len(events) < 1_501:
            batch = await anext(batches)
            events += batch
            sizes.append(len(batch))
    assert_whole(events)
    assert sizes == [128, 1_000, 372]


@pytest.mark.usefixtures("deaf")
async def test_without_any_notification_events_come_within_the_poll_interval(
    append: AppendTo, engine: Engine, log: Log, poll_often: float
) -> None:
    async with following(engine, log, upto=3):
        for _ in range(3):
            await append(make_append("a-1"))
            await asyncio.sleep(0)


async def test_the_heartbeat_says_that_nothing_came(append: AppendTo, engine: Engine, log: Log) -> None:
    async with asyncio.timeout(PATIENCE), aclosing(engine.tails.follow(log.pk, after=0, heartbeat=0.05)) as batches:
        assert await anext(batches) == ()
        await append(make_append("a-1"))
        while not (batch := await anext(batches)):
            pass
        assert [event.position for event in batch] == [1]
        assert await anext(batches) == ()


async def test_an_uncommitted_flush_is_neither_seen_nor_skipped(
    append: AppendTo, engine: Engine, log: Log, other_log: Log, poll_often: float
) -> None:
    """A writer stops after it took its positions: tails of this log wait for it, tails of other logs don't."""
    await append(make_append("a-1"))
    async with following(engine, log, upto=4) as follower:
        async with holding_lock(engine.pool, log.pk) as stopped:
            await append_in(stopped, log.pk, make_append("a-1", {}, {}))
            behind = asyncio.create_task(append(make_append("b-1")))
            async with asyncio.timeout(PATIENCE):
                await engine.writer.append(other_log.pk, [make_append()])
                await followed_events(engine, other_log, upto=1)
                await asyncio.sleep(3 * poll_often)
            assert not behind.done()
            assert not follower.done()
        await behind
    assert [event.stream for event in follower.result()] == ["a-1", "a-1", "a-1", "b-1"]


async def test_a_flush_that_was_rolled_back_leaves_no_hole(
    append: AppendTo, read: Read, engine: Engine, log: Log
) -> None:
    async with following(engine, log, upto=2) as follower:
        await append(make_append("a-1"))
        async with engine.pool.connection() as session, session.transaction(force_rollback=True):
            await append_in(session, log.pk, make_append("a-1", {}, {}))
        await append(make_append("b-1"))
    assert [event.stream for event in follower.result()] == ["a-1", "b-1"]


async def test_a_hole_stops_the_tail_loudly(
    append: AppendTo, engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`append_events()` leaves no hole. If something else left one, no follower is told that it has everything."""
    monkeypatch.setattr(tail, "_RETRY_SECONDS", 0.01)
    await append(make_append("a-1", {}, {}))
    async with engine.pool.connection() as session:
        await session.execute("update log_head set head = 3 where log_id = %s", [log.pk])
    await append(make_append("a-1"))
    async with asyncio.timeout(PATIENCE), aclosing(engine.tails.follow(log.pk, after=0, heartbeat=0.1)) as batches:
        assert [event.position for event in await anext(batches)] == [1, 2]
        assert await anext(batches) == ()
    assert f"log {log.pk} has a hole after position 2" in caplog.text


@pytest.mark.parametrize("error", [OperationalError("gone"), OSError("reset"), TimeoutError(), KeyError("a defect")])
async def test_a_tail_goes_on_after_a_failure(
    append: AppendTo, engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch, error: Exception, poll_often: float
) -> None:
    monkeypatch.setattr(tail, "_RETRY_SECONDS", 0.01)
    failing = Failing(engine.tails.pool.connection, error)
    monkeypatch.setattr(engine.tails.pool, "connection", failing)
    async with following(engine, log, upto=2):
        await append(make_append("a-1"))
        failing.times = 3
        # A read that runs already has its connection, and could see the next event without a failure.
        await until(lambda: not failing.times)
        await append(make_append("a-1"))


class Failing:
    """A function that fails a few times before it succeeds."""

    def __init__(self, works: Callable[..., Any], error: Exception) -> None:
        self.works = works
        self.error = error
        self.times = 2

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.times:
            self.times -= 1
            raise self.error
        return self.works(*args, **kwargs)


async def test_a_follower_far_behind_goes_on_after_a_failure(
    append: AppendTo, engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow follower reads with a connection of its own, not with the tail's."""
    monkeypatch.setattr(tail, "_RETRY_SECONDS", 0.01)
    await append(make_append("a-1", *[{}] * 1_500))
    failing = Failing(engine.tails.pool.connection, OperationalError("gone"))
    events: list[Event] = []
    async with asyncio.timeout(PATIENCE), aclosing(engine.tails.follow(log.pk, after=0)) as batches:
        async for batch in batches:
            events += batch
            if len(events) == 1_500:
                break
            failing.times = 2
            monkeypatch.setattr(engine.tails.pool, "connection", failing)
    assert_whole(events)


async def test_closing_ends_those_who_follow(append: AppendTo, log: Log, database: None) -> None:
    async with Engine() as engine:
        waiting = asyncio.create_task(collect(engine, log, heartbeat=None))
        beating = asyncio.create_task(collect(engine, log, heartbeat=0.01))
        await until(lambda: engine.tails._tails)
    async with asyncio.timeout(PATIENCE):
        assert await waiting == []
        assert set(await beating) <= {()}


async def test_closing_waits_for_the_read_that_is_under_way(
    engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To cancel a read would cost the pool its connection, and a read that waits for a connection may not notice."""
    may_end = asyncio.Event()
    ends: list[str] = []

    async def read(self: LogReader, after: int) -> tuple[Event, ...]:
        try:
            await may_end.wait()
        except asyncio.CancelledError:
            ends.append("cut off")
            return ()
        ends.append("whole")
        return ()

    monkeypatch.setattr(LogReader, "read", read)
    monkeypatch.setattr(tail, "_END_SECONDS", PATIENCE)
    async with Engine() as closing:
        follower = asyncio.create_task(collect(closing, log, heartbeat=None))
        await until(lambda: closing.tails._tails and closing.tails._tails[log.pk].is_fresh)
        closed = asyncio.create_task(closing.tails.aclose())
        await until(lambda: follower.done())
        assert not closed.done()
        may_end.set()
        await asyncio.wait_for(closed, PATIENCE)
    assert ends == ["whole"]


async def collect(engine: Engine, log: Log, *, heartbeat: float | None) -> list[tuple[Event, ...]]:
    return [batch async for batch in engine.tails.follow(log.pk, after=0, heartbeat=heartbeat)]


async def test_a_notification_that_makes_no_sense_is_ignored(
    engine: Engine, log: Log, other_log: Log, settings: Settings
) -> None:
    """Whoever may connect may notify. The listener survives such a notification: the next hint comes at once."""
    settings.EVENTSITE = replace(settings.EVENTSITE, tail_poll_interval=60.0)
    async with Engine() as elsewhere:
        async with asyncio.timeout(PATIENCE):
            async with following(engine, log, upto=2) as follower:
                await elsewhere.writer.append(log.pk, [make_append("a-1")])
                await until(lambda: engine.tails._tails[log.pk].head)
                async with engine.pool.connection() as session:
                    for payload in ("nonsense", "", "1e3", "-1", "99999999999999999999"):
                        await session.execute("select pg_notify('eventsite', %s)", [payload])
                await elsewhere.writer.append(log.pk, [make_append("a-1")])
    assert len(follower.result()) == 2


async def test_a_redacted_event_is_not_handed_out_from_memory(append: AppendTo, engine: Engine, log: Log) -> None:
    """A follower that starts after a redaction gets none of the batches that the tail kept before it."""
    async with asyncio.timeout(PATIENCE), aclosing(engine.tails.follow(log.pk, after=0, heartbeat=0.01)) as batches:
        assert await anext(batches) == ()
        await until(lambda: engine.tails._tails[log.pk].head == 0)
        await append(make_append("a-1", {"data": b'"secret"'}, {}))
        await followed_events(engine, log, upto=2)
        redacted = await sync_to_async(redaction.redact)(log.pk, 1, reason="a secret", by="ada")
        await followed_events(engine, log, after=2, upto=redacted.marker_position)
        later = await followed_events(engine, log, upto=redacted.marker_position)
    assert [event.data for event in later[:2]] == ["null", "{}"]
