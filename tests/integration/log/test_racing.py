"""Many callers and several writers append at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from events.appending.plan import Outcome
from events.engine import Engine
from events.errors import Unavailable, WrongExpectedVersion
from events.models import Log
from events.reading import store
from events.types import Appended
from tests.support.factories import make_append
from tests.support.fixture_types import AppendTo, Read
from tests.support.invariants import assert_whole
from tests.support.locks import holding_lock
from tests.support.patience import PATIENCE


@pytest_asyncio.fixture
async def other_engine(database: None) -> AsyncIterator[Engine]:
    """An engine that the database can't tell from one of a second process."""
    async with Engine() as engine:
        yield engine


def winners(outcomes: list[list[Outcome]]) -> list[Appended]:
    flat = [outcome for request in outcomes for outcome in request]
    won = [outcome for outcome in flat if isinstance(outcome, Appended)]
    assert all(isinstance(outcome, Appended | WrongExpectedVersion) for outcome in flat)
    return won


async def test_exactly_one_of_the_racers_in_a_flush_wins(
    append: AppendTo, engine: Engine, log: Log, read: Read
) -> None:
    async with holding_lock(engine.pool, log.pk):
        racers = [asyncio.create_task(append(make_append("a-1", expected_version=0))) for _ in range(50)]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*racers)
    assert len(winners(outcomes)) == 1
    refusals = [o for [o] in outcomes if isinstance(o, WrongExpectedVersion)]
    assert [error.fields["current_version"] for error in refusals] == [1] * 49
    assert len(await read()) == 1


async def test_exactly_one_of_the_racers_at_two_writers_wins_each_round(
    engine: Engine, other_engine: Engine, log: Log, read: Read
) -> None:
    for version in range(10):
        outcomes = await asyncio.gather(
            *(
                racing.writer.append(log.pk, [make_append("a-1", expected_version=version)])
                for racing in (engine, other_engine) * 5
            )
        )
        assert [won.version for won in winners(outcomes)] == [version + 1]
    assert_whole(await read())


async def test_the_same_append_at_two_writers_is_written_once(
    engine: Engine, other_engine: Engine, log: Log, read: Read
) -> None:
    for n in range(20):
        appends = [make_append("a-1", {"id": str(n)}, {"id": f"{n}b"}, idempotency_key=str(n))]
        one, two = await asyncio.gather(*(racing.writer.append(log.pk, appends) for racing in (engine, other_engine)))
        assert sorted([one[0].replayed, two[0].replayed]) == [False, True]  # type: ignore[union-attr]
    assert_whole(await read())
    assert len(await read()) == 40


async def test_two_writers_leave_one_whole_log(engine: Engine, other_engine: Engine, log: Log, read: Read) -> None:
    streams = [f"s-{n % 7}" for n in range(300)]
    outcomes = await asyncio.gather(
        *(
            racing.writer.append(log.pk, [make_append(stream, {}, {}), make_append(f"t-{stream}")])
            for racing in (engine, other_engine)
            for stream in streams
        )
    )
    events = await read()
    assert_whole(events)
    assert len(events) == 2 * 300 * 3
    acknowledged = {
        (outcome.first_position + place, outcome.stream, outcome.first_version + place, each)
        for request in outcomes
        for outcome in request
        if isinstance(outcome, Appended)
        for place, each in enumerate(outcome.ids)
    }
    assert acknowledged == {(event.position, event.stream, event.version, event.id) for event in events}


async def test_waiting_appends_are_written_in_one_transaction(
    append: AppendTo, engine: Engine, log: Log, read: Read
) -> None:
    async with holding_lock(engine.pool, log.pk):
        first = asyncio.create_task(append(make_append("a-1")))
        await asyncio.sleep(0.02)  # the writer is in a flush, and waits for the lock
        others = [asyncio.create_task(append(make_append("b-1"))) for _ in range(100)]
        await asyncio.sleep(0)
    await asyncio.gather(first, *others)
    async with engine.pool.connection() as session:
        cursor = await session.execute("select count(distinct xmin::text) from event where log_id = %s", [log.pk])
        assert await cursor.fetchone() in [(1,), (2,)]
    assert_whole(await read())


async def test_a_caller_that_goes_away_harms_nobody(append: AppendTo, engine: Engine, log: Log, read: Read) -> None:
    async with holding_lock(engine.pool, log.pk):
        callers = [asyncio.create_task(append(make_append("a-1", {"id": str(n)}))) for n in range(20)]
        await asyncio.sleep(0)
        for caller in callers[::2]:
            caller.cancel()
        await asyncio.sleep(0)
        assert engine.writer.events == 20  # these appends still wait, and the queue counts them
    for caller in callers[::2]:
        with suppress(asyncio.CancelledError):
            await caller
    for n, caller in list(enumerate(callers))[1::2]:
        [outcome] = await caller
        assert isinstance(outcome, Appended)
        assert outcome.ids == [str(n)]
    # The append whose caller went away was in a flush already: it is written, and a retry finds it.
    [retried] = await append(make_append("a-1", {"id": "0"}))
    assert isinstance(retried, Appended)
    assert retried.replayed
    assert_whole(await read())
    assert (engine.writer.events, engine.writer.bytes) == (0, 0)


async def test_one_logs_lock_does_not_delay_another_log(engine: Engine, log: Log, other_log: Log) -> None:
    async with holding_lock(engine.pool, log.pk):
        delayed = asyncio.create_task(engine.writer.append(log.pk, [make_append()]))
        for _ in range(5):
            async with asyncio.timeout(PATIENCE):
                [outcome] = await engine.writer.append(other_log.pk, [make_append()])
            assert isinstance(outcome, Appended)
        assert not delayed.done()
    await delayed


async def test_closing_writes_what_waits_and_refuses_what_comes(log: Log, database: None) -> None:
    async with Engine() as engine:
        async with holding_lock(engine.pool, log.pk):
            waiting = [asyncio.create_task(engine.writer.append(log.pk, [make_append()])) for _ in range(10)]
            await asyncio.sleep(0)
            closing = asyncio.create_task(engine.writer.aclose())
            await asyncio.sleep(0)
            with pytest.raises(Unavailable):
                await engine.writer.append(log.pk, [make_append()])
        await closing
        assert len(winners(await asyncio.gather(*waiting))) == 10
        assert len(await store.events(log.pk, limit=100).afetch(engine.pool)) == 10
