"""Appending to one stream: what is answered, row by row of the contract, and that a refusal writes nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
from pytest_django import Settings

from events.models import Log
from tests.support.api import EVENT, append, append_text, head

MIB = 1024 * 1024


async def test_an_append_answers_where_its_events_stand(api: httpx.AsyncClient, log: Log) -> None:
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


async def test_an_event_reads_back_as_it_was_sent(api: httpx.AsyncClient) -> None:
    sent = {
        "id": "e-1",
        "type": "Placed",
        "data": {"b": [1, None, True, "é\u2028😀"], "a": {}},
        "metadata": {"links": ["x"]},
        "agent": "router",
        "schema_version": 3,
        "correlation_id": "w-1",
        "causation_id": "c-1",
        "occurred_at": "2026-01-31T12:00:00.123456+02:00",
    }
    await append(api, events=[sent])
    event = (await api.get("/api/events/1")).json()
    recorded_at = event.pop("recorded_at")
    assert event == {
        **sent, "position": 1, "stream": "order-1", "version": 1, "occurred_at": "2026-01-31T10:00:00.123456Z"
    }  # fmt: skip
    assert recorded_at.endswith("Z")


async def test_what_is_left_out_or_null_is_null(api: httpx.AsyncClient) -> None:
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


@pytest.mark.parametrize(
    ("before", "expected", "version"),
    [(0, "any", 1), (2, "any", 3), (0, "no_stream", 1), (0, 0, 1), (2, "stream_exists", 3), (2, 2, 3)],
)
async def test_an_expected_version_that_is_met_appends(
    api: httpx.AsyncClient, before: int, expected: int | str, version: int
) -> None:
    for _ in range(before):
        await append(api)
    answer = await append(api, expected_version=expected)
    assert (answer.status_code, answer.json()["version"]) == (201, version)


@pytest.mark.parametrize(
    ("before", "expected", "named"),
    [
        (1, "no_stream", 0),
        (1, 0, 0),
        (0, "stream_exists", "stream_exists"),
        (0, 1, 1),
        (2, 1, 1),
        (2, 2**63 - 1, 2**63 - 1),
    ],
)
async def test_an_expected_version_that_is_not_met_is_a_conflict(
    api: httpx.AsyncClient, before: int, expected: int | str, named: int | str
) -> None:
    for _ in range(before):
        await append(api)
    answer = await append(api, expected_version=expected)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "wrong-expected-version"
    assert (problem["expected_version"], problem["current_version"]) == (named, before)
    assert await head(api) == before


async def test_a_retry_with_the_same_ids_returns_the_first_positions(api: httpx.AsyncClient) -> None:
    events = [{"type": "A", "data": {"x": 1, "y": 2}, "id": "a"}, {"type": "B", "data": 1.0, "id": "b"}]
    first = await append(api, expected_version=0, events=events)
    await append(api)
    for expected in ("any", "no_stream", 0, 3, 99):
        again = await append(api, expected_version=expected, events=events)
        assert again.status_code == 200
        assert again.json() == {**first.json(), "replayed": True}
    same = '{"events": [{"data": {"y":2, "x":1}, "type":"A", "id":"a"}, {"id":"b","type":"B","data":10.0e-1}]}'
    assert (await append_text(api, same)).status_code == 200, "an equal JSON value is the same content"
    assert await head(api) == 3


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "A", "data": 2, "id": "a"}],
        [{"type": "B", "data": 1, "id": "a"}],
        [{"type": "A", "data": 1, "id": "a", "agent": "other"}],
        [{"type": "A", "data": 1, "id": "a", "metadata": {"x": 1}}],
        [{"type": "A", "data": 1, "id": "a"}, {"type": "A", "data": 1, "id": "new"}],
        [{"type": "A", "data": 1, "id": "b"}, {"type": "A", "data": 1, "id": "a"}],
    ],
    ids=["data", "type", "agent", "metadata", "overlap", "order"],
)
async def test_a_known_id_with_other_content_is_a_conflict(api: httpx.AsyncClient, events: list[Any]) -> None:
    await append(api, events=[{"type": "A", "data": 1, "id": "a"}, {"type": "A", "data": 1, "id": "b"}])
    answer = await append(api, events=events)
    assert (answer.status_code, answer.json()["code"]) == (409, "id-conflict")
    assert await head(api) == 2


async def test_a_known_id_in_another_stream_is_a_conflict(api: httpx.AsyncClient) -> None:
    events = [{"type": "A", "data": 1, "id": "a"}]
    await append(api, "one", events=events)
    assert (await append(api, "two", events=events)).json()["code"] == "id-conflict"


async def test_an_idempotency_key_makes_a_retry_safe(api: httpx.AsyncClient) -> None:
    events = [{"type": "A", "data": 1}]
    first = await append(api, events=events, idempotency_key="router:1:1")
    again = await append(api, events=events, idempotency_key="router:1:1", expected_version=77)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "replayed": True}
    other = await append(api, events=[{"type": "A", "data": 2}], idempotency_key="router:1:1")
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    elsewhere = await append(api, "other", events=events, idempotency_key="router:1:1")
    assert elsewhere.json()["code"] == "key-reused"
    assert await head(api) == 1


async def test_a_conflict_never_uses_up_a_key(api: httpx.AsyncClient) -> None:
    assert (await append(api, idempotency_key="k", expected_version=5)).status_code == 409
    assert (await append(api, idempotency_key="k", events=[{"type": "other", "data": 0}])).status_code == 201


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("events", {"events": []}),
        ("events", {}),
        ("events", {"events": {}}),
        ("body", []),
        ("unknown", {"events": [EVENT], "unknown": 1}),
        ("stream", {"events": [EVENT], "stream": "x"}),
        ("events[0].unknown", {"events": [{**EVENT, "unknown": 1}]}),
        ("events[0].data", {"events": [{"type": "A"}]}),
        ("events[0].type", {"events": [{"data": 1}]}),
        ("events[1].type", {"events": [EVENT, {"type": 5, "data": 1}]}),
        ("events[0].type", {"events": [{**EVENT, "type": ""}]}),
        ("events[0].type", {"events": [{**EVENT, "type": "x" * 201}]}),
        ("events[0].type", {"events": [{**EVENT, "type": "a\u0085b"}]}),
        ("events[0].type", {"events": [{**EVENT, "type": None}]}),
        ("events[0].id", {"events": [{**EVENT, "id": ""}]}),
        ("events[0].id", {"events": [{**EVENT, "id": "x" * 201}]}),
        ("events[0].id", {"events": [{**EVENT, "id": 7}]}),
        ("events[0].agent", {"events": [{**EVENT, "agent": "a\nb"}]}),
        ("events[0].agent", {"events": [{**EVENT, "agent": "x" * 201}]}),
        ("events[0].correlation_id", {"events": [{**EVENT, "correlation_id": ""}]}),
        ("events[0].causation_id", {"events": [{**EVENT, "causation_id": "\x00"}]}),
        ("events[0].schema_version", {"events": [{**EVENT, "schema_version": 0}]}),
        ("events[0].schema_version", {"events": [{**EVENT, "schema_version": 2**31}]}),
        ("events[0].schema_version", {"events": [{**EVENT, "schema_version": 1.5}]}),
        ("events[0].schema_version", {"events": [{**EVENT, "schema_version": None}]}),
        ("events[0].metadata", {"events": [{**EVENT, "metadata": []}]}),
        ("events[0].metadata", {"events": [{**EVENT, "metadata": None}]}),
        ("events[0].data", {"events": [{**EVENT, "data": "a\x00b"}]}),
        ("events[0].metadata", {"events": [{**EVENT, "metadata": {"a\x00": 1}}]}),
        ("events", {"events": [{**EVENT, "id": "a"}, {**EVENT, "id": "a"}]}),
        ("expected_version", {"events": [EVENT], "expected_version": -1}),
        ("expected_version", {"events": [EVENT], "expected_version": 2**63}),
        ("expected_version", {"events": [EVENT], "expected_version": "some"}),
        ("expected_version", {"events": [EVENT], "expected_version": True}),
        ("expected_version", {"events": [EVENT], "expected_version": 1.5}),
        ("idempotency_key", {"events": [EVENT], "idempotency_key": ""}),
        ("idempotency_key", {"events": [EVENT], "idempotency_key": "x" * 201}),
        ("read_position", {"events": [EVENT], "read_position": -1}),
        ("read_position", {"events": [EVENT], "read_position": 2**63}),
    ],
)
async def test_a_bad_field_is_named_and_nothing_is_written(api: httpx.AsyncClient, field: str, body: Any) -> None:
    answer = await api.post("/api/streams/order-1/events", json=body)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert (problem["code"], problem["field"]) == ("invalid", field)
    assert field in problem["detail"] or field == "body"
    assert await head(api) == 0


async def test_a_byte_order_mark_before_a_body_is_skipped(api: httpx.AsyncClient) -> None:
    body = b'\xef\xbb\xbf{"events": [{"type": "A", "data": 1}]}'
    answer = await api.post("/api/streams/s-1/events", content=body)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
async def test_a_body_in_another_encoding_is_refused_by_name(api: httpx.AsyncClient, encoding: str) -> None:
    body = '{"events": [{"type": "A", "data": 1}]}'.encode(encoding)
    answer = await api.post("/api/streams/s-1/events", content=body)
    assert answer.status_code == 422
    assert answer.json()["detail"] == f"The body is in {encoding[:6].upper()}; only UTF-8 can be read."


@pytest.mark.parametrize(
    ("status", "field", "body"),
    [
        (422, "body", ""),
        (422, "body", "nonsense"),
        (422, "body", '{"events": ['),
        (422, "body", '{"events": [{"type": "A", "data": 1}]} {}'),
        (422, "body", b'{"events": [{"type": "\xff", "data": 1}]}'),
        (422, "body", '{"events": [{"type": "\\ud800", "data": 1}]}'),
        (422, "events[0].data", b'{"events": [{"type": "A", "data": "\xff"}]}'),
        (422, "events[0].data", b'{"events": [{"type": "A", "data": "\xed\xa0\x80"}]}'),
        (422, "body", '{"events": [{"type": "A", "data": "\\ud800"}]}'),
        (422, "body", '{"events": [{"type": "A", "data": {"\\udfff": 1}}]}'),
        (422, "events[0].data", '{"events": [{"type": "A", "data": {"a": 1, "a": 2}}]}'),
        (422, "b", '{"events": [{"type": "A", "data": {"a": "\\u003a", "x": {"b": 1, "\\u0062": 2}}}]}'),
        (422, "events[0].metadata", '{"events": [{"type": "A", "data": 1, "metadata": {"a": 1, "a": 2}}]}'),
        (422, "type", '{"events": [{"type": "A", "type": "B", "data": 1}]}'),
        (422, "type", '{"events": [{"type": "A", "type": "B\\u003aC", "data": 1}]}'),
        (422, "events", '{"events": [{"type": "A", "data": 1}], "events": [{"type": "B", "data": 1}]}'),
        (422, "data", '{"events": [{"type": "A", "data": 1, "data": 1}]}'),
        (422, "body", '{"events": [{"type": "A", "data": NaN}]}'),
        (422, "body", '{"events": [{"type": "A", "data": [Infinity]}]}'),
        (422, "body", '{"events": [{"type": "A", "data": -Infinity}]}'),
        (422, "body", '{"events": [{"type": "A", "data": 01}]}'),
        (422, "events[0].data", '{"events": [{"type": "A", "data": ' + "[" * 101 + "]" * 101 + "}]}"),
        (422, "body", '{"events": [{"type": "A", "data": ' + "[" * 90_000 + "]" * 90_000 + "}]}"),
        (422, "body", "[" * 90_000),
    ],
)  # fmt: skip
async def test_what_is_no_sound_json_is_refused_and_nothing_is_written(
    api: httpx.AsyncClient, status: int, field: str, body: str | bytes
) -> None:
    answer = await append_text(api, body)
    assert answer.status_code == status, answer.text
    assert (answer.json()["code"], answer.json()["field"]) == ("invalid", field), answer.text
    assert await head(api) == 0


async def test_a_depth_of_one_hundred_is_taken(api: httpx.AsyncClient) -> None:
    assert (
        await append_text(api, '{"events": [{"type": "A", "data": ' + "[" * 100 + "]" * 100 + "}]}")
    ).status_code == 201


NUMBERS = [
    str(2**80), "0.12345678901234567890", "-0.1", "1e400", "1e-400", "1e1000", "9" * 1000, "0." + "1" * 999,
    "123456789.123456789", "1.0", "0.1e-1000",
]  # fmt: skip


async def test_numbers_come_back_exactly(api: httpx.AsyncClient) -> None:
    assert (
        await append_text(api, '{"events": [{"type": "A", "data": [' + ",".join(NUMBERS) + "]}]}")
    ).status_code == 201
    for path in ("/api/events/1", "/api/events", "/api/streams/order-1/events"):
        body = json.loads((await api.get(path)).content, parse_float=Decimal)
        event = body if path.endswith("1") else body["events"][0]
        assert event["data"] == [Decimal(number) for number in NUMBERS]


@pytest.mark.parametrize("number", ["1e1001", "1e-1001", "1E131071", "9" * 1001, "0." + "1" * 1000, "1e" + "9" * 5000])
async def test_a_number_too_large_is_named_as_such(api: httpx.AsyncClient, number: str) -> None:
    answer = await append_text(api, '{"events": [{"type": "A", "data": [' + number + "]}]}")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "number-too-large")
    assert (problem["field"], problem["limit"]) == ("events[0].data", 1000)
    assert await head(api) == 0


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31t12:00:00z", "2026-01-31T12:00:00Z"),
        ("2026-01-31 12:00:00+00:00", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00.5-05:30", "2026-01-31T17:30:00.500000Z"),
        ("2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123456Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
    ],
)
async def test_an_agents_time_is_kept_to_the_microsecond(api: httpx.AsyncClient, sent: str, kept: str) -> None:
    answer = await append(api, events=[{"type": "A", "data": 1, "occurred_at": sent}])
    assert answer.status_code == 201, answer.text
    assert (await api.get("/api/events/1")).json()["occurred_at"] == kept


@pytest.mark.parametrize(
    "sent",
    [
        "2026-01-31T12:00:00", "2026-01-31", "yesterday", "", "2026-02-30T00:00:00Z", "2026-01-31T25:00:00Z",
        "10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
        "2026-01-31T12:00:00+25:00", "2026-01-31T12:00:60Z", "٢٠٢٦-01-31T12:00:00Z", "infinity",
    ],
)  # fmt: skip
async def test_a_time_without_a_zone_or_out_of_range_is_refused(api: httpx.AsyncClient, sent: str) -> None:
    answer = await append(api, events=[{"type": "A", "data": 1, "occurred_at": sent}])
    assert (answer.status_code, answer.json().get("field")) == (422, "events[0].occurred_at")
    assert await head(api) == 0


@pytest.mark.parametrize(
    "stream",
    [
        "order-1", "a/b", "a/b/events/c", "/", "//", "a#b?c", "a b", "100%", "%2F", "(-> X)", "Ünïcode-😀", "events",
        "...", ".hidden", "a..b", "x" * 200, "😀" * 200, "a+b&c=d", '"quoted"', "\\", "a;b,c:d@e",
    ],
)  # fmt: skip
async def test_a_name_of_any_shape_works_in_a_path(api: httpx.AsyncClient, stream: str) -> None:
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
async def test_a_name_that_a_url_could_not_carry_is_refused(api: httpx.AsyncClient, stream: str) -> None:
    encoded = quote(stream, safe="").replace(".", "%2E")
    answer = await api.post(f"/api/streams/{encoded}/events", json={"events": [EVENT]})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "invalid", "stream")
    many = await api.post("/api/events", json={"appends": [{"stream": stream, "events": [EVENT]}], "atomic": True})
    assert (many.status_code, many.json()["field"]) == (422, "appends[0].stream")
    assert await head(api) == 0


@pytest.mark.parametrize("name", ["type", "id", "agent", "correlation_id", "causation_id"])
async def test_a_name_may_have_two_hundred_characters(api: httpx.AsyncClient, name: str) -> None:
    event = {"type": "A", "data": 1, name: "é" * 200}
    assert (await append(api, events=[event])).status_code == 201
    assert (await api.get("/api/events/1")).json()[name] == "é" * 200


@pytest.mark.parametrize("part", ["data", "metadata"])
async def test_a_payload_may_have_one_mebibyte(api: httpx.AsyncClient, part: str) -> None:
    frame = len(b'{"x":""}')
    for extra, status in ((0, 201), (1, 413)):
        value = orjson.dumps({"x": "é" * 100 + "x" * (MIB - frame - 200 + extra)}).decode()
        assert len(value.encode()) == MIB + extra
        event = {"type": '"A"', "data": "1", part: value}
        body = '{"events": [{' + ",".join(f'"{key}": {text}' for key, text in event.items()) + "}]}"
        answer = await append_text(api, body.encode())
        assert answer.status_code == status, answer.text[:200]
    problem = answer.json()
    assert (problem["code"], problem["field"], problem["limit"]) == ("too-large", f"events[0].{part}", MIB)
    assert await head(api) == 1


async def test_an_append_may_have_ten_thousand_events(api: httpx.AsyncClient) -> None:
    answer = await append(api, events=[EVENT] * 10_001)
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (413, "too-large", 10_000)
    answer = await append(api, events=[EVENT] * 10_000)
    assert (answer.status_code, answer.json()["last_position"]) == (201, 10_000)


async def pieces(size: int) -> AsyncIterator[bytes]:
    sent = b'{"events": [{"type": "A", "data": 1}]}'
    yield sent
    left = size - len(sent)
    while left:
        piece = min(left, MIB)
        yield b" " * piece
        left -= piece


@pytest.mark.parametrize("with_length", [True, False])
async def test_a_request_may_have_sixteen_mebibytes(api: httpx.AsyncClient, with_length: bool) -> None:
    for size, status in ((16 * MIB, 201), (16 * MIB + 1, 413)):
        headers = {"Content-Length": str(size)} if with_length else {}
        answer = await api.post("/api/streams/order-1/events", content=pieces(size), headers=headers)
        assert answer.status_code == status, answer.text
    assert answer.json()["limit"] == 16 * MIB
    assert await head(api) == 1


async def test_limits_are_settings(api: httpx.AsyncClient, settings: Settings) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, event_max_bytes=10, request_max_events=2, name_max_length=9)
    answer = await append(api, events=[{"type": "A", "data": "x" * 9}])
    assert (answer.status_code, answer.json()["limit"]) == (413, 10)
    assert (await append(api, events=[EVENT] * 3)).json()["limit"] == 2
    assert (await append(api, "x" * 10)).json()["limit"] == 9


async def test_the_content_type_need_not_be_said(api: httpx.AsyncClient) -> None:
    for content_type in ("application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"):
        answer = await api.post(
            "/api/streams/order-1/events",
            content='{"events": [{"type": "A", "data": 1}]}',
            headers={"Content-Type": content_type},
        )
        assert answer.status_code == 201
