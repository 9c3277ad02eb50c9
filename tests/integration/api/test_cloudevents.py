"""CloudEvents 1.0 over HTTP, in all three modes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx
import pytest

from tests.integration.api.test_append import head

STRUCTURED = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
BATCHED = {"Content-Type": "application/cloudevents-batch+json"}
BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/shop", "ce-type": "placed"}


def cloud_event(**attributes: Any) -> dict[str, Any]:
    given = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "placed", **attributes}
    return {name: value for name, value in given.items() if value is not ...}


async def send(api: httpx.AsyncClient, body: Any, headers: dict[str, str] = STRUCTURED) -> httpx.Response:
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return await api.post("/api/events", content=content, headers=headers)


async def only_event(api: httpx.AsyncClient) -> dict[str, Any]:
    [event] = (await api.get("/api/events")).json()["events"]
    return dict(event)


async def test_a_structured_event_keeps_all_its_attributes(api: httpx.AsyncClient) -> None:
    sent = cloud_event(
        subject="order-1",
        time="2026-01-31T12:00:00Z",
        datacontenttype="application/json",
        dataschema="https://example.com/schema",
        correlationid="w-1",
        causationid="c-1",
        priority=5,
        urgent=True,
        data={"n": 1},
    )
    answer = await send(api, sent)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"]
    event = await only_event(api)
    assert (event["stream"], event["type"], event["agent"], event["data"]) == ("order-1", "placed", "/shop", {"n": 1})
    assert (event["correlation_id"], event["causation_id"]) == ("w-1", "c-1")
    assert event["occurred_at"] == "2026-01-31T12:00:00Z"
    del sent["data"]
    assert event["metadata"] == {"cloudevents": sent}
    namespace = uuid5(NAMESPACE_URL, "https://cloudevents.io/spec/v1.0")
    assert UUID(event["id"]) == uuid5(namespace, "/shop\n1")


async def test_a_binary_event_is_its_headers_and_its_body(api: httpx.AsyncClient) -> None:
    headers = {**BINARY, "ce-subject": "caf%C3%A9", "ce-priority": "5", "Content-Type": "application/json"}
    answer = await send(api, '{"n": 0.12345678901234567890}', headers)
    assert answer.status_code == 201, answer.text
    assert '"data":{"n": 0.12345678901234567890}' in (await api.get("/api/events/1")).text
    event = await only_event(api)
    assert (event["stream"], event["type"], event["agent"]) == ("café", "placed", "/shop")
    assert event["metadata"]["cloudevents"] == {
        "specversion": "1.0", "id": "1", "source": "/shop", "type": "placed", "subject": "café", "priority": "5",
        "datacontenttype": "application/json",
    }  # fmt: skip


async def test_both_modes_give_one_event_the_same_id(api: httpx.AsyncClient) -> None:
    first = (await send(api, cloud_event())).json()
    second = await send(api, b"", BINARY)
    assert (second.status_code, second.json()["events"]) == (200, first["events"])


async def test_the_source_names_the_stream_where_there_is_no_subject(api: httpx.AsyncClient) -> None:
    for id, subject in (("1", ...), ("2", None), ("3", "")):
        assert (await send(api, cloud_event(id=id, subject=subject))).json()["stream"] == "/shop"


async def test_the_same_id_from_two_sources_is_two_events(api: httpx.AsyncClient) -> None:
    first, second = [(await send(api, cloud_event(source=source))).json() for source in ("/a", "/b")]
    assert first["events"][0]["id"] != second["events"][0]["id"]
    again = await send(api, cloud_event(source="/a"))
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    assert (await send(api, cloud_event(source="/a", data=2))).json()["code"] == "id-conflict"


async def test_a_batch_has_a_result_per_event(api: httpx.AsyncClient) -> None:
    batch = [cloud_event(), cloud_event(id=""), cloud_event(id="2"), cloud_event(id="1"), 7]
    answer = await send(api, batch, BATCHED)
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 422, 201, 200, 422]
    assert results[1]["body"]["field"] == "[1].id"
    assert await head(api) == 2
    assert (await send(api, [], BATCHED)).json() == {"results": []}


async def test_a_batch_may_have_ten_thousand_events(api: httpx.AsyncClient) -> None:
    answer = await send(api, [cloud_event(id=str(n)) for n in range(10_001)], BATCHED)
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (413, "too-large", 10_000)
    assert await head(api) == 0


@pytest.mark.parametrize(
    ("content_type", "body", "data"),
    [
        ("text/plain; charset=utf-8", "héllo", "héllo"),
        ("application/octet-stream", b"\x00\xff", {"data_base64": "AP8="}),
        ("application/vnd.shop+json", "[1]", [1]),
        ("application/json", "", None),
    ],
)
async def test_a_binary_body_becomes_json(
    api: httpx.AsyncClient, content_type: str, body: str | bytes, data: object
) -> None:
    answer = await send(api, body, {**BINARY, "Content-Type": content_type})
    assert answer.status_code == 201, answer.text
    assert (await only_event(api))["data"] == data


async def test_base64_data_is_kept_as_such(api: httpx.AsyncClient) -> None:
    assert (await send(api, cloud_event(data_base64="AP8="))).status_code == 201
    assert (await only_event(api))["data"] == {"data_base64": "AP8="}


async def test_an_attribute_that_is_null_is_absent(api: httpx.AsyncClient) -> None:
    assert (await send(api, cloud_event(traceparent=None))).status_code == 201
    assert "traceparent" not in (await only_event(api))["metadata"]["cloudevents"]


@pytest.mark.parametrize(
    ("field", "attributes"),
    [
        ("event.specversion", {"specversion": "0.3"}),
        ("event.specversion", {"specversion": ...}),
        ("event.id", {"id": ...}),
        ("event.id", {"id": ""}),
        ("event.id", {"id": 1}),
        ("event.source", {"source": ...}),
        ("event.type", {"type": ...}),
        ("event.type", {"type": "x" * 201}),
        ("event.subject", {"subject": "a/../b"}),
        ("event.subject", {"subject": 5}),
        ("event.source", {"source": "a/../b"}),
        ("event.time", {"time": 5}),
        ("event.correlationid", {"correlationid": 5}),
        ("event.occurred_at", {"time": "yesterday"}),
        ("event.extension", {"extension": {"a": 1}}),
        ("event.extension", {"extension": 1.5}),
        ("event.extension", {"extension": 2**31}),
        ("event.extension", {"extension": 2**80}),
        ("event.data_base64", {"data_base64": 5}),
        ("event.data_base64", {"data_base64": "not base64!"}),
        ("event.data_base64", {"data_base64": "AP8=", "data": 1}),
        ("event.metadata", {"extension": "a\x00b"}),
        ("event.data", {"data": "a\x00b"}),
    ],
)
async def test_a_bad_event_is_refused_and_names_the_attribute(
    api: httpx.AsyncClient, field: str, attributes: dict[str, Any]
) -> None:
    answer = await send(api, cloud_event(**attributes))
    assert (answer.status_code, answer.json().get("field")) == (422, field), answer.text
    assert await head(api) == 0


@pytest.mark.parametrize(
    ("status", "field", "headers", "body"),
    [
        (422, "event.specversion", {"ce-specversion": "0.3"}, b""),
        (422, "event.source", {"ce-source": ""}, b""),
        (422, "event.metadata", {"ce-extension": "%00"}, b""),
        (422, "event.data", {"Content-Type": "application/json"}, b"nonsense"),
        (422, "body", {"Content-Type": "text/plain"}, b"\xff"),
        (422, "event.data", {"Content-Type": "text/plain"}, b"\x00"),
        (413, "event.data", {"Content-Type": "text/plain"}, b"x" * 1024 * 1024),
    ],
)
async def test_a_bad_binary_event_is_refused(
    api: httpx.AsyncClient, status: int, field: str, headers: dict[str, str], body: bytes
) -> None:
    answer = await send(api, body, {**BINARY, **headers})
    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.text
    assert await head(api) == 0


@pytest.mark.parametrize("body", ["[]", "7", "nonsense", "", '{"specversion": "1.0", "specversion": "1.0"}'])
async def test_what_is_no_event_is_refused(api: httpx.AsyncClient, body: str) -> None:
    assert (await send(api, body)).status_code == 422
    assert await head(api) == 0


def samples(directory: Path, mode: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.glob(f"cloudevents-google/{mode}/*/*.json"))}


async def test_real_structured_events_are_taken_and_taken_once(api: httpx.AsyncClient, shared_data: Path) -> None:
    events = samples(shared_data, "structured").values()
    assert [(await send(api, event)).status_code for event in events] == [201] * len(events)
    assert await head(api) == len(events) > 0
    assert [(await send(api, event)).status_code for event in events] == [200] * len(events)


async def test_real_binary_events_are_taken_as_they_are(api: httpx.AsyncClient, shared_data: Path) -> None:
    sent = samples(shared_data, "binary")
    for name, body in sent.items():
        headers = {**BINARY, "ce-id": name, "Content-Type": "application/json"}
        assert (await send(api, body, headers)).status_code == 201, name
    events = (await api.get("/api/events")).json()["events"]
    assert [event["data"] for event in events] == [json.loads(body) for body in sent.values()]
