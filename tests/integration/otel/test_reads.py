"""What pages show: what is held, who sends, and what failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from events.api.otlp import exporters
from events.models import Log, Scope
from events.otel import exporters as gathered
from events.otel import reads
from events.otel.worker import working
from eventsite.asgi import application
from tests.support.otel import (
    AGENT,
    GZIP,
    PROTOBUF,
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


def id_of(trace: bytes) -> UUID:
    return UUID(bytes=trace)


@sync_to_async
def held_in(log: Log) -> list[reads.Held]:
    return reads.held_in_log(log.pk).fetch()


@sync_to_async
def exporter_of(log: Log) -> reads.Exporter:
    [exporter] = reads.exporters(log.pk).fetch()
    return exporter


@sync_to_async
def counts_of(log: Log) -> list[int]:
    """The exports that are counted, for each token."""
    return [exporter.exports for exporter in reads.exporters(log.pk).fetch()]


async def map_all(log: Log) -> None:
    await pass_time(log, 61)
    async with working(map=map_plainly) as worker:
        await work(worker)


async def test_what_is_held_is_listed_with_the_time_that_is_left(client: httpx2.AsyncClient, log: Log) -> None:
    ended, going_on = new_trace(), new_trace()
    await send(client, export(span(going_on, 2, 1), span(going_on, 3, 2)))
    await send(client, export(span(ended, 1)))
    await send(client, records(ended, "gen_ai.choice"), signal="logs")
    await pass_time(log, 2)
    first, second = await held_in(log)
    assert (first.trace_id, first.spans, first.records, first.has_root) == (id_of(ended), 1, 1, True)
    assert first.seconds == pytest.approx(4, abs=3)
    assert (second.trace_id, second.spans, second.records, second.has_root) == (id_of(going_on), 2, 0, False)
    assert second.seconds == pytest.approx(57, abs=3)
    await map_all(log)
    assert await held_in(log) == []


async def test_a_run_knows_what_is_held_of_it_and_of_traces_tied_to_it(client: httpx2.AsyncClient, log: Log) -> None:
    first, tied, other = new_trace(), new_trace(), new_trace()
    await send(client, export(span(first, 1), span(other, 1)))
    await map_all(log)
    await send(client, export(span(tied, 2, 1, links=[first]), span(other, 2, 1)))
    stream, workflow = f"run-{min(first, other).hex()}", first.hex()
    assert [held.trace_id for held in await sync_to_async(reads.held_of_workflow(log.pk, workflow).fetch)()] == [
        id_of(tied)
    ]
    [held] = await sync_to_async(reads.held_of_stream(log.pk, f"run-{other.hex()}").fetch)()
    assert (held.trace_id, held.stream, held.correlation_id) == (id_of(other), f"run-{other.hex()}", other.hex())
    assert len(await sync_to_async(reads.held_of_stream(log.pk, stream).fetch)()) == 1
    assert await sync_to_async(reads.held_of_stream(log.pk, "run-unknown").fetch)() == []


async def test_who_wants_it_mapped_now_waits_no_longer(client: httpx2.AsyncClient, log: Log) -> None:
    first, tied, other = new_trace(), new_trace(), new_trace()
    await send(client, export(span(first, 2, 1), span(tied, 2, 1, links=[first]), span(other, 2, 1)))
    await sync_to_async(reads.map_now)(log.pk, [id_of(first)])
    async with working(map=map_plainly) as worker:
        await work(worker)
    assert {id.partition(":")[0] for id in await ids_of(log)} == {first.hex(), tied.hex()}
    assert [held.trace_id for held in await held_in(log)] == [id_of(other)]


async def test_exports_are_counted_for_their_token(client: httpx2.AsyncClient, log: Log) -> None:
    start = timezone.now()
    trace = new_trace()
    bad = span(trace, 2)
    bad.span_id = b""
    await send(client, export(span(trace, 1), bad), compressed=True)
    await exporters.write()
    await send(client, records(trace, "gen_ai.choice", "another", "one more"), signal="logs")
    await client.post("/v1/metrics", content=b"12345", headers=PROTOBUF | {"User-Agent": AGENT})
    await exporters.write()
    exporter = await exporter_of(log)
    assert (exporter.token_name, exporter.user_agent, exporter.is_revoked) == ("test", AGENT, False)
    assert (exporter.exports, exporter.compressed) == (3, 1)
    assert (exporter.spans, exporter.records) == (1, 1)
    assert (exporter.refused_spans, exporter.dropped_records, exporter.dropped_metrics) == (1, 2, 1)
    assert exporter.first_at
    assert exporter.last_at
    assert start <= exporter.first_at < exporter.last_at <= timezone.now()
    assert (exporter.refusals, exporter.refused_at, exporter.refused_reason) == (0, None, None)
    assert 0 < exporter.bytes < 1000


async def test_an_export_that_comes_while_counts_are_written_is_counted_too(
    client: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathered, "_PAUSE_SECONDS", 0.01)
    write = gathered._write
    later = iter([export(span(new_trace(), 1))])
    written = asyncio.Semaphore(0)

    async def with_another(*args: Any) -> None:
        for one in later:
            await send(client, one)
        await write(*args)
        written.release()

    monkeypatch.setattr(gathered, "_write", with_another)
    await send(client, export(span(new_trace(), 1)))
    async with asyncio.timeout(10):
        await written.acquire()
        await written.acquire()
    assert await counts_of(log) == [2]


async def test_counts_that_can_not_be_written_are_written_later(
    client: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*args: object) -> None:
        await send(client, export(span(new_trace(), 1)))
        raise psycopg.OperationalError

    await client.post("/v1/traces", content=b"\xff", headers=PROTOBUF)
    with monkeypatch.context() as patched:
        patched.setattr(gathered, "_write", away)
        await exporters.write()
    assert await counts_of(log) == []
    await exporters.write()
    exporter = await exporter_of(log)
    assert (exporter.exports, exporter.spans, exporter.refusals, exporter.refused_status) == (1, 1, 1, 400)


async def test_a_server_that_stops_writes_its_last_counts(token: str, log: Log) -> None:
    messages: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    answers: asyncio.Queue[Any] = asyncio.Queue()
    server = asyncio.ensure_future(application({"type": "lifespan"}, messages.get, answers.put))
    await messages.put({"type": "lifespan.startup"})
    await answers.get()
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(application),  # type: ignore[arg-type]
        base_url="http://testserver",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        await send(client, export(span(new_trace(), 1)))
    await messages.put({"type": "lifespan.shutdown"})
    await server
    assert await counts_of(log) == [1]


async def test_the_last_refusal_of_a_token_is_kept(
    client: httpx2.AsyncClient, log: Log, make_token: Callable[..., str]
) -> None:
    token = await sync_to_async(make_token)(Scope.READ)
    client.headers["Authorization"] = f"Bearer {token}"
    await client.post("/v1/traces", content=b"\xff", headers=PROTOBUF)
    await exporters.write()
    exporter = await exporter_of(log)
    assert (exporter.exports, exporter.first_at, exporter.refusals) == (0, None, 1)
    assert (exporter.refused_status, exporter.refused_reason) == (403, "This token has no scope 'append'.")
    await client.post("/v1/traces", content=b"", headers=PROTOBUF)
    await exporters.write()
    exporter = await exporter_of(log)
    assert exporter.refusals == 2


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [(PROTOBUF, b"\xff", 400), ({}, b"", 415), (PROTOBUF | GZIP, b"\0", 400), (PROTOBUF, bytes(2**24 + 1), 413)],
)
async def test_every_refusal_is_kept_with_its_reason(
    client: httpx2.AsyncClient, log: Log, headers: dict[str, str], content: bytes, status: int
) -> None:
    await client.post("/v1/traces", content=content, headers=headers | {"User-Agent": "A\0" * 500})
    await exporters.write()
    exporter = await exporter_of(log)
    assert (exporter.refusals, exporter.refused_status) == (1, status)
    assert exporter.refused_reason
    assert len(exporter.user_agent) == 300


async def test_the_reason_of_a_refusal_says_nothing_of_what_was_sent(client: httpx2.AsyncClient, log: Log) -> None:
    value = {"intValue": "the patient Ada has diabetes"}
    spans = [{"attributes": [{"key": "age", "value": value}]}]
    document = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    answer = await client.post("/v1/traces", json=document)
    assert answer.status_code == 400
    await exporters.write()
    reason = (await exporter_of(log)).refused_reason
    assert reason == "The body is not OTLP/JSON: the field 'intValue' of AnyValue has a wrong value"


async def test_it_is_noted_that_messages_were_seen(client: httpx2.AsyncClient, log: Log) -> None:
    trace = new_trace()
    empty: dict[str, Any] = {
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "__REDACTED__",
        "gen_ai.completion.0.finish_reason": "stop",
        "input.value": "__REDACTED__",
    }
    await send(client, export(span(trace, 1, gen_ai__request__model="m", **empty)))
    await exporters.write()
    await map_all(log)
    assert (await exporter_of(log)).content_at is None
    await send(client, export(span(trace, 2, 1, gen_ai__input__messages="[]")))
    await map_all(log)
    assert (await exporter_of(log)).content_at


async def test_only_the_last_failures_are_kept(client: httpx2.AsyncClient, log: Log) -> None:
    trace = new_trace()
    await send(client, export(*(span(trace, number, name="n" * 201) for number in range(1, 106))))
    await map_all(log)
    failures = await sync_to_async(reads.failures(log.pk).fetch)()
    assert len(failures) == 100
    assert {(each.trace_id, each.stream, each.code) for each in failures} == {
        (id_of(trace), f"run-{trace.hex()}", "invalid")
    }
    assert failures[0].event_id == f"{trace.hex()}:{105:016x}:end"
