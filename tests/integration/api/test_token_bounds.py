"""Tokens that are bound to a prefix of streams, or to an agent."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from events import engine
from events.models import Log
from tests.support import factories
from tests.support.api import EVENT, STREAM
from tests.support.streaming import Exchange


@pytest.fixture
def prefixed(make_token: Callable[..., str]) -> str:
    return make_token(stream_prefix="mine-")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/events/1", 200),
        ("/api/events/2", 404),
        ("/api/streams/mine-1", 200),
        ("/api/streams/mine-1/events", 200),
        ("/api/streams/other-1", 403),
        ("/api/streams/other-1/events", 403),
        ("/api/streams/mine", 403),
        ("/api/events?stream=mine-1", 200),
        ("/api/events?stream=other-1", 403),
        ("/api/streams?prefix=mine-1", 200),
        ("/api/streams?prefix=mi", 200),
        ("/api/streams?prefix=other", 403),
    ],
)
async def test_a_prefix_bounds_every_read(
    anyone: httpx2.AsyncClient, log: Log, prefixed: str, path: str, status: int
) -> None:
    writer = engine.current().writer
    await writer.append(log.pk, [factories.make_append(name) for name in ("mine-1", "other-1", "mine-2")])
    answer = await anyone.get(path, headers={"Authorization": f"Bearer {prefixed}"})
    assert answer.status_code == status, answer.text
    assert "other-1" not in answer.text or status == 403


async def test_a_prefix_bounds_lists_and_streams_of_events(anyone: httpx2.AsyncClient, log: Log, prefixed: str) -> None:
    writer = engine.current().writer
    await writer.append(log.pk, [factories.make_append(name) for name in ("mine-1", "other-1", "mine-2")])
    anyone.headers["Authorization"] = f"Bearer {prefixed}"
    page = (await anyone.get("/api/events")).json()
    assert [event["stream"] for event in page["events"]] == ["mine-1", "mine-2"]
    assert (page["next"], page["head"]) == (3, 3)
    page = (await anyone.get("/api/events?direction=backward&limit=1")).json()
    assert [event["stream"] for event in page["events"]] == ["mine-2"]
    streams = (await anyone.get("/api/streams")).json()["streams"]
    assert [stream["stream"] for stream in streams] == ["mine-1", "mine-2"]
    async with Exchange("GET", "/api/events", token=prefixed, headers={"Accept": "text/event-stream"}) as exchange:
        assert [frame["data"]["stream"] for frame in await exchange.events(2)] == ["mine-1", "mine-2"]


async def test_a_prefix_bounds_every_append(anyone: httpx2.AsyncClient, prefixed: str) -> None:
    anyone.headers["Authorization"] = f"Bearer {prefixed}"
    other = {"stream": "other-1", "events": [EVENT]}
    mine = {"stream": "mine-1", "events": [EVENT]}
    assert (await anyone.post("/api/streams/other-1/events", json={"events": [EVENT]})).status_code == 403
    answer = await anyone.post("/api/events", json={"appends": [mine, other], "atomic": True})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    answer = await anyone.post("/api/events", json={"appends": [mine, other]})
    assert [result["status"] for result in answer.json()["results"]] == [201, 403]
    event = {"specversion": "1.0", "id": "1", "source": "other-1", "type": "A"}
    for media, body, status in (("cloudevents", event, 403), ("cloudevents-batch", [event], 200)):
        answer = await anyone.post("/api/events", json=body, headers={"Content-Type": f"application/{media}+json"})
        assert answer.status_code == status
    assert answer.json()["results"][0]["status"] == 403
    binary = {f"ce-{name}": value for name, value in event.items()}
    assert (await anyone.post("/api/events", headers=binary)).status_code == 403


@pytest.fixture
def pinned(make_token: Callable[..., str]) -> str:
    return make_token(agent="router")


async def test_a_pinned_agent_is_filled_in_and_no_other_is_taken(anyone: httpx2.AsyncClient, pinned: str) -> None:
    anyone.headers["Authorization"] = f"Bearer {pinned}"
    path = f"/api/streams/{STREAM}/events"
    for fields in ({}, {"agent": None}, {"agent": "router"}):
        assert (await anyone.post(path, json={"events": [{**EVENT, **fields}]})).status_code == 201
    answer = await anyone.post(path, json={"events": [EVENT, {**EVENT, "agent": "other"}]})
    assert (answer.status_code, answer.json()["field"]) == (403, "events[1].agent")
    assert {event["agent"] for event in (await anyone.get("/api/events")).json()["events"]} == {"router"}
    cloud_event = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/other", "ce-type": "A"}
    assert (await anyone.post("/api/events", headers=cloud_event)).status_code == 201
    assert (await anyone.get("/api/events/4")).json()["agent"] == "router"


async def test_a_pinned_agent_counts_for_same_content(anyone: httpx2.AsyncClient, pinned: str) -> None:
    anyone.headers["Authorization"] = f"Bearer {pinned}"
    path = f"/api/streams/{STREAM}/events"
    for fields, status in (({}, 201), ({"agent": "router"}, 200)):
        answer = await anyone.post(path, json={"events": [{**EVENT, "id": "1", **fields}]})
        assert answer.status_code == status
