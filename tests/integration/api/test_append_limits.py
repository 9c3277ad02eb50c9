"""The limits of an append: bytes of a payload, events, bytes of a request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import orjson
import pytest
from pytest_django import Settings

from tests.support.api import EVENT, append, append_text, head

MIB = 1024 * 1024


@pytest.mark.parametrize("part", ["data", "metadata"])
async def test_a_payload_may_have_one_mebibyte(api: httpx2.AsyncClient, part: str) -> None:
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


async def test_an_append_may_have_ten_thousand_events(api: httpx2.AsyncClient) -> None:
    answer = await append(api, events=[EVENT] * 10_001)
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (413, "too-large", 10_000)
    answer = await append(api, events=[EVENT] * 10_000)
    assert (answer.status_code, answer.json()["last_position"]) == (201, 10_000)


async def pieces(size: int) -> AsyncIterator[bytes]:
    body = b'{"events": [{"type": "A", "data": 1}]}'
    yield body
    bytes_left = size - len(body)
    while bytes_left:
        piece = min(bytes_left, MIB)
        yield b" " * piece
        bytes_left -= piece


@pytest.mark.parametrize("with_length", [True, False])
async def test_a_request_may_have_sixteen_mebibytes(api: httpx2.AsyncClient, with_length: bool) -> None:
    for size, status in ((16 * MIB, 201), (16 * MIB + 1, 413)):
        headers = {"Content-Length": str(size)} if with_length else {}
        answer = await api.post("/api/streams/order-1/events", content=pieces(size), headers=headers)
        assert answer.status_code == status, answer.text
    assert answer.json()["limit"] == 16 * MIB
    assert await head(api) == 1


async def test_limits_are_settings(api: httpx2.AsyncClient, settings: Settings) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, event_max_bytes=10, request_max_events=2, name_max_length=9)
    answer = await append(api, events=[{"type": "A", "data": "x" * 9}])
    assert (answer.status_code, answer.json()["limit"]) == (413, 10)
    assert (await append(api, events=[EVENT] * 3)).json()["limit"] == 2
    assert (await append(api, "x" * 10)).json()["limit"] == 9
