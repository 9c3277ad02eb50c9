"""No answer of the API tells a right guess of a redacted secret from a wrong one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async

from events import redaction
from events.models import Log
from tests.support.api import append, follow, page, until_followed, write

PIN, WRONG = "4711", "0815"


def charged(pin: str, **fields: Any) -> dict[str, Any]:
    return {"type": "Charged", "data": {"pin": pin}, "metadata": {"pin": pin}, **fields}


def fresh(pin: str) -> dict[str, Any]:
    return {"type": "Charged", "id": f"new-{pin}", "data": 1}


def told(answer: httpx2.Response) -> tuple[int, str]:
    """What an answer tells, apart from ids and positions: each guess writes an event of its own."""
    return answer.status_code, re.sub("[0-9]+", "", answer.text)


PLAIN = {"type": "Charged", "id": "plain", "data": 1}
BODIES: dict[str, Callable[[str], dict[str, Any]]] = {
    "an id": lambda pin: {"events": [charged(pin, id="one")]},
    "an id, with tags": lambda pin: {"events": [charged(pin, id="tagged", tags=["a", "b"])]},
    "an id, with other tags": lambda pin: {"events": [charged(pin, id="tagged", tags=["c"])]},
    "an id, in a workflow": lambda pin: {"events": [charged(pin, id="one", correlation_id="w", agent="ada")]},
    "an id and a new one": lambda pin: {"events": [charged(pin, id="one"), charged(pin, id="new")]},
    "a key": lambda pin: {"events": [charged(pin)], "idempotency_key": "k-1"},
    "a key and other ids": lambda pin: {"events": [charged(pin, id="other")], "idempotency_key": "k-1"},
    "a key of several": lambda pin: {"events": [charged(pin), PLAIN], "idempotency_key": "k-2"},
    "several ids": lambda pin: {"events": [charged(pin, id="several"), PLAIN]},
    "another type": lambda pin: {"events": [charged(pin, id="one") | {"type": "Other"}]},
    "an expected version": lambda pin: {"events": [charged(pin, id="one")], "expected_version": 9},
    "a condition that is met": lambda pin: {"events": [fresh(pin)], "if": [{"q": f"data.pin:{pin}", "none_after": 0}]},
    "a text in a condition": lambda pin: {"events": [fresh(pin)], "if": [{"q": f'"{pin}"', "none_after": 0}]},
    "a condition that is not met": lambda pin: {
        "events": [fresh(pin)],
        "if": [{"q": f"data.pin:{pin} OR type:Charged", "none_after": 0}],
    },
}
QUERIES = ("data.pin:{}", "metadata.pin:{}", '"{}"', "data.pin>={} data.pin<={}", "data.pin:*{}*", "-data.pin:{}")


@pytest.fixture
async def redacted(api: httpx2.AsyncClient, log: Log) -> None:
    """A log whose secrets were redacted; its head is at 9."""
    secrets: list[dict[str, Any]] = [
        {"events": [charged(PIN, id="one")]},
        {"events": [charged(PIN, id="tagged", tags=["b", "a"])]},
        {"events": [charged(PIN, id="by-key")], "idempotency_key": "k-1"},
        {"events": [charged(PIN, id="several"), PLAIN], "idempotency_key": "k-2"},
    ]
    for body in secrets:
        assert (await append(api, **body)).status_code == 201
    for position in (1, 2, 3, 4):
        await sync_to_async(redaction.redact)(log.pk, position, reason="a pin", by="ada")


@pytest.mark.usefixtures("redacted")
@pytest.mark.parametrize("way", BODIES)
async def test_an_append_is_answered_the_same_whatever_it_guesses(api: httpx2.AsyncClient, way: str) -> None:
    right, wrong = [told(await append(api, **BODIES[way](pin))) for pin in (PIN, WRONG)]
    assert right == wrong


@pytest.mark.usefixtures("redacted")
@pytest.mark.parametrize("way", ["an id", "a key", "a key of several", "several ids"])
async def test_a_batch_is_answered_the_same_whatever_it_guesses(api: httpx2.AsyncClient, way: str) -> None:
    bodies = [{"appends": [{"stream": "order-1", **BODIES[way](pin)}]} for pin in (PIN, WRONG)]
    right, wrong = [await api.post("/api/events", json=body) for body in bodies]
    assert (right.status_code, wrong.status_code) == (200, 200)
    assert right.json() == wrong.json()


@pytest.mark.usefixtures("redacted")
@pytest.mark.parametrize("query", QUERIES)
async def test_a_query_finds_the_same_whatever_it_guesses(api: httpx2.AsyncClient, query: str) -> None:
    right, wrong = [await page(api, q=query.format(*[pin] * 2)) for pin in (PIN, WRONG)]
    assert right == wrong


@pytest.mark.usefixtures("redacted")
async def test_a_long_poll_ends_the_same_whatever_it_guesses(api: httpx2.AsyncClient) -> None:
    right, wrong = [await page(api, q=f"data.pin:{pin}", wait=0.1) for pin in (PIN, WRONG)]
    assert right == wrong
    assert right["events"] == []


@pytest.mark.usefixtures("redacted")
async def test_an_event_stream_sends_the_same_whatever_it_guesses(
    api: httpx2.AsyncClient, log: Log, token: str
) -> None:
    await write(log, {"type": "End"})
    for pin in (PIN, WRONG):
        async with follow(token, f"after=0&q=data.pin:{pin}%20OR%20type:End") as events:
            [event] = await events.events(1)
            assert event["id"] == "10"


async def test_a_follower_that_saw_the_secret_does_not_help_one_that_guesses(
    api: httpx2.AsyncClient, log: Log, token: str
) -> None:
    async with follow(token, "after=0") as witness:
        await until_followed()
        await append(api, events=[charged(PIN, id="one")])
        assert PIN in str(await witness.events(1))
        await sync_to_async(redaction.redact)(log.pk, 1, reason="a pin", by="ada")
        assert "event.redacted" in str(await witness.events(1))
        await write(log, {"type": "End"})
        for pin in (PIN, WRONG):
            async with follow(token, f"after=0&q=data.pin:{pin}%20OR%20type:End") as events:
                [event] = await events.events(1)
                assert event["id"] == "3"
