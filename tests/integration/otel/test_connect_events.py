"""The page Connect shows the run of the first event that was appended with its token."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from events.access import uses
from events.models import Log, Token
from tests.support.connect import came_of

Shown = Callable[..., Awaitable[str]]
ADAPTER = {"adapter": "langgraph"}


@pytest.fixture(autouse=True)
def first_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uses, "_begun", set())


def event(type: str, **fields: Any) -> dict[str, Any]:
    return {"type": type, "data": {}, "correlation_id": "order-1004", **fields}


async def append(client: httpx2.AsyncClient, stream: str, *events: dict[str, Any], status: int = 201) -> None:
    """Append, and wait until the use of the token is noted."""
    answer = await client.post(f"/api/streams/{stream}/events", json={"events": events})
    assert answer.status_code == status, answer.text
    while uses._tasks:
        await next(iter(uses._tasks))


async def append_lines(client: httpx2.AsyncClient, *events: dict[str, Any]) -> None:
    lines = "".join(json.dumps({"stream": "run-1", **each}) + "\n" for each in events)
    answer = await client.post("/api/events", content=lines, headers={"Content-Type": "application/x-ndjson"})
    assert answer.json()["failed"] == 0
    while uses._tasks:
        await next(iter(uses._tasks))


async def test_a_run_of_an_adapter_is_a_tree_and_leads_to_its_workflow(
    client: httpx2.AsyncClient, log: Log, admin: AsyncClient, at: str, shown: Shown
) -> None:
    token = await came_of(log, client)
    await append_lines(
        client,
        event("workflow.started", id="r:start", data={"name": "dispatcher"}, metadata=ADAPTER),
        event("tool.called", id="r:a:start", causation_id="r:start", data={"name": "reserve_van"}, agent="router"),
    )
    text = await shown(token, framework="langgraph-adapter")
    assert "First event 0 s ago. 2 events in the log, run order-1004" in text
    assert "dispatcher … reserve_van … Hatched: its end, or its parent, has not come yet." in text
    assert "by router content off: names, times, tokens and errors only" in text
    await append_lines(client, event("model.replied", id="r:m:end", data={"content": "Yes."}))
    page = (await admin.get(f"{at}arrivals", {"token": token.pk})).content.decode()
    assert f'href="/logs/{log.name}/workflows/order-1004/" data-open-run' in page
    assert "on: messages, arguments, results" in page


async def test_events_without_a_workflow_lead_to_their_stream(
    client: httpx2.AsyncClient, log: Log, admin: AsyncClient, at: str
) -> None:
    token = await came_of(log, client)
    await append(client, "order-42", event("OrderPlaced", correlation_id=None), event("OrderPaid", correlation_id=None))
    page = (await admin.get(at, {"token": str(token.pk), "framework": "http"})).content.decode()
    assert f'href="/logs/{log.name}/streams/order-42/" data-open-run' in page
    assert page.index("OrderPlaced") < page.index("OrderPaid")
    assert "names, times, tokens and errors only" not in page  # only adapters tell content


async def test_each_token_has_the_run_of_its_own_first_event(
    client: httpx2.AsyncClient, log: Log, make_token: Callable[..., str], shown: Shown
) -> None:
    await append(client, "run-1", event("A"))
    first = await came_of(log, client)
    client.headers["Authorization"] = f"Bearer {await sync_to_async(make_token)()}"
    other = await came_of(log, client)
    assert "This page changes at the first event." in await shown(other, framework="http")
    await append(client, "run-2", event("B", correlation_id="order-2"))
    await append(client, "run-3", event("C", correlation_id="order-3"))
    assert "1 event in the log, run order-2" in await shown(other)
    assert "1 event in the log, run order-1004" in await shown(first)


async def test_of_a_long_run_the_first_events_are_shown(client: httpx2.AsyncClient, log: Log, shown: Shown) -> None:
    token = await came_of(log, client)
    await append(client, "run-1", *[event(f"Step{number}") for number in range(201)])
    text = await shown(token)
    assert "More than 200 events in the log, run order-1004" in text
    assert "Step11 188 more." in text
    await append(client, "run-2", event("Large", correlation_id="large", data={"text": "x" * 900_000}))
    await Token.objects.filter(pk=token.pk).aupdate(first_position=202)
    assert "1 event in the log, run large" in await shown(token)


async def test_an_open_page_is_told_of_new_events(
    client: httpx2.AsyncClient, log: Log, admin: AsyncClient, at: str
) -> None:
    token = await came_of(log, client)

    async def ask(seen: str) -> tuple[int, str]:
        answer = await admin.get(f"{at}arrivals", {"token": token.pk}, headers={"X-Seen": seen})
        return answer.status_code, answer.content.decode().partition('"X-Seen": "')[2][:16]

    _, seen = await ask("")
    await append(client, "run-1", event("A"))
    status, seen = await ask(seen)
    assert status == 200
    assert (await ask(seen))[0] == 204
    await append(client, "run-1", event("B"))
    assert (await ask(seen))[0] == 200


async def test_the_first_event_is_noted_once_and_stays_the_first(client: httpx2.AsyncClient, log: Log) -> None:
    async def first() -> int | None:
        return (await came_of(log, client)).first_position

    await append(client, "run-1", event(""), status=422)
    assert await first() is None
    await append(client, "run-1", event("A", id="a"))
    assert await first() == 1
    uses._begun.clear()  # as in another process
    await append(client, "run-1", event("B"))
    assert await first() == 1
    await Token.objects.filter(log=log).aupdate(first_position=7)
    uses._begun.clear()
    await append(client, "run-1", event("A", id="a"), status=200)
    assert await first() == 1


async def test_what_could_not_be_noted_is_noted_by_the_next_append(
    client: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_away(statement: str, parameters: object) -> None:
        raise psycopg.OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(uses, "_execute", is_away)
        await append(client, "run-1", event("A"))
    assert (await came_of(log, client)).first_position is None
    await append(client, "run-1", event("B"))
    assert (await came_of(log, client)).first_position == 2
