"""The memory of a tail and of its followers is bounded in bytes, and kept events are not handed out unchecked."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from psycopg import OperationalError

from events.engine import Engine
from events.models import Log
from events.reading import log_reader, tail
from events.reading.follower import EventBatch
from events.reading.log_reader import LogReader
from events.types import Event
from tests.support.factories import make_append
from tests.support.fixture_types import AppendTo
from tests.support.invariants import assert_whole
from tests.support.patience import PATIENCE, until

ROOM = 2_000
LARGE = {"data": b'"%b"' % (b"x" * ROOM)}
TWO_BYTES_EACH = {"data": '"{}"'.format("é" * (ROOM // 2)).encode()}


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (log_reader, tail):
        monkeypatch.setattr(module, "MOST_BYTES", ROOM)


async def batches(engine: Engine, log: Log, *, upto: int) -> list[EventBatch]:
    """The batches that a follower gets, from the first event to `upto`."""
    batches_read: list[EventBatch] = []
    async with asyncio.timeout(PATIENCE), aclosing(engine.tails.follow(log.pk, after=0)) as follower:
        async for batch in follower:
            batches_read.append(batch)
            if batch[-1].position >= upto:
                break
    assert_whole([event for batch in batches_read for event in batch])
    return batches_read


def assert_small(events: tuple[Event, ...]) -> None:
    assert sum(event.size for event in events[:-1]) < ROOM


@pytest.mark.parametrize("large", [LARGE, TWO_BYTES_EACH], ids=["ascii", "é"])
async def test_a_batch_ends_with_the_event_that_passes_the_bound(
    append: AppendTo, engine: Engine, log: Log, large: dict[str, bytes]
) -> None:
    await append(make_append("a-1", {}, {}, large, large, {}))
    batches_read = await batches(engine, log, upto=5)
    assert [len(batch) for batch in batches_read] == [3, 1, 1]


async def test_a_batch_from_memory_is_bounded_too(append: AppendTo, engine: Engine, log: Log) -> None:
    async with aclosing(engine.tails.follow(log.pk, after=0)) as first:
        beginning = asyncio.create_task(anext(first))
        await until(lambda: engine.tails._tails[log.pk].is_fresh)
        await append(make_append("a-1", {}, LARGE, {}, {}))
        await beginning
        await until(lambda: engine.tails._tails[log.pk].head == 4)
        assert [len(batch) for batch in await batches(engine, log, upto=4)] == [2, 2]


async def test_metadata_counts(append: AppendTo, engine: Engine, log: Log) -> None:
    metadata = {"metadata": b'{"text": "%b"}' % (b"x" * ROOM)}
    await append(make_append("a-1", metadata, metadata))
    assert [len(batch) for batch in await batches(engine, log, upto=2)] == [1, 1]


async def test_few_events_are_looked_at_after_large_ones_and_many_after_small_ones(
    append: AppendTo, engine: Engine, log: Log
) -> None:
    await append(make_append("a-1", LARGE, LARGE, *[{}] * 600))
    reader = LogReader(log.pk, engine.tails.pool)
    sizes, after = [], 0
    while events := await reader.read(after):
        assert_small(events)
        sizes.append(len(events))
        after = events[-1].position
    assert sizes == [1, 1, 2, 16, 128, 454]


async def test_the_tail_keeps_no_more_bytes_than_it_may(
    append: AppendTo, engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "_KEPT_BYTES", 4 * ROOM)
    async with asyncio.timeout(PATIENCE), aclosing(engine.tails.follow(log.pk, after=0)) as follower:
        for _ in range(10):
            await append(make_append("a-1", LARGE))
            await anext(follower)
        recent = engine.tails._tails[log.pk]._recent
        assert 2 <= len(recent) < 4
        assert sum(event.size for event in recent) <= 4 * ROOM


async def test_followers_in_step_get_the_same_batch(append: AppendTo, engine: Engine, log: Log) -> None:
    async with asyncio.timeout(PATIENCE):
        followers = [engine.tails.follow(log.pk, after=0) for _ in range(5)]
        waiting = [asyncio.create_task(anext(follower)) for follower in followers]
        await until(lambda: engine.tails._tails[log.pk].is_fresh)
        await append(make_append("a-1"))
        handed = [await each for each in waiting]
        for follower in followers:
            await follower.aclose()
    assert {id(batch) for batch in handed} == {id(handed[0])}


async def test_a_follower_that_is_set_back_is_handed_the_events_again(
    append: AppendTo, engine: Engine, log: Log
) -> None:
    await append(make_append("a-1", {}, {}, {}))
    async with asyncio.timeout(PATIENCE), aclosing(engine.tails.follow(log.pk, after=0)) as follower:
        assert [event.position for event in await anext(follower)] == [1, 2, 3]
        follower.position = 1
        assert [event.position for event in await anext(follower)] == [2, 3]


async def test_events_in_memory_are_not_handed_out_while_the_log_can_not_be_read(
    append: AppendTo, engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event of the batch may have been redacted without this process knowing it."""
    monkeypatch.setattr(tail, "_RETRY_SECONDS", 0.01)
    connection = engine.tails.pool.connection
    async with asyncio.timeout(PATIENCE), aclosing(engine.tails.follow(log.pk, after=0)) as first:
        await append(make_append("a-1"))
        await anext(first)

        def away() -> None:
            raise OperationalError("gone")

        monkeypatch.setattr(engine.tails.pool, "connection", away)
        monkeypatch.setattr(tail, "_FRESH_SECONDS", 0.0)
        async with aclosing(engine.tails.follow(log.pk, after=0, heartbeat=0.05)) as second:
            assert await anext(second) == ()
            monkeypatch.setattr(tail, "_FRESH_SECONDS", PATIENCE)
            monkeypatch.setattr(engine.tails.pool, "connection", connection)
            while not (batch := await anext(second)):
                pass
            assert [event.position for event in batch] == [1]
