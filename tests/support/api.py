"""Requests and bodies that the tests of the API share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import httpx2
import orjson

from events import engine
from events.models import Log
from tests.support import factories
from tests.support.patience import PATIENCE
from tests.support.streaming import Exchange

EVENT: dict[str, Any] = {"type": "A", "data": 1}
SSE = {"Accept": "text/event-stream"}
NDJSON = {"Content-Type": "application/x-ndjson"}
STRUCTURED = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
BATCHED = {"Content-Type": "application/cloudevents-batch+json"}
BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/shop", "ce-type": "placed"}
STREAM = "order-1"
READS = [
    "/api/events",
    "/api/events/1",
    "/api/streams",
    f"/api/streams/{STREAM}",
    f"/api/streams/{STREAM}/events",
]
WRITES = [
    (f"/api/streams/{STREAM}/events", {"events": [EVENT]}),
    ("/api/events", {"appends": [{"stream": STREAM, "events": [EVENT]}]}),
]


async def append(api: httpx2.AsyncClient, stream: str = "order-1", **body: Any) -> httpx2.Response:
    body.setdefault("events", [{"type": "Placed", "data": {"n": 1}}])
    return await api.post(f"/api/streams/{quote(stream, safe='')}/events", json=body)


async def append_text(api: httpx2.AsyncClient, body: str | bytes) -> httpx2.Response:
    return await api.post("/api/streams/order-1/events", content=body)


async def head(api: httpx2.AsyncClient) -> int:
    return int((await api.get("/api/events", params={"limit": 1})).json()["head"])


async def write(log: Log, *events: dict[str, Any], stream: str = "order-1") -> None:
    appends = [factories.make_append(event.pop("stream", stream), event) for event in events]
    outcomes = await engine.current().writer.append(log.pk, appends)
    assert all(not isinstance(outcome, Exception) for outcome in outcomes)


async def page(api: httpx2.AsyncClient, path: str = "/api/events", **query: Any) -> dict[str, Any]:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def positions(events: Iterable[dict[str, Any]]) -> list[int]:
    return [event["position"] for event in events]


def follow(token: str, query: str = "", **options: Any) -> Exchange:
    return Exchange(
        "GET", "/api/events", token=token, query=query, headers={**SSE, **options.pop("headers", {})}, **options
    )


def tails() -> int:
    return len(engine.current().tails._tails)


async def until_followed() -> None:
    """Wait until a request follows a log."""
    async with asyncio.timeout(PATIENCE):
        while not tails():  # noqa: ASYNC110 - a request gives no other sign that it waits
            await asyncio.sleep(0)


def line(n: int = 0, **fields: Any) -> bytes:
    return orjson.dumps({"stream": f"s-{n % 7}", "type": "A", "data": {"n": n}, **fields})


def cloud_event(**attributes: Any) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "placed", **attributes}
    return {name: value for name, value in event.items() if value is not ...}
