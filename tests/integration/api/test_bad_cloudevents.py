"""CloudEvents that are not valid are refused, each by itself, with the reason."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.support.api import BATCHED, BINARY, cloud_event, head
from tests.support.cloudevents import send


@pytest.mark.parametrize("header", ["%FF", "%C0%A0", "%ED%A0%80", "caf%C3", "%E9t%E9"])
async def test_a_header_that_is_not_valid_utf8_is_refused(api: httpx2.AsyncClient, header: str) -> None:
    answer = await send(api, "", {**BINARY, "ce-subject": header})
    assert (answer.status_code, answer.json()["field"]) == (422, "event.subject")
    assert await head(api) == 0


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
        ("event.data_base64", {"data_base64": "/w==", "datacontenttype": "text/plain"}),
        ("event.data", {"data_base64": "/w==", "datacontenttype": "application/json"}),
        ("event.datacontenttype", {"datacontenttype": 5}),
        ("event.readposition", {"readposition": "-1"}),
        ("event.readposition", {"readposition": -1}),
        ("event.readposition", {"readposition": True}),
        ("event.readposition", {"readposition": "late"}),
        ("event.expectedversion", {"expectedversion": -1}),
        ("event.expectedversion", {"expectedversion": "sometimes"}),
        ("event.expectedversion", {"expectedversion": True}),
        ("event.idempotencykey", {"idempotencykey": 5}),
        ("event.idempotencykey", {"idempotencykey": "a\x07"}),
        ("event.data_base64", {"data_base64": "not base64!"}),
        ("event.data_base64", {"data_base64": "AP8=", "data": 1}),
        ("event.metadata", {"extension": "a\x00b"}),
        ("event.data", {"data": "a\x00b"}),
    ],
)
async def test_a_bad_event_is_refused_and_names_the_attribute(
    api: httpx2.AsyncClient, field: str, attributes: dict[str, Any]
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
    api: httpx2.AsyncClient, status: int, field: str, headers: dict[str, str], body: bytes
) -> None:
    answer = await send(api, body, {**BINARY, **headers})
    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.text
    assert await head(api) == 0


@pytest.mark.parametrize("body", ["[]", "7", "nonsense", "", '{"specversion": "1.0", "specversion": "1.0"}'])
async def test_a_body_that_is_not_an_event_is_refused(api: httpx2.AsyncClient, body: str) -> None:
    assert (await send(api, body)).status_code == 422
    assert await head(api) == 0


async def test_one_bad_event_of_a_batch_is_refused_alone(api: httpx2.AsyncClient) -> None:
    batch = f"[{json.dumps(cloud_event())}, %s, {json.dumps(cloud_event(id='3'))}]"
    for number, bad in enumerate(
        (b'{"data": NaN}', b'{"data": "\\ud800"}', b'{"data": "\xff"}', b"[" * 5_000 + b"]" * 5_000)
    ):
        answer = await send(api, batch.encode().replace(b"%s", bad), BATCHED)
        assert answer.status_code == 200, answer.text
        statuses = [result["status"] for result in answer.json()["results"]]
        assert statuses == ([201, 422, 201] if number == 0 else [200, 422, 200])


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'[{"id": ', "not valid JSON"),
        (b"{}", "expected `array`"),
        ("[]".encode("utf-16"), "UTF-16"),
    ],
)
async def test_a_body_that_is_not_a_batch_is_refused_whole(api: httpx2.AsyncClient, body: bytes, detail: str) -> None:
    answer = await send(api, body, BATCHED)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    "text", [",".join(f"t{n}" for n in range(17)), "a" * 101, "a,\x07", "a%00", "a%1F,b", "%FF"], ids=ascii
)
async def test_tags_beyond_the_limits_are_refused(api: httpx2.AsyncClient, text: str) -> None:
    answer = await send(api, cloud_event(tags=text))
    assert (answer.status_code, answer.json()["field"].partition("[")[0]) == (422, "event.tags"), answer.text
    assert await head(api) == 0
