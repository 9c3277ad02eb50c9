"""Appends to one stream: the answers, and the events as they are read."""

from __future__ import annotations

import json
from decimal import Decimal
from urllib.parse import quote

import httpx2
import pytest

from events.models import Log
from tests.support.api import EVENT, append, append_text, head


async def test_an_append_answers_where_its_events_stand(api: httpx2.AsyncClient, log: Log) -> None:
    await append(api, "other")
    answer = await append(
        api, events=[{"type": "Placed", "data": 1, "id": "a"}, {"type": "Paid", "data": 2, "id": "b"}]
    )
    assert answer.status_code == 201
    assert answer.headers["location"] == f"http://testserver/logs/{log.name}/events/2"
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "log": log.name,
        "stream": "order-1",
        "first_position": 2,
        "last_position": 3,
        "version": 2,
        "replayed": False,
        "events": [{"id": "a", "position": 2, "version": 1}, {"id": "b", "position": 3, "version": 2}],
    }


async def test_an_event_reads_back_as_it_was_sent(api: httpx2.AsyncClient) -> None:
    body = {
        "id": "e-1",
        "type": "Placed",
        "data": {"b": [1, None, True, "é\u2028😀"], "a": {}},
        "metadata": {"links": ["x"]},
        "agent": "router",
        "schema_version": 3,
        "correlation_id": "w-1",
        "causation_id": "c-1",
        "occurred_at": "2026-01-31T12:00:00.123456+02:00",
        "tags": ["vip", "eu"],
    }
    await append(api, events=[body])
    event = (await api.get("/api/events/1")).json()
    recorded_at = event.pop("recorded_at")
    assert event == {
        **body, "position": 1, "stream": "order-1", "version": 1, "occurred_at": "2026-01-31T10:00:00.123456Z"
    }  # fmt: skip
    assert recorded_at.endswith("Z")


async def test_a_field_that_is_left_out_or_null_is_null(api: httpx2.AsyncClient) -> None:
    optional = ("id", "agent", "correlation_id", "causation_id", "occurred_at")
    nulls = dict.fromkeys(optional)
    answer = await append(
        api,
        expected_version="any",
        idempotency_key=None,
        read_position=None,
        events=[{"type": "A", "data": None}, {"type": "A", "data": None, **nulls}],
    )
    assert answer.status_code == 201, answer.text
    first, second = (await api.get("/api/events")).json()["events"]
    for event in (first, second):
        assert event["metadata"] == {}
        assert event["schema_version"] == 1
        assert [event[name] for name in optional[1:]] == [None] * 4
    assert first["id"] < second["id"], "the server's ids are UUIDv7 and in order"


NUMBERS = [
    str(2**80), "0.12345678901234567890", "-0.1", "1e400", "1e-400", "1e1000", "9" * 1000, "0." + "1" * 999,
    "123456789.123456789", "1.0", "0.1e-1000",
]  # fmt: skip


async def test_numbers_come_back_exactly(api: httpx2.AsyncClient) -> None:
    assert (
        await append_text(api, '{"events": [{"type": "A", "data": [' + ",".join(NUMBERS) + "]}]}")
    ).status_code == 201
    for path in ("/api/events/1", "/api/events", "/api/streams/order-1/events"):
        body = json.loads((await api.get(path)).content, parse_float=Decimal)
        event = body if path.endswith("1") else body["events"][0]
        assert event["data"] == [Decimal(number) for number in NUMBERS]


@pytest.mark.parametrize(
    "stream",
    [
        "order-1", "a/b", "a/b/events/c", "/", "//", "a#b?c", "a b", "100%", "%2F", "(-> X)", "Ünïcode-😀", "events",
        "...", ".hidden", "a..b", "x" * 200, "😀" * 200, "a+b&c=d", '"quoted"', "\\", "a;b,c:d@e",
    ],
)  # fmt: skip
async def test_a_name_of_any_shape_works_in_a_path(api: httpx2.AsyncClient, stream: str) -> None:
    answer = await append(api, stream)
    assert answer.status_code == 201, answer.text
    assert answer.json()["stream"] == stream
    path = f"/api/streams/{quote(stream, safe='')}"
    assert (await api.get(path)).json()["stream"] == stream
    assert (await api.get(f"{path}/events")).json()["events"][0]["stream"] == stream
    assert (await api.get("/api/events", params={"stream": stream})).json()["events"][0]["stream"] == stream


@pytest.mark.parametrize(
    "stream", ["..", ".", "a/../b", "a/.", "./a", "a/events", "/events", "x" * 201, "a\nb", "\x00"]
)
async def test_a_name_that_a_url_could_not_carry_is_refused(api: httpx2.AsyncClient, stream: str) -> None:
    encoded = quote(stream, safe="").replace(".", "%2E")
    answer = await api.post(f"/api/streams/{encoded}/events", json={"events": [EVENT]})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "invalid", "stream")
    many = await api.post("/api/events", json={"appends": [{"stream": stream, "events": [EVENT]}], "atomic": True})
    assert (many.status_code, many.json()["field"]) == (422, "appends[0].stream")
    assert await head(api) == 0


@pytest.mark.parametrize("name", ["type", "id", "agent", "correlation_id", "causation_id"])
async def test_a_name_may_have_two_hundred_characters(api: httpx2.AsyncClient, name: str) -> None:
    event = {"type": "A", "data": 1, name: "é" * 200}
    assert (await append(api, events=[event])).status_code == 201
    assert (await api.get("/api/events/1")).json()[name] == "é" * 200


async def test_the_content_type_need_not_be_said(api: httpx2.AsyncClient) -> None:
    for content_type in ("application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"):
        answer = await api.post(
            "/api/streams/order-1/events",
            content='{"events": [{"type": "A", "data": 1}]}',
            headers={"Content-Type": content_type},
        )
        assert answer.status_code == 201
