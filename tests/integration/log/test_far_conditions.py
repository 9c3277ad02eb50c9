"""A condition that reaches far back is checked before the lock; under it little is looked at."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from events import conditions
from events.appending import flush
from events.appending import plan as plan_module
from events.appending.guards import Condition
from events.appending.plan import Plan
from events.engine import Engine
from events.errors import (
    ConditionFailed,
    ConditionTooWide,
    TooManyRequests,
    Unavailable,
)
from events.models import Log
from events.reading import scan
from events.types import Append, Appended
from tests.support.conditions import conditional
from tests.support.factories import make_append
from tests.support.fixture_types import AppendTo, Read
from tests.support.locks import holding_lock
from tests.support.patience import until

FAR_EVENTS = 10_100


@pytest.fixture
async def far(append: AppendTo) -> None:
    """More events than are looked at under the lock; one of them, near the beginning, is rare."""
    await append(make_append("a-1", *[{}] * 5, {"type": "Rare", "data": b'{"n": 7}'}, *[{}] * (FAR_EVENTS - 1_006)))
    await append(make_append("a-1", *[{}] * 1_000))


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize(
    ("text", "after", "position"), [("type:Rare", 0, 6), ("data.n:7", 2, 6), ("type:Rare", 6, None)]
)
async def test_a_condition_may_reach_far_back(append: AppendTo, text: str, after: int, position: int | None) -> None:
    [neighbour], [outcome] = await asyncio.gather(append(make_append("c-1")), append(conditional(text, after=after)))
    assert isinstance(neighbour, Appended)
    if position is None:
        assert isinstance(outcome, Appended)
    else:
        assert isinstance(outcome, ConditionFailed)
        assert outcome.fields["event"]["position"] == position


@pytest.mark.usefixtures("far")
async def test_under_the_lock_only_a_few_events_are_looked_at(
    engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the log is not looked at first, an append with a far condition ends when its time is up."""
    checks = 0

    async def check_nothing(log_id: int, append: Append) -> Append:
        nonlocal checks
        checks += 1
        return append

    monkeypatch.setattr(engine.writer, "_check_guards", check_nothing)
    waiting = asyncio.create_task(engine.writer.append(log.pk, [conditional("type:Nothing")]))
    [outcome] = await engine.writer.append(log.pk, [make_append("b-1")])
    assert isinstance(outcome, Appended)
    await until(lambda: checks >= 3)
    waiting.cancel()


@pytest.mark.usefixtures("far")
async def test_a_condition_that_covers_too_much_is_refused_with_the_reason(
    append: AppendTo, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "_SEARCH_SECONDS", 0.0)
    monkeypatch.setattr(scan, "_FIRST_PLACES", 100)
    [outcome] = await append(conditional("data.nothing:1", idempotency_key="k"))
    assert isinstance(outcome, ConditionTooWide)
    assert outcome.fields["none_after"] == 0
    assert 0 < outcome.fields["searched_to"] < FAR_EVENTS
    assert str(outcome.fields["searched_to"]) in outcome.detail
    assert len(await read()) == FAR_EVENTS

    [written] = await append(conditional("data.nothing:1", after=FAR_EVENTS, idempotency_key="k"))
    [retried] = await append(conditional("data.nothing:1", idempotency_key="k"))
    assert isinstance(written, Appended)
    assert isinstance(retried, Appended)
    assert retried.replayed, "a retry is a retry, even if its condition could not be checked again"


