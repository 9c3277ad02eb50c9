"""Nothing that fails loses a run or holds up another: events that are refused, defects, deaths, errors of Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx2
import psycopg
import pytest

from events.errors import LogHeld, Unavailable
from events.models import Log, OtelFailure, OtelTrace
from events.otel import worker as module
from events.otel.mapping.run import MappedRun
from events.otel.spans import Span
from events.otel.worker import MOST_ATTEMPTS, Attempts, Worker, working
from tests.support.otel import event_id, events_of, export, ids_of, map_plainly, new_trace, pass_time, send, span, work


async def test_an_event_that_is_refused_holds_up_no_other(client: httpx2.AsyncClient, log: Log, worker: Worker) -> None:
    trace = new_trace()
    await send(client, export(span(trace, 1), span(trace, 2, 1, name="n" * 201), span(trace, 3, 1)))
    await pass_time(log, 7)
    await work(worker)
    assert await ids_of(log) == [event_id(trace, 1), event_id(trace, 3)]
    failure = await OtelFailure.objects.aget(log=log)
    assert (failure.trace_id.hex, failure.event_id, failure.code) == (trace.hex(), event_id(trace, 2), "invalid")


async def test_a_run_that_can_not_be_mapped_holds_up_no_other(
    client: httpx2.AsyncClient, log: Log, worker: Worker
) -> None:
    bad, good = new_trace(), new_trace()
    await send(client, export(span(bad, 1, name="bad")))
    await send(client, export(span(good, 1)))
    await pass_time(log, 7)

    def raising(spans: Sequence[Span], *args: Any, **named: Any) -> MappedRun:
        if spans[0].name == "bad":
            raise ZeroDivisionError("a defect")
        return map_plainly(spans, *args, **named)

    async with working(map=raising) as defective:
        await work(defective)
    assert await ids_of(log) == [event_id(good, 1)]
    failure = await OtelFailure.objects.aget(log=log)
    assert (failure.trace_id.hex, failure.code) == (bad.hex(), "can-not-be-mapped")
    assert "ZeroDivisionError" in failure.detail
    assert "a defect" not in failure.detail  # it may be what somebody said
    # It is kept, and is tried again when more comes.
    await pass_time(log, 1000)
    await worker.store.forget()
    await send(client, export(span(bad, 2, 1)))
    await pass_time(log, 7)
    await work(worker)
    assert await ids_of(log) == [event_id(good, 1), event_id(bad, 1), event_id(bad, 2)]


async def test_a_trace_that_kills_workers_is_tried_alone_and_then_left(client: httpx2.AsyncClient, log: Log) -> None:
    deadly, good = new_trace(), new_trace()
    await send(client, export(span(deadly, 1, name="deadly")))
    await send(client, export(span(good, 1)))
    await pass_time(log, 7)

    class Killed(BaseException):
        pass

    def dying(spans: Sequence[Span], *args: Any, **named: Any) -> MappedRun:
        if spans[0].name == "deadly":
            raise Killed
        return map_plainly(spans, *args, **named)

    deaths = 0
    for _ in range(20):
        try:
            async with working(map=dying) as frail:
                await work(frail)
        except Killed:
            deaths += 1
    assert deaths <= 2 * MOST_ATTEMPTS
    assert await ids_of(log) == [event_id(good, 1)]
    assert (await OtelFailure.objects.aget(log=log)).code == "worker-died"


@pytest.mark.parametrize("is_slow", [False, True])
async def test_a_session_that_is_lost_is_no_death_unless_the_run_took_long(
    client: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch, is_slow: bool
) -> None:
    trace = new_trace()
    await send(client, export(span(trace, 1)))
    await pass_time(log, 8)
    attempts: Attempts = {}
    monkeypatch.setattr(module, "_LONG_SECONDS", -1 if is_slow else 20)
    for _ in range(2 * MOST_ATTEMPTS):
        async with working(map=map_plainly, attempts=attempts) as frail:
            note = frail._note

            async def lost(*args: Any) -> None:
                await frail.store._session.execute("select pg_terminate_backend(pg_backend_pid())")
                await note(*args)  # noqa: B023

            monkeypatch.setattr(frail, "_note", lost)
            with suppress(psycopg.OperationalError):
                await work(frail)
    assert await OtelFailure.objects.filter(log=log).acount() == is_slow
    async with working(map=map_plainly, attempts=attempts) as worker:
        await work(worker)
    assert await ids_of(log) == [event_id(trace, 1)]
    assert (await OtelTrace.objects.aget(log=log)).held_spans == is_slow


async def test_a_run_is_named_before_its_events_are_appended(
    client: httpx2.AsyncClient, log: Log, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier, later = sorted([new_trace(), new_trace()])
    await send(client, export(span(later, 1)))
    await pass_time(log, 7)

    class Killed(BaseException):
        pass

    async def killed(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(worker, "_note", killed)
        with pytest.raises(Killed):
            await work(worker)
    assert await ids_of(log) == [event_id(later, 1)]
    await send(client, export(span(earlier, 1, links=[later])))
    await pass_time(log, 7)
    await work(worker)
    assert {event.stream for event in await events_of(log)} == {f"run-{later.hex()}"}


async def test_a_log_that_takes_no_events_now_loses_nothing(
    client: httpx2.AsyncClient, log: Log, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = new_trace()
    await send(client, export(span(trace, 1)))
    await pass_time(log, 7)

    async def away(*args: object, **named: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(worker.writer, "append", away)
        for _ in range(2 * MOST_ATTEMPTS):
            await worker.turn()
            worker._rests.clear()
        assert await ids_of(log) == []
    await work(worker)
    assert await ids_of(log) == [event_id(trace, 1)]


async def test_a_log_that_takes_no_events_does_not_hold_up_others(
    client: httpx2.AsyncClient, log: Log, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await send(client, export(span(new_trace(), 1)))
    await pass_time(log, 7)
    asked: list[int] = []

    async def held(log_id: int, *args: object, **named: object) -> None:
        asked.append(log_id)
        raise LogHeld

    monkeypatch.setattr(worker.writer, "append", held)
    for _ in range(5):
        await worker.turn()
    assert asked.count(log.pk) == 1
