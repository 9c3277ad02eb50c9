"""The queue before the writer is bounded, and an append to a full queue is refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from pytest_django import Settings

from events.appending.checks import size
from events.engine import Engine
from events.errors import QueueFull
from events.models import Log
from events.types import Appended
from tests.support.factories import make_append
from tests.support.fixture_types import AppendTo, Read
from tests.support.invariants import assert_whole
from tests.support.locks import holding_lock


async def test_a_full_queue_refuses_at_once_and_takes_more_when_it_has_drained(
    append: AppendTo, read: Read, engine: Engine, log: Log, settings: Settings
) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, writer_queue_events=20)
    async with holding_lock(engine.pool, log.pk):
        waiting = [asyncio.create_task(append(make_append(None, {}, {}))) for _ in range(10)]
        await asyncio.sleep(0)
        for _ in range(3):
            with pytest.raises(QueueFull) as full:
                await append(make_append())
            assert full.value.retry_after
        assert engine.writer.events == 20
    await asyncio.gather(*waiting)
    [outcome] = await append(make_append())
    assert isinstance(outcome, Appended)
    assert_whole(await read())
    assert len(await read()) == 21


async def test_the_queue_is_bounded_in_bytes_too(
    append: AppendTo, engine: Engine, log: Log, settings: Settings
) -> None:
    large = make_append(None, {"data": ('"' + "x" * 100_000 + '"').encode()})
    settings.EVENTSITE = replace(settings.EVENTSITE, writer_queue_bytes=3 * size(large))
    async with holding_lock(engine.pool, log.pk):
        waiting = [asyncio.create_task(append(replace(large, events=make_append(large.stream).events)))]
        waiting += [
            asyncio.create_task(append(make_append(None, {"data": large.events[0].data.encode()}))) for _ in range(2)
        ]
        await asyncio.sleep(0)
        with pytest.raises(QueueFull):
            await append(large)
        assert engine.writer.bytes <= 3 * size(large)
    await asyncio.gather(*waiting)
    assert engine.writer.bytes == 0


async def test_one_request_larger_than_the_queue_is_taken_when_nothing_waits(
    append: AppendTo, settings: Settings
) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, writer_queue_events=1, writer_flush_events=1)
    [outcome] = await append(make_append(None, {}, {}, {}))
    assert isinstance(outcome, Appended)


async def test_flushes_are_bounded_but_lose_nothing(append: AppendTo, read: Read, settings: Settings) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, writer_flush_events=5, writer_flush_bytes=2_000)
    outcomes = await asyncio.gather(*(append(make_append("a-1", {}, {})) for _ in range(40)))
    assert all(isinstance(outcome, Appended) for [outcome] in outcomes)
    events = await read()
    assert_whole(events)
    assert len(events) == 80
    assert len({event.recorded_at for event in events}) >= 80 / 6  # each flush has its own recorded_at


async def test_an_empty_request_has_no_outcomes(append: AppendTo) -> None:
    assert await append() == []
    assert await append(atomic=True) == []
