"""The API's direct way from ASGI and Django's stock handler give the same answers: each operation is defined once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson
import pytest
import pytest_asyncio
from django.core.handlers.asgi import ASGIHandler

from events.engine import Engine
from events.models import Log
from tests.support.api import BATCHED, BINARY, EVENT, NDJSON, STRUCTURED, cloud_event, line, write

MIB = 1024 * 1024


@pytest_asyncio.fixture
async def stock(engine: Engine, token: str) -> AsyncIterator[httpx2.AsyncClient]:
    handler = ASGIHandler()
    handler.load_middleware(is_async=True)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(handler),  # type: ignore[arg-type]
        base_url="http://testserver",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        yield client


def known_body(**fields: Any) -> dict[str, Any]:
    return {"events": [{**EVENT, "id": "known"}], **fields}


REQUESTS: list[tuple[str, str, Any, dict[str, str]]] = [
    ("GET", "/api/events", None, {}),
    ("GET", "/api/events?type=A*&limit=1&direction=backward", None, {}),
    ("GET", "/api/events?after=9&wait=0.01", None, {}),
    ("GET", "/api/events?limit=0", None, {}),
    ("GET", "/api/events?unknown=1", None, {}),
    ("GET", "/api/events?" + "&".join(["type=A"] * 1001), None, {}),
    ("GET", "/api/events", None, {"Authorization": "Bearer nonsense"}),
    ("GET", "/api/events", None, {"Authorization": ""}),
    ("GET", "/api/events", None, {"Accept": "text/event-stream", "Last-Event-ID": "x"}),
    ("GET", "/api/events/1", None, {}),
    ("GET", "/api/events/7", None, {}),
    ("GET", "/api/projections", None, {}),
    ("GET", "/api/projections/latest/state?key=order-1", None, {}),
    ("GET", "/api/projections/latest/state?key=order-1&at_position=99", None, {}),
    ("GET", "/api/projections/latest/diff?key=order-1&from_version=0&to_version=1", None, {}),
    ("GET", "/api/projections/latest/states?q=state.a%3E1", None, {}),
    ("GET", "/api/projections/none/states", None, {}),
    ("GET", "/api/jobs", None, {}),
    ("POST", "/api/leases", {"stream": "order-1", "agent": "a", "ttl": 0}, {}),
    ("POST", "/api/leases", {"stream": "order-1", "agent": "a", "ttl": 60, "request": "r"}, {}),
    ("POST", "/api/leases/renew", {"lease": "stream:order-1", "token": 9, "ttl": 60}, {}),
    ("POST", "/api/leases/release", {"lease": "stream:order-1", "token": 9}, {}),
    ("POST", "/api/jobs/7/cancel", b"", {}),
    ("GET", "/api/streams", None, {}),
    ("GET", "/api/streams/order-1", None, {}),
    ("GET", "/api/streams/a%2Fb%23%20(-%3E%20X)", None, {}),
    ("GET", "/api/streams/order-1/events", None, {}),
    ("GET", "/api/streams/a%00b/events", None, {}),
    ("POST", "/api/streams/order-1/events", known_body(), {}),
    ("POST", "/api/streams/order-1/events", known_body(expected_version=7, idempotency_key="k"), {}),
    ("POST", "/api/streams/order-1/events", {"events": [EVENT], "expected_version": 7}, {}),
    ("POST", "/api/streams/order-1/events", {"events": [{**EVENT, "id": "known", "data": 2}]}, {}),
    ("POST", "/api/streams/order-1/events", {"events": []}, {}),
    ("POST", "/api/streams/order-1/events", b"nonsense", {}),
    ("POST", "/api/streams/order-1/events", b'{"events": [{"type": "A", "data": 1e1001}]}', {}),
    ("POST", "/api/streams/order-1/events", b" " * (16 * MIB + 1), {}),
    ("POST", "/api/streams/%2E%2E/events", {"events": [EVENT]}, {}),
    (
        "POST",
        "/api/events",
        {"appends": [{"stream": "order-1", **known_body()}, {"stream": "", "events": [EVENT]}]},
        {},
    ),
    ("POST", "/api/events", {"appends": [{"stream": "order-1", **known_body()}], "atomic": True}, {}),
    ("POST", "/api/events", b"\n".join([line(id="line", stream="s"), b"bad"]), NDJSON),
    ("POST", "/api/events", [cloud_event(), 7], BATCHED),
    ("POST", "/api/events", cloud_event(), STRUCTURED),
    ("POST", "/api/events", b"", BINARY),
]


@pytest.mark.parametrize(("method", "path", "body", "headers"), REQUESTS)
async def test_both_give_the_same_answer(
    api: httpx2.AsyncClient,
    stock: httpx2.AsyncClient,
    log: Log,
    method: str,
    path: str,
    body: Any,
    headers: dict[str, str],
) -> None:
    await write(log, {"id": "known", "type": "A", "data": b"1"}, {"stream": "a/b# (-> X)"})
    content = body if isinstance(body, bytes | None) else orjson.dumps(body)
    if method == "POST":  # the second of two appends is a replay
        await api.post(path, content=content, headers=headers)
    ours, theirs = [await client.request(method, path, content=content, headers=headers) for client in (api, stock)]
    assert ours.status_code == theirs.status_code
    assert ours.content == theirs.content
    for name in ("content-type", "etag", "location", "retry-after", "www-authenticate", "x-content-type-options"):
        assert ours.headers.get(name) == theirs.headers.get(name)
