"""Streams named `eventsite-…` belong to the server: no token appends there, by any way into the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import orjson
import pytest
from asgiref.sync import sync_to_async

from events import redaction
from events.models import Log, Scope
from tests.support.api import (
    BATCHED,
    BINARY,
    EVENT,
    NDJSON,
    STRUCTURED,
    append,
    cloud_event,
    head,
    line,
    page,
    positions,
    write,
)

RESERVED = "eventsite-redactions"
FORGED = {"type": "event.redacted", "data": {"position": 1, "by": "nobody"}, "agent": "ada"}


def refused_by(result: dict[str, Any]) -> tuple[object, ...]:
    return result["status"], result["code"], result["stream"]


REFUSED = 403, "reserved-stream", RESERVED
SINGLE: list[tuple[str, Any, dict[str, str]]] = [
    (f"/api/streams/{RESERVED}/events", {"events": [FORGED]}, {}),
    (f"/api/streams/{RESERVED}/events", b"nonsense", {}),
    ("/api/events", {"appends": [{"stream": RESERVED, "events": [FORGED]}], "atomic": True}, {}),
    ("/api/events", cloud_event(subject=RESERVED), STRUCTURED),
    ("/api/events", cloud_event(source=RESERVED), STRUCTURED),
    ("/api/events", b"", {**BINARY, "ce-subject": RESERVED}),
    ("/api/events", b"", {**BINARY, "ce-subject": "%65ventsite-redactions"}),
    ("/api/events", b"", {**BINARY, "ce-source": RESERVED}),
]


@pytest.mark.parametrize(("path", "body", "headers"), SINGLE)
async def test_no_single_append_forges_an_event_of_the_server(
    api: httpx2.AsyncClient, path: str, body: Any, headers: dict[str, str]
) -> None:
    answer = await api.post(path, content=body if isinstance(body, bytes) else orjson.dumps(body), headers=headers)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, refused_by(answer.json())) == (403, REFUSED)
    assert repr(RESERVED) in answer.json()["detail"]
    assert "choose another name" in answer.json()["detail"]
    assert await head(api) == 0


async def test_of_several_appends_only_the_one_to_a_stream_of_the_server_is_refused(api: httpx2.AsyncClient) -> None:
    appends = [{"stream": stream, "events": [EVENT]} for stream in ("order-1", RESERVED, "order-2")]
    results = (await api.post("/api/events", json={"appends": appends})).json()["results"]
    assert [result["status"] for result in results] == [201, 403, 201]
    assert refused_by(results[1]["body"]) == REFUSED
    assert await head(api) == 2


async def test_an_atomic_request_with_a_stream_of_the_server_writes_nothing(api: httpx2.AsyncClient) -> None:
    appends = [{"stream": stream, "events": [EVENT]} for stream in ("order-1", RESERVED)]
    answer = await api.post("/api/events", json={"appends": appends, "atomic": True})
    assert refused_by(answer.json()) == REFUSED
    assert await head(api) == 0


async def test_of_a_batch_of_cloud_events_only_the_one_to_a_stream_of_the_server_is_refused(
    api: httpx2.AsyncClient,
) -> None:
    batch = [cloud_event(id=str(n), subject=stream) for n, stream in enumerate(("order-1", RESERVED, "order-2"))]
    results = (await api.post("/api/events", json=batch, headers=BATCHED)).json()["results"]
    assert [result["status"] for result in results] == [201, 403, 201]
    assert refused_by(results[1]["body"]) == REFUSED
    assert await head(api) == 2


async def test_of_many_lines_only_the_one_to_a_stream_of_the_server_is_refused(api: httpx2.AsyncClient) -> None:
    body = b"\n".join([line(0), line(1, stream=RESERVED), line(2)])
    answer = (await api.post("/api/events", content=body, headers=NDJSON)).json()
    assert (answer["appended"], answer["failed"]) == (2, 1)
    [error] = answer["errors"]
    assert (error["line"], error["code"]) == (2, "reserved-stream")
    assert repr(RESERVED) in error["detail"]
    assert await head(api) == 2


@pytest.mark.parametrize("scope", [Scope.APPEND, Scope.ADMIN])
async def test_no_scope_opens_a_stream_of_the_server(
    anyone: httpx2.AsyncClient, make_token: Callable[..., str], scope: Scope
) -> None:
    anyone.headers["Authorization"] = f"Bearer {await sync_to_async(make_token)(scope)}"
    assert refused_by((await append(anyone, RESERVED)).json()) == REFUSED


async def test_a_prefix_around_the_name_opens_no_stream_of_the_server(
    anyone: httpx2.AsyncClient, make_token: Callable[..., str]
) -> None:
    token = await sync_to_async(make_token)(stream_prefix="event")
    anyone.headers["Authorization"] = f"Bearer {token}"
    assert refused_by((await append(anyone, RESERVED)).json()) == REFUSED
    assert (await append(anyone, "eventful-1")).status_code == 201


@pytest.mark.parametrize("stream", ["eventsite-", "eventsite-a", "eventsite--", "eventsite-a/b"])
async def test_every_name_with_the_prefix_belongs_to_the_server(api: httpx2.AsyncClient, stream: str) -> None:
    answer = await append(api, stream)
    assert refused_by(answer.json()) == (403, "reserved-stream", stream)


@pytest.mark.parametrize(
    "stream", ["eventsite", "eventsite2-x", "Eventsite-a", "EVENTSITE-a", "my-eventsite-a", "event"]
)
async def test_other_names_do_not(api: httpx2.AsyncClient, stream: str) -> None:
    assert (await append(api, stream)).status_code == 201


async def test_events_that_are_there_already_can_be_read(api: httpx2.AsyncClient, log: Log) -> None:
    await write(log, {"type": "Imported"}, stream="eventsite-old")
    await sync_to_async(redaction.redact)(log.pk, 1, reason="a secret", by="ada")
    assert [event["stream"] for event in (await page(api))["events"]] == ["eventsite-old", RESERVED]
    assert (await api.get("/api/streams/eventsite-old")).json()["version"] == 1
    assert [event["type"] for event in (await page(api, f"/api/streams/{RESERVED}/events"))["events"]] == [
        "event.redacted"
    ]


async def test_the_list_of_streams_has_those_of_the_server_if_they_are_asked_for(
    api: httpx2.AsyncClient, log: Log
) -> None:
    await write(log, *({"stream": name} for name in ("a-1", "eventsite", "eventsite-a", "eventsite-b")))

    async def names(**query: Any) -> list[str]:
        return [each["stream"] for each in (await page(api, "/api/streams", **query))["streams"]]

    assert await names() == ["a-1", "eventsite"]
    assert await names(prefix="e") == ["eventsite"]
    assert await names(prefix="eventsite-") == await names(category="eventsite") == ["eventsite-a", "eventsite-b"]


async def test_queries_tell_system_events_from_others(api: httpx2.AsyncClient, log: Log) -> None:
    await write(log, *({"stream": name} for name in ("a-1", "eventsite-a", "a-1")))
    for q, expected in (("", [1, 2, 3]), ("system:true", [2]), ("-system:true", [1, 3]), ("system:false", [1, 3])):
        assert positions((await page(api, q=q))["events"]) == expected
