"""What the page Connect says of runs that can't be drawn or mapped, and how they are mapped again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import httpx2
import pytest
from django.test import AsyncClient

from events.models import Log, OtelTrace, Role
from events.otel import arrivals
from events.otel.mapping.run import MappedRun
from events.otel.spans import Span
from events.otel.worker import working
from tests.support.connect import AGENT, came_of, sign_in
from tests.support.otel import export, ids_of, map_plainly, new_trace, pass_time, send, span, work


async def test_failures_of_the_log_stand_there(
    client: httpx2.AsyncClient, log: Log, shown: Callable[..., Awaitable[str]]
) -> None:
    assert "could not become events" not in await shown()
    failure = {"trace_id": str(UUID(bytes=new_trace())), "code": "worker-died", "detail": "5 workers ended."}
    async with working() as worker:
        await worker.store.fail(log.pk, [failure])
    for token in (None, await came_of(log, client)):
        text = await shown(token)
        assert "What could not become events" in text
        assert "worker-died 5 workers ended." in text


async def test_what_failed_is_mapped_again_if_somebody_says_so(
    client: httpx2.AsyncClient, log: Log, admin: AsyncClient, at: str, shown: Callable[..., Awaitable[str]]
) -> None:
    refused, parked = new_trace(), new_trace()
    await send(client, export(span(refused, 1), span(refused, 2, 1, name="n" * 201), span(parked, 1, name="bad")))
    await pass_time(log, 7)

    def defective(spans: Sequence[Span], *args: Any, **named: Any) -> MappedRun:
        if spans[0].name == "bad":
            raise ZeroDivisionError
        return map_plainly(spans, *args, **named)

    async with working(map=defective) as worker:
        await work(worker)
        await pass_time(log, 3_600)
        await worker.store.forget()
    assert len(await ids_of(log)) == 1
    viewer = await sign_in(log, Role.VIEWER)
    trace = {"trace": refused.hex()}
    assert (await viewer.post(f"{at}map-now", trace)).status_code == 404
    assert (await admin.post(f"{at}map-now", {"trace": "none"})).status_code == 404
    assert (await shown()).count("map again") == 2
    for one in (refused, parked):
        answer = await admin.post(f"{at}map-now", {"trace": one.hex(), "framework": "crewai"})
        assert answer["Location"] == f"{at}?framework=crewai"
    assert "could not become events" not in await shown()
    async with working() as worker:
        await work(worker)
    assert {id.partition(":")[0] for id in await ids_of(log)} == {refused.hex(), parked.hex()}
    assert f"{refused.hex()}:{2:016x}:end" in await ids_of(log)
    assert "could not become events" not in await shown()
    rows = OtelTrace.objects.filter(log=log).values_list("held_spans", "held_records", "held_bytes", "due_at")
    assert [row async for row in rows] == [(0, 0, 0, None)] * 2


async def test_a_trace_of_which_something_is_held_is_mapped_with_it(
    client: httpx2.AsyncClient, log: Log, admin: AsyncClient, at: str
) -> None:
    trace = new_trace()
    await send(client, export(span(trace, 1)))
    await pass_time(log, 7)
    async with working() as worker:
        await work(worker)
        await send(client, export(span(trace, 2, 1)))
        await admin.post(f"{at}map-now", {"trace": trace.hex()})
        await work(worker)
    rows = OtelTrace.objects.filter(log=log).values_list("held_spans", "held_bytes", "mapped", "due_at")
    assert [row async for row in rows] == [(0, 0, 2, None)]


async def test_the_spans_of_what_failed_are_kept_for_a_day(
    client: httpx2.AsyncClient, log: Log, shown: Callable[..., Awaitable[str]]
) -> None:
    await send(client, export(span(new_trace(), 1, name="n" * 201)))
    await pass_time(log, 7)
    async with working(map=map_plainly) as worker:
        await work(worker)
        await pass_time(log, 82_800)
        await worker.store.forget()
        assert "map again" in await shown()
        await pass_time(log, 3_601)
        await worker.store.forget()
    assert "invalid" in await shown()
    assert "map again" not in await shown()


async def test_a_defect_of_the_mapper_does_not_hide_what_came(
    client: httpx2.AsyncClient, log: Log, shown: Callable[..., Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(*args: object) -> None:
        raise ZeroDivisionError

    await send(client, export(span(new_trace(), 1, name="odd", **AGENT)))
    monkeypatch.setattr("events.otel.mapping.conventions.genai.read", raising)
    assert "odd" in await shown(await came_of(log, client))


async def test_a_large_run_is_not_mapped_for_the_page_but_counted(
    client: httpx2.AsyncClient,
    log: Log,
    admin: AsyncClient,
    at: str,
    shown: Callable[..., Awaitable[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read(*args: object) -> None:
        raise AssertionError("its pieces were read")

    monkeypatch.setattr(arrivals, "_MOST_BYTES", 2_000)
    monkeypatch.setattr(arrivals, "material_of", read)
    trace = new_trace()
    await send(client, export(*(span(trace, number, 1, **AGENT) for number in range(2, 9))))
    token = await came_of(log, client)
    text = await shown(token)
    assert "Last span 0 s ago. 7 spans held. held until its root ends" in text
    assert "This run is too large to be drawn here." in text
    await admin.post(f"{at}map-now", {"token": token.pk})
    async with working() as worker:
        await work(worker)
    assert "Its run is in the log. This run is too large to be drawn here. Its events show it" in await shown(token)
    assert f"Open {trace.hex()}" in await shown(token)


async def test_a_run_at_which_even_the_mapper_s_last_way_fails_is_counted(
    client: httpx2.AsyncClient, log: Log, shown: Callable[..., Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(*args: object, **named: object) -> None:
        raise ZeroDivisionError

    await send(client, export(span(new_trace(), 2, 1, **AGENT)))
    monkeypatch.setattr(arrivals, "map_carefully", raising)
    text = await shown(await came_of(log, client))
    assert "1 span held." in text
    assert "This run can&#39;t be drawn here." in text or "This run can't be drawn here." in text
