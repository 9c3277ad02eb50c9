"""What is held is mapped when it is due: once, in order, with the other traces of its run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.utils import timezone
from pytest_django import Settings

from events.models import Log, OtelFailure, OtelLink, OtelPiece, OtelRun, OtelTrace
from events.otel import store as held_traces
from events.otel.mapping.run import MappedRun
from events.otel.spans import Span
from events.otel.worker import Worker, working
from tests.support.otel import (
    event_id,
    events_of,
    export,
    ids_of,
    map_plainly,
    new_trace,
    pass_time,
    records,
    send,
    span,
    work,
)


async def test_a_trace_is_mapped_when_its_root_has_ended_and_its_logs_had_time(
    client: httpx2.AsyncClient, log: Log, worker: Worker
) -> None:
    trace = new_trace()
    await send(client, export(span(trace, 2, 1)))
    await pass_time(log, 45)
    await work(worker)
    await send(client, export(span(trace, 1)))
    await pass_time(log, 2)
    await work(worker)
    assert await ids_of(log) == []
    await send(client, records(trace, "gen_ai.choice"), signal="logs")
    await pass_time(log, 5)
    await work(worker)
    first, second = await events_of(log)
    assert [first.id, second.id] == [event_id(trace, 1), event_id(trace, 2)]
    assert (first.data, second.causation_id) == ('["gen_ai.choice"]', first.id)
    assert first.stream == f"run-{trace.hex()}"


async def test_a_trace_without_its_root_is_mapped_after_a_silence(
    client: httpx2.AsyncClient, log: Log, worker: Worker
) -> None:
    trace = new_trace()
    await send(client, export(span(trace, 3, 1)))
    await pass_time(log, 45)
    await send(client, export(span(trace, 2, 1)))
    await pass_time(log, 45)
    await work(worker)
    assert await ids_of(log) == []
    await pass_time(log, 15)
    await work(worker)
    assert await ids_of(log) == [event_id(trace, 2), event_id(trace, 3)]


async def test_a_trace_that_holds_too_much_is_mapped_at_once(
    client: httpx2.AsyncClient, log: Log, worker: Worker, settings: Settings
) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, otel_trace_max_bytes=10_000)
    trace = new_trace()
    for number in range(2, 12):
        await send(client, export(span(trace, number, 1)))
    await work(worker)
    assert sorted(await ids_of(log)) == [event_id(trace, number) for number in range(2, 12)]
    await send(client, export(span(trace, 1)))
    await pass_time(log, 61)
    await work(worker)
    assert sorted(await ids_of(log)) == sorted(event_id(trace, number) for number in range(1, 12))


async def test_traces_that_links_tie_are_mapped_together_when_all_are_due(
    client: httpx2.AsyncClient, log: Log, worker: Worker
) -> None:
    first, second, third = new_trace(), new_trace(), new_trace()
    await send(client, export(span(first, 1)))
    await pass_time(log, 3)
    await send(client, export(span(second, 1, links=[first])))
    await send(client, export(span(third, 2, 1, links=[second])))
    await pass_time(log, 7)
    await work(worker)
    assert await ids_of(log) == []
    await send(client, export(span(third, 1)))
    await pass_time(log, 7)
    await work(worker)
    events = await events_of(log)
    assert {event.id for event in events} == {
        event_id(first, 1),
        event_id(second, 1),
        event_id(third, 1),
        event_id(third, 2),
    }
    assert len({event.stream for event in events}) == 1


async def test_runs_that_are_due_together_are_each_mapped_as_a_whole(
    client: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_traces, "_MOST_DUE", 3)
    monkeypatch.setattr(held_traces, "_MOST_TIED", 10)
    runs = [[new_trace() for _ in range(4)] for _ in range(9)]
    for place in range(4):  # so that the first due traces are of different runs
        for run in runs:
            await send(client, export(span(run[place], 1, links=run[:place])))
    await pass_time(log, 7)
    mapped: list[list[str]] = []

    def noting(spans: Sequence[Span], *args: Any, **named: Any) -> MappedRun:
        mapped.append(sorted(one.trace_id for one in spans))
        return map_plainly(spans, *args, **named)

    async with working(map=noting) as worker:
        await work(worker)
    ids = {trace.hex() for run in runs for trace in run}
    assert sorted(run for run in mapped if ids.issuperset(run)) == sorted(sorted(map(bytes.hex, run)) for run in runs)


async def test_a_trace_waits_for_others_of_its_run_only_so_long(
    client: httpx2.AsyncClient, log: Log, worker: Worker
) -> None:
    first, second = new_trace(), new_trace()
    await send(client, export(span(first, 1)))
    for _ in range(7):  # the other one is never silent
        await send(client, export(span(second, 2, 1, links=[first])))
        await work(worker)
        assert await ids_of(log) == []
        await pass_time(log, 10)
    await work(worker)
    assert set(await ids_of(log)) == {event_id(first, 1), event_id(second, 2)}


async def test_a_late_part_is_mapped_with_what_came_before(
    client: httpx2.AsyncClient, log: Log, worker: Worker
) -> None:
    trace = new_trace()
    await send(client, export(span(trace, 1)))
    await pass_time(log, 7)
    await work(worker)
    await send(client, export(span(trace, 2, 1)))
    await pass_time(log, 7)
    await work(worker)
    first, second = await events_of(log)
    assert (second.id, second.causation_id) == (event_id(trace, 2), first.id)


async def test_a_very_late_part_goes_to_the_same_stream(client: httpx2.AsyncClient, log: Log, worker: Worker) -> None:
    first, late = sorted([new_trace(), new_trace()], reverse=True)
    await send(client, export(span(first, 1)))
    await pass_time(log, 7)
    await work(worker)
    await pass_time(log, 1000)
    await worker.store.forget()
    assert await OtelTrace.objects.filter(log=log).acount() == 0
    assert await OtelPiece.objects.filter(log=log).acount() == 0
    await send(client, export(span(first, 2, 1), span(late, 1, links=[first])))
    await pass_time(log, 60)
    await work(worker)
    events = await events_of(log)
    assert {event.id for event in events} == {event_id(first, 1), event_id(first, 2), event_id(late, 1)}
    assert {event.stream for event in events} == {f"run-{first.hex()}"}


async def test_what_is_mapped_twice_is_there_once(client: httpx2.AsyncClient, log: Log, worker: Worker) -> None:
    trace = new_trace()
    for _ in range(2):
        await send(client, export(span(trace, 1), span(trace, 2, 1)))
        await send(client, export(span(trace, 2, 1, text="other content")))
        await pass_time(log, 7)
        await work(worker)
    await pass_time(log, 1000)
    await worker.store.forget()
    await send(client, export(span(trace, 2, 1, name="other content"), span(trace, 3, 1)))
    await pass_time(log, 61)
    await work(worker)
    assert await ids_of(log) == [event_id(trace, number) for number in (1, 2, 3)]
    assert await OtelFailure.objects.filter(log=log).acount() == 0


async def test_two_workers_map_each_trace_once(client: httpx2.AsyncClient, log: Log, worker: Worker) -> None:
    traces = [new_trace() for _ in range(100)]
    for trace in traces:
        await send(client, export(span(trace, 1), span(trace, 2, 1)))
    await pass_time(log, 7)
    async with working(map=map_plainly) as other:
        await asyncio.gather(work(worker), work(other))
    await work(worker)
    assert sorted(await ids_of(log)) == sorted(event_id(trace, number) for trace in traces for number in (1, 2))


async def test_a_run_that_is_larger_than_what_a_worker_reads_at_once_is_mapped_in_parts(
    client: httpx2.AsyncClient, log: Log, worker: Worker, settings: Settings
) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, otel_trace_max_bytes=20_000)
    traces = sorted(new_trace() for _ in range(30))
    for trace in traces:
        await send(client, export(span(trace, 1, links=[traces[-1]], text="x" * 7_000)))
    await pass_time(log, 8)
    await work(worker)
    assert await OtelFailure.objects.filter(log=log).acount() == 0
    assert sorted(await ids_of(log)) == [event_id(trace, 1) for trace in traces]


async def test_what_comes_while_its_trace_is_mapped_waits_for_the_root_or_its_logs(
    client: httpx2.AsyncClient, log: Log, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on, ended = new_trace(), new_trace()
    await send(client, export(span(going_on, 2, 1), span(ended, 1)))
    await pass_time(log, 61)
    append = worker.writer.append

    async def meanwhile(*args: Any, **named: Any) -> Any:
        await send(client, export(span(going_on, 3, 1), span(ended, 2, 1)))
        return await append(*args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(worker.writer, "append", meanwhile)
        await work(worker)
    later = timezone.now() + timedelta(seconds=30)
    rows = OtelTrace.objects.filter(log=log, due_at__gt=timezone.now())
    assert {row.trace_id.hex async for row in rows} == {going_on.hex(), ended.hex()}
    assert {row.trace_id.hex async for row in rows.filter(due_at__gt=later)} == {going_on.hex()}


async def test_context_is_bounded_in_bytes(
    client: httpx2.AsyncClient, log: Log, worker: Worker, settings: Settings
) -> None:
    for _ in range(20):
        await send(client, export(span(new_trace(), 1)))
    await pass_time(log, 7)
    await work(worker)
    settings.EVENTSITE = replace(settings.EVENTSITE, otel_log_max_bytes=10_000)
    await worker.store.forget()
    assert await OtelTrace.objects.filter(log=log).acount() in range(3, 8)
    assert await OtelRun.objects.filter(log=log).acount() == 20


async def test_context_and_names_are_kept_for_days_if_a_setting_says_so(
    client: httpx2.AsyncClient, log: Log, worker: Worker, settings: Settings
) -> None:
    day = 86_400
    settings.EVENTSITE = replace(settings.EVENTSITE, otel_context_seconds=3 * day)
    await send(client, export(span(new_trace(), 1)))
    await pass_time(log, 7)
    await work(worker)
    for days, left in ((2, 1), (2, 0)):
        await pass_time(log, days * day)
        await worker.store.forget()
        assert await OtelPiece.objects.filter(log=log).acount() == left
        assert await OtelTrace.objects.filter(log=log).acount() == left
        assert await OtelRun.objects.filter(log=log).acount() == left


async def test_the_name_of_a_run_that_goes_on_for_days_is_kept(
    client: httpx2.AsyncClient, log: Log, worker: Worker
) -> None:
    trace = new_trace()
    for number in range(1, 4):
        await pass_time(log, 50_000)
        await send(client, export(span(trace, number, number - 1 or None)))
        await pass_time(log, 7)
        await work(worker)
        await worker.store.forget()
    assert await OtelRun.objects.filter(log=log).acount() == 1
    assert await OtelTrace.objects.filter(log=log).acount() == 1
    await pass_time(log, 90_000)
    await worker.store.forget()
    assert await OtelRun.objects.filter(log=log).acount() == 0


async def test_the_context_of_a_trace_that_goes_on_is_bounded_in_time(
    client: httpx2.AsyncClient, log: Log, worker: Worker
) -> None:
    trace, other = new_trace(), new_trace()
    for number in range(1, 4):
        await send(client, export(span(trace, number, number - 1 or None, links=[other])))
        await pass_time(log, 7)
        await work(worker)
        await pass_time(log, 273)
        await worker.store.forget()
    row = await OtelTrace.objects.aget(log=log)
    pieces = [piece async for piece in OtelPiece.objects.filter(log=log).order_by("number")]
    assert [piece.number for piece in pieces] == [2, 3]
    assert (row.held_bytes, row.kept_bytes) == (0, sum(piece.bytes for piece in pieces))
    await pass_time(log, 601)
    await worker.store.forget()
    assert await OtelLink.objects.filter(log=log).acount() == 0


async def test_log_records_without_their_span_are_kept_to_be_read_with_it(
    client: httpx2.AsyncClient, log: Log, worker: Worker
) -> None:
    trace = new_trace()
    await send(client, records(trace, "gen_ai.choice"), signal="logs")
    await pass_time(log, 61)
    await work(worker)
    assert await ids_of(log) == []
    await send(client, export(span(trace, 1)))
    await pass_time(log, 7)
    await work(worker)
    [event] = await events_of(log)
    assert event.data == '["gen_ai.choice"]'


async def test_the_context_of_a_trace_that_goes_on_is_bounded_in_bytes(
    client: httpx2.AsyncClient, log: Log, worker: Worker, settings: Settings
) -> None:
    trace = new_trace()
    for number in range(1, 11):
        await send(client, export(span(trace, number)))
    await pass_time(log, 7)
    await work(worker)
    settings.EVENTSITE = replace(settings.EVENTSITE, otel_trace_max_bytes=7_000)
    await worker.store.forget()
    pieces = [piece async for piece in OtelPiece.objects.filter(log=log).order_by("number")]
    assert [piece.number for piece in pieces] == [7, 8, 9, 10]
    assert (await OtelTrace.objects.aget(log=log)).kept_bytes == sum(piece.bytes for piece in pieces) > 7_000
