"""Events as the newest schema version: pages, long polls and event streams; and events that can't be upcast."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async

from events import redaction
from events.models import Log
from projections.definition import upcasting
from projections.definition.upcasting import Chains, Upcaster
from tests.support.api import follow, page, until_followed, write
from tests.support.patience import PATIENCE
from tests.support.streaming import Exchange

NEWEST = {"cents": 2**70, "currency": "EUR"}
STORED = {"cents": 2**70}


@pytest.fixture(autouse=True)
def chains() -> Iterator[None]:
    before = upcasting.current()
    upcasting.use(Chains([Upcaster("Placed", 1, 2, lambda data: {"cents": data["cents"], "currency": "EUR"})]))
    yield
    upcasting.use(before)


def placed(data: Any = STORED, *, version: int = 1, **fields: Any) -> dict[str, Any]:
    return {"type": "Placed", "data": json.dumps(data).encode(), "schema_version": version, **fields}


def data_and_version(event: dict[str, Any]) -> tuple[Any, int]:
    return event["data"], event["schema_version"]


async def frames(exchange: Exchange, count: int) -> list[dict[str, Any]]:
    """The first server-sent events that carry data."""
    collected: list[dict[str, Any]] = []
    async for frame in exchange.frames():
        if "data" in frame:
            collected.append(frame)
        if len(collected) == count:
            break
    return collected


async def test_every_way_of_reading_takes_events_as_the_newest_version(api: httpx2.AsyncClient, log: Log) -> None:
    await write(log, placed(), placed(NEWEST, version=2), {"type": "Paid", "schema_version": 7})
    for path in ("/api/events", "/api/streams/order-1/events"):
        for direction in ("forward", "backward"):
            events = (await page(api, path, direction=direction, read_as="newest"))["events"]
            by_position = sorted(events, key=lambda event: event["position"])
            assert [data_and_version(each) for each in by_position] == [(NEWEST, 2), (NEWEST, 2), ({}, 7)]
            as_sent = await page(api, path, direction=direction)
            assert as_sent == await page(api, path, direction=direction, read_as="stored")
            assert (STORED, 1) in map(data_and_version, as_sent["events"])
    assert data_and_version(await page(api, "/api/events/1", read_as="newest")) == (NEWEST, 2)
    assert data_and_version(await page(api, "/api/events/1")) == (STORED, 1)


async def test_a_long_poll_answers_with_the_newest_version(api: httpx2.AsyncClient, log: Log) -> None:
    waiting = asyncio.create_task(page(api, wait=60, read_as="newest"))
    await until_followed()
    await write(log, placed())
    assert [data_and_version(each) for each in (await waiting)["events"]] == [(NEWEST, 2)]


@pytest.mark.parametrize("query", ["", "&q=type:Placed"])
async def test_each_follower_gets_the_version_that_it_asked_for(
    api: httpx2.AsyncClient, log: Log, token: str, query: str
) -> None:
    await write(log, placed())
    async with follow(token, f"read_as=newest{query}") as newest, follow(token, f"read_as=stored{query}") as stored:
        for _ in range(2):
            assert [data_and_version(frame["data"]) for frame in await frames(newest, 1)] == [(NEWEST, 2)]
            assert [data_and_version(frame["data"]) for frame in await frames(stored, 1)] == [(STORED, 1)]
            await write(log, placed())


@pytest.mark.parametrize(
    ("event", "code", "detail"),
    [
        (
            placed(version=9, id="e-9"),
            "schema-too-new",
            "The event 'e-9' of the stream 'order-1' (Placed, position 2) has schema_version 9;"
            " the newest that the upcasters here know is 2.",
        ),
        (placed({"total": 1}, id="e-9"), "upcast-failed", "Placed v1 → v2: KeyError: 'cents'"),
    ],
)
async def test_an_event_that_cannot_be_read_is_a_problem_that_names_it(
    api: httpx2.AsyncClient, log: Log, token: str, event: dict[str, Any], code: str, detail: str
) -> None:
    await write(log, placed(), event, placed())
    fields = {"stream": "order-1", "position": 2, "event": "e-9", "event_type": "Placed", "newest_schema_version": 2}
    for path in ("events", "events/2", "streams/order-1/events"):
        answer = await api.get(f"/api/{path}", params={"read_as": "newest"})
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["detail"]) == (409, code, detail)
        assert problem["type"] == f"urn:eventsite:{code}"
        assert problem | fields | {"schema_version": event["schema_version"]} == problem
        assert (await api.get(f"/api/{path}")).status_code == 200
    assert len((await page(api, before=2, read_as="newest"))["events"]) == 1
    # A follower gets the events before the bad one and then the problem; it does not skip the event silently.
    async with follow(token, "read_as=newest") as exchange:
        first, second = await frames(exchange, 2)
        await asyncio.wait_for(exchange.task, PATIENCE)
    assert (first["id"], data_and_version(first["data"])) == ("1", (NEWEST, 2))
    assert (second["event"], second.get("id"), second["data"]) == ("problem", None, problem)


async def test_a_redacted_event_holds_nobody_up(api: httpx2.AsyncClient, log: Log) -> None:
    await write(log, placed(), placed(version=9))
    for position in (1, 2):
        await sync_to_async(redaction.redact)(log.pk, position, reason="a secret", by="ada")
    events = (await page(api, read_as="newest"))["events"]
    assert [data_and_version(each) for each in events[:2]] == [(None, 1), (None, 9)]


async def test_another_reading_is_refused(api: httpx2.AsyncClient, log: Log) -> None:
    for path in ("events", "events/1", "streams/order-1/events"):
        problem = (await api.get(f"/api/{path}", params={"read_as": "2"})).json()
        assert (problem["status"], problem["field"]) == (422, "read_as")