@pytest.fixture
def flush_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of appends in the flushes that are tried."""
    sizes: list[int] = []
    write_parameters = flush.append_parameters

    def note_size(log_id: int, plan: Plan, **options: Any) -> list[object]:
        sizes.append(len(plan.accepted))
        return write_parameters(log_id, plan, **options)

    monkeypatch.setattr(flush, "append_parameters", note_size)
    return sizes


@pytest.mark.parametrize(
    ("limit", "most", "query", "sizes"),
    [
        ("_MAX_COMPARISONS", 10, "type:Noth*", [5, 5, 5]),  # with the events before each: 0 + 1 + 2 + 3 + 4
        ("_MAX_READ_BYTES", 10, "data.nothing:1", [2] * 7 + [1]),  # each event has 4 bytes: 0 + 4
        ("_MAX_READ_BYTES", 10, "type:Nothing", [15]),
        ("_MAX_TERMS", 4, "type:No OR type:Never", [2] * 7 + [1]),
    ],
)
async def test_the_work_of_the_guards_of_one_flush_is_bounded(
    append: AppendTo,
    read: Read,
    monkeypatch: pytest.MonkeyPatch,
    flush_sizes: list[int],
    limit: str,
    most: int,
    query: str,
    sizes: list[int],
) -> None:
    monkeypatch.setattr(plan_module, limit, most)
    outcomes = await append(*(conditional(query, stream=f"b-{n}") for n in range(15)))
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    assert flush_sizes == sizes
    assert [event.stream for event in await read()] == [f"b-{n}" for n in range(15)]


async def test_the_guards_of_one_atomic_request_are_asked_together(
    append: AppendTo, monkeypatch: pytest.MonkeyPatch, flush_sizes: list[int]
) -> None:
    monkeypatch.setattr(plan_module, "_MAX_TERMS", 4)
    appends = [conditional("type:No OR type:Never", stream=f"b-{n}") for n in range(5)]
    outcomes = await append(*appends, atomic=True)
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    assert flush_sizes == [5]


async def test_under_the_lock_only_a_few_bytes_are_read(
    append: AppendTo, engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each text is searched in all of them: fifty texts in sixteen megabytes would hold the log for ten seconds."""
    checks = 0

    async def check(log_id: int, append: Append) -> Append:
        nonlocal checks
        checks += 1
        return await conditions.check(engine.pool, log_id, append)

    monkeypatch.setattr(engine.writer, "_check_guards", check)
    monkeypatch.setattr(Condition, "needs_check", False)
    for expected_checks, texts in ((0, 7), (1, 9)):
        checks = 0
        await append(make_append("a-1", {"data": b'"%s"' % (b"x" * 1_000_000)}))
        [last] = await append(make_append("a-1"))
        assert isinstance(last, Appended)
        query = " ".join(f"-text-{n}" for n in range(texts))
        [outcome] = await append(conditional(f"stream:a-1 data:[] {query}", after=last.last_position - 2))
        assert isinstance(outcome, Appended)
        assert checks == expected_checks


@pytest.mark.usefixtures("far")
async def test_a_check_that_finds_no_connection_refuses_its_own_append_only(
    append: AppendTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The appends before it in the request are written, and their caller has to know where."""

    async def refuse(*_: object) -> None:
        raise TooManyRequests

    monkeypatch.setattr(scan.Search, "afetch", refuse)
    written, refused = await append(make_append("c-1"), conditional("type:Nothing"))
    assert isinstance(written, Appended)
    assert isinstance(refused, TooManyRequests)


@pytest.mark.usefixtures("far")
async def test_an_append_that_is_checked_while_the_server_stops_is_refused(
    engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch, read: Read
) -> None:
    events = len(await read())
    check, checking, go_on = engine.writer._check_guards, asyncio.Event(), asyncio.Event()

    async def wait_and_check(log_id: int, append: Append) -> Append:
        checking.set()
        await go_on.wait()
        return await check(log_id, append)

    monkeypatch.setattr(engine.writer, "_check_guards", wait_and_check)
    waiting = asyncio.create_task(engine.writer.append(log.pk, [conditional("type:Nothing")]))
    await checking.wait()
    assert engine.writer.events == 1, "what is checked takes its room in the queue"
    await engine.writer.aclose()
    go_on.set()
    [outcome] = await waiting
    assert isinstance(outcome, Unavailable)
    assert engine.writer.events == engine.writer.bytes == 0
    assert len(await read()) == events


async def test_an_append_that_was_checked_goes_before_those_that_wait(
    append: AppendTo, engine: Engine, log: Log, read: Read
) -> None:
    """Behind a few bulk writers it would come to the lock a thousand events later each time, and never be written."""
    async with holding_lock(engine.pool, log.pk):
        tasks = [asyncio.create_task(append(make_append("in-the-flush")))]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(append(make_append("waiting"))))
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(append(conditional("data.n:1", stream="checked"))))
        await until(lambda: len(engine.writer._logs[log.pk]._queue) == 2)
    await asyncio.gather(*tasks)
    assert [event.stream for event in await read()] == ["in-the-flush", "checked", "waiting"]
