"""The database is away, or a connection is lost: an exporter is told to try again, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from events import engine as engines
from events import sessions
from events.api import otlp
from events.engine import Engine
from events.models import Log, OtelPiece, OtelTrace
from events.otel import store
from events.otel import worker as worker_module
from events.otel.intake import division_of
from events.otel.wire import Division
from events.otel.worker import working
from events.sql import otel as sql
from eventsite.asgi import http
from tests.support.otel import (
    JSON,
    PROTOBUF,
    export,
    ids_of,
    json_of,
    map_plainly,
    new_trace,
    pass_time,
    send,
    span,
    work,
)
from tests.support.proxy import Cut, Proxy, proxied


@pytest_asyncio.fixture
async def proxy(database: None) -> AsyncIterator[Proxy]:
    async with proxied(sessions.address().conninfo) as proxy:
        yield proxy


@pytest_asyncio.fixture
async def frail_client(proxy: Proxy, token: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx2.AsyncClient]:
    """An exporter of a server whose connections go through the proxy."""
    with monkeypatch.context() as patched:
        patched.setattr(engines, "address", lambda: replace(sessions.address(), conninfo=proxy.conninfo))
        engine = await Engine().__aenter__()
    try:
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(http),  # type: ignore[arg-type]
            base_url="http://testserver",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        ) as client:
            yield client
    finally:
        proxy.open.set()
        await engine.__aexit__()


async def spans_of_events(log: Log) -> list[str]:
    await pass_time(log, 61)
    async with working(map=map_plainly) as worker:
        await work(worker)
    return [id.split(":")[1][-1] for id in await ids_of(log)]


@pytest.mark.parametrize("cut", Cut)
async def test_a_lost_connection_loses_and_doubles_nothing(
    frail_client: httpx2.AsyncClient, proxy: Proxy, log: Log, cut: Cut
) -> None:
    trace = new_trace()
    proxy.cuts[trace.hex().encode()] = cut
    body = export(span(trace, 1), span(trace, 2, 1))
    answer = await send(frail_client, body)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert await OtelTrace.objects.filter(log=log).acount() == (cut is Cut.BEFORE_ANSWER)
    assert (await send(frail_client, body)).status_code == 200
    assert await spans_of_events(log) == ["1", "2"]


@pytest.mark.parametrize("knows_token", [True, False])
async def test_a_database_that_is_silent_is_a_503_in_time(
    frail_client: httpx2.AsyncClient, proxy: Proxy, log: Log, monkeypatch: pytest.MonkeyPatch, knows_token: bool
) -> None:
    monkeypatch.setattr(otlp, "_TOKEN_SECONDS", 0.2)
    monkeypatch.setattr(otlp, "_EXPORT_SECONDS", 0.2)
    if knows_token:
        await frail_client.post("/v1/metrics", content=b"", headers=PROTOBUF)
    proxy.open.clear()
    start = time.monotonic()
    answer = await send(frail_client, export(span(new_trace(), 1)))
    assert time.monotonic() - start < 2
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.headers["content-type"] == "application/x-protobuf"
    proxy.open.set()


async def test_an_export_that_takes_too_long_keeps_its_place_as_long_as_its_thread_works(
    client: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()
    at_work = []

    def slow(*args: Any, **named: Any) -> Division:
        at_work.append(args)
        going_on.wait(20)
        return division_of(*args, **named)

    body = json_of(export(span(new_trace(), 1, text="x" * 10_000)))
    with monkeypatch.context() as patched:
        patched.setattr(otlp, "_EXPORT_SECONDS", 0.1)
        patched.setattr(otlp, "division_of", slow)
        for _ in range(3):
            answer = await client.post("/v1/traces", content=body, headers=JSON)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert len(at_work) == 1
        going_on.set()
    assert (await client.post("/v1/traces", content=body, headers=JSON)).status_code == 200
    assert await OtelPiece.objects.filter(log=log).acount() == 1


async def test_whatever_the_database_says_an_exporter_is_told_to_try_again(
    client: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = new_trace()
    with monkeypatch.context() as patched:  # as on a server that is newer than its database
        patched.setattr(sql, "HOLD", sql.HOLD.replace("hold_export", "hold_export_of_tomorrow"))
        answer = await send(client, export(span(trace, 1)))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert (await send(client, export(span(trace, 1)))).status_code == 200


async def test_exports_of_the_same_traces_at_once_are_all_held(client: httpx2.AsyncClient, log: Log) -> None:
    chance = random.Random(3)
    traces = [new_trace() for _ in range(8)]

    async def send_some(number: int) -> int:
        some = chance.sample(traces, 6)
        spans = [span(trace, number + 1, links=chance.sample(traces, 3)) for trace in some]
        return (await send(client, export(*spans))).status_code

    statuses = await asyncio.gather(*(send_some(number) for number in range(60)))
    assert set(statuses) == {200}
    assert await OtelPiece.objects.filter(log=log).acount() == 360
    numbers = OtelPiece.objects.filter(log=log).order_by("trace_id", "number").values_list("trace_id", "number")
    by_trace: dict[object, list[int]] = {}
    async for trace_id, number in numbers:
        by_trace.setdefault(trace_id, []).append(number)
    assert all(found == list(range(1, len(found) + 1)) for found in by_trace.values())
    held = OtelTrace.objects.filter(log=log).values_list("pieces", flat=True)
    assert sum([number async for number in held]) == 360


@pytest.mark.skipif(
    os.environ.get("EVENTSITE_TEST_POOLER") == "1", reason="workers go past the pooler, to which this proxy leads"
)
async def test_a_worker_gives_up_a_session_that_says_nothing(
    client: httpx2.AsyncClient, proxy: Proxy, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = new_trace()
    await send(client, export(span(trace, 1), span(trace, 2, 1)))
    await pass_time(log, 7)
    with monkeypatch.context() as patched:
        patched.setattr(worker_module, "direct", lambda: replace(sessions.direct(), conninfo=proxy.conninfo))
        patched.setattr(store, "_ANSWER_SECONDS", 0.2)
        async with working(map=map_plainly) as worker:
            proxy.open.clear()
            with pytest.raises(TimeoutError):
                await worker.turn()
            proxy.open.set()
    assert await spans_of_events(log) == ["1", "2"]


async def test_exports_come_while_a_worker_maps(client: httpx2.AsyncClient, log: Log) -> None:
    traces = [new_trace() for _ in range(5)]
    async with working(map=map_plainly) as worker:
        for number in range(1, 31):
            await asyncio.gather(work(worker), *(send(client, export(span(trace, number))) for trace in traces))
            await pass_time(log, 7)
        await work(worker)
        await pass_time(log, 7)
        await work(worker)
    assert len(await ids_of(log)) == len(set(await ids_of(log))) == 150
    rows = OtelTrace.objects.filter(log=log).values_list("held_spans", "held_bytes", "due_at")
    assert [row async for row in rows] == [(0, 0, None)] * 5
