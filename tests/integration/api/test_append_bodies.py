"""Bodies of appends that are refused: bad fields, bad JSON, numbers and times out of range."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.support.api import EVENT, append, append_text, head


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
async def test_a_bad_field_is_named_and_nothing_is_written(api: httpx2.AsyncClient, field: str, body: Any) -> None:
    answer = await api.post("/api/streams/order-1/events", json=body)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert (problem["code"], problem["field"]) == ("invalid", field)
    assert field in problem["detail"] or field == "body"
    assert await head(api) == 0


async def test_a_byte_order_mark_before_a_body_is_skipped(api: httpx2.AsyncClient) -> None:
    body = b'\xef\xbb\xbf{"events": [{"type": "A", "data": 1}]}'
    answer = await api.post("/api/streams/s-1/events", content=body)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
async def test_a_body_in_another_encoding_is_refused_by_name(api: httpx2.AsyncClient, encoding: str) -> None:
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
async def test_unsound_json_is_refused_and_nothing_is_written(
    api: httpx2.AsyncClient, status: int, field: str, body: str | bytes
) -> None:
    answer = await append_text(api, body)
    assert answer.status_code == status, answer.text
    assert (answer.json()["code"], answer.json()["field"]) == ("invalid", field), answer.text
    assert await head(api) == 0


async def test_a_depth_of_one_hundred_is_taken(api: httpx2.AsyncClient) -> None:
    assert (
        await append_text(api, '{"events": [{"type": "A", "data": ' + "[" * 100 + "]" * 100 + "}]}")
    ).status_code == 201


@pytest.mark.parametrize("number", ["1e1001", "1e-1001", "1E131071", "9" * 1001, "0." + "1" * 1000, "1e" + "9" * 5000])
async def test_a_number_too_large_is_named_as_such(api: httpx2.AsyncClient, number: str) -> None:
    answer = await append_text(api, '{"events": [{"type": "A", "data": [' + number + "]}]}")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "number-too-large")
    assert (problem["field"], problem["limit"]) == ("events[0].data", 1000)
    assert await head(api) == 0


@pytest.mark.parametrize(
    ("sent_time", "stored_time"),
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
async def test_an_agents_time_is_kept_to_the_microsecond(
    api: httpx2.AsyncClient, sent_time: str, stored_time: str
) -> None:
    answer = await append(api, events=[{"type": "A", "data": 1, "occurred_at": sent_time}])
    assert answer.status_code == 201, answer.text
    assert (await api.get("/api/events/1")).json()["occurred_at"] == stored_time


@pytest.mark.parametrize(
    "sent_time",
    [
        "2026-01-31T12:00:00", "2026-01-31", "yesterday", "", "2026-02-30T00:00:00Z", "2026-01-31T25:00:00Z",
        "10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
        "2026-01-31T12:00:00+25:00", "2026-01-31T12:00:60Z", "٢٠٢٦-01-31T12:00:00Z", "infinity",
    ],
)  # fmt: skip
async def test_a_time_without_a_zone_or_out_of_range_is_refused(api: httpx2.AsyncClient, sent_time: str) -> None:
    answer = await append(api, events=[{"type": "A", "data": 1, "occurred_at": sent_time}])
    assert (answer.status_code, answer.json().get("field")) == (422, "events[0].occurred_at")
    assert await head(api) == 0
