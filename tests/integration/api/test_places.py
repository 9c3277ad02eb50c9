"""The requests that one token may have open: one more is refused with a reason, and one that ends makes room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings

from events.access.places import open_streams
from events.api.schemas import Problem
from events.engine import Engine
from events.models import Log
from tests.support.factories import make_append
from tests.support.patience import until
from tests.support.streaming import Exchange

SSE = {"Accept": "text/event-stream"}
NDJSON = {"Content-Type": "application/x-ndjson"}

KINDS: dict[str, dict[str, Any]] = {
    "long poll": {"method": "GET", "query": "wait=60"},
    "event stream": {"method": "GET", "headers": SSE},
    "upload": {"method": "POST", "headers": NDJSON, "body": [b"\n"], "unfinished": True},
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def two_streams(settings: Settings) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, token_max_streams=2)


def open_request(kind: str, token: str) -> Exchange:
    options = dict(KINDS[kind])
    return Exchange(options.pop("method"), "/api/events", token=token, **options)


async def until_taken(number: int) -> None:
    await until(lambda: open_streams._counts.total() == number)


@each_kind
async def test_one_more_than_may_be_open_is_refused_in_words(engine: Engine, token: str, kind: str) -> None:
    async with open_request("event stream", token), open_request("long poll", token):
        await until_taken(2)
        async with open_request(kind, token) as third:
            problem = await third.answer()
    assert (third.status, problem["code"], problem["limit"]) == (429, "too-many-streams", 2)
    assert third.headers["content-type"] == "application/problem+json"
    assert third.headers["retry-after"] == "5"
    assert problem["detail"].startswith("You have 2 streams, long polls and uploads open")
    assert set(Problem.__struct_fields__) <= problem.keys()


@each_kind
async def test_a_request_that_ends_makes_room(engine: Engine, token: str, kind: str) -> None:
    async with open_request(kind, token), open_request(kind, token):
        await until_taken(2)
    await until_taken(0)
    async with open_request(kind, token) as again:
        await until_taken(1)
        assert not again.task.done()


async def test_each_token_has_its_own(engine: Engine, log: Log, token: str, make_token: Callable[..., str]) -> None:
    other = await sync_to_async(make_token)()
    async with (
        open_request("long poll", token),
        open_request("long poll", token),
        open_request("long poll", other) as third,
    ):
        await until_taken(3)
        await engine.writer.append(log.pk, [make_append()])
        assert len((await third.answer())["events"]) == 1


async def test_a_request_that_does_not_stay_open_is_not_counted(api: httpx2.AsyncClient, token: str) -> None:
    async with open_request("event stream", token), open_request("event stream", token):
        await until_taken(2)
        body = {"events": [{"type": "A", "data": 1}]}
        appends = [api.post("/api/streams/a-1/events", json=body) for _ in range(5)]
        assert {answer.status_code for answer in await asyncio.gather(*appends)} == {201}
        assert len((await api.get("/api/events")).json()["events"]) == 5
