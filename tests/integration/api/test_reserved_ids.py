"""Ids that the server makes from facts are reserved: nobody can append an event with such an id first."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async

from events import engine
from events.leases.leasing import _NAMESPACE
from events.models import Log
from events.reading import store
from events.redaction import redact
from events.types import Event
from tests.support.api import NDJSON, STRUCTURED, append, cloud_event, line
from tests.support.leases import acquire

WORK = "/api/subscriptions/work"


@pytest.fixture
def token(make_token: Callable[..., str]) -> str:
    """The token of `api`: it makes subscriptions, too."""
    return make_token()


@pytest.fixture
async def delivery(api: httpx2.AsyncClient) -> str:
    """The id of a delivery: of the first event of order-1."""
    await api.put(WORK, json={"q": "type:Placed", "max_attempts": 1})
    await append(api)
    return await take(api)


async def take(api: httpx2.AsyncClient) -> str:
    answer = await api.post(f"{WORK}/take", json={"consumer": "one", "wait": 0})
    [delivery] = answer.json()["deliveries"]
    return str(delivery["delivery"])


def named(id: str) -> dict[str, Any]:
    return {"id": id, "type": "Packed", "data": {}}


def settles(delivery: str) -> list[dict[str, str]]:
    return [{"subscription": "work", "delivery": delivery}]


def given(delivery: str, index: int = 0) -> str:
    """The id that an event gets from a delivery."""
    return f"{delivery.rpartition('-')[0]}-{index}"


def refused(answer: httpx2.Response, field: str) -> bool:
    problem = answer.json()
    return (answer.status_code, problem["code"], problem["field"]) == (422, "invalid", field)


async def events(log: Log, stream: str) -> list[Event]:
    found = await sync_to_async(store.events(log.pk, limit=1_000).fetch)()
    return [event for event in found if event.stream == stream]


@pytest.mark.parametrize("id", ["eventsite-x", "eventsite-", "17.1-4-0", "1234567890.12-123456789012-9999"])
async def test_a_reserved_id_is_refused_wherever_a_client_names_ids(api: httpx2.AsyncClient, id: str) -> None:
    assert refused(await append(api, events=[named("a"), named(id)]), "events[1].id")
    several = {"appends": [{"stream": "box-1", "events": [named(id)]}]}
    [result] = (await api.post("/api/events", json=several)).json()["results"]
    assert (result["status"], result["body"]["field"]) == (422, "appends[0].events[0].id")
    assert refused(await api.post("/api/events", json=several | {"atomic": True}), "appends[0].events[0].id")
    bulk = (await api.post("/api/events", content=line(1, id=id) + b"\n" + line(2, id="b"), headers=NDJSON)).json()
    assert (bulk["appended"], [error["line"] for error in bulk["errors"]]) == (1, [1])


@pytest.mark.parametrize(
    "id", ["Eventsite-x", "my-eventsite-x", "17.1-4", "17.1-4-0-1", "a17.1-4-0", "17-1-4-0", "1.5"]
)
async def test_other_ids_are_free(api: httpx2.AsyncClient, id: str) -> None:
    assert (await append(api, events=[named(id)])).status_code == 201


async def test_the_id_of_a_cloudevent_names_nothing_by_itself(api: httpx2.AsyncClient) -> None:
    answer = await api.post("/api/events", json=cloud_event(id="eventsite-x"), headers=STRUCTURED)
    assert answer.status_code == 201, answer.text
    assert not answer.json()["events"][0]["id"].startswith("eventsite-")


async def test_only_the_append_that_settles_a_delivery_names_its_ids(api: httpx2.AsyncClient, delivery: str) -> None:
    other = delivery.replace("-", "-9", 1)
    assert refused(await append(api, "box-1", events=[named(given(delivery))]), "events[0].id")
    assert refused(await append(api, "box-1", events=[named(given(other))], settles=settles(delivery)), "events[0].id")
    first = await append(api, "box-1", events=[named(given(delivery))], settles=settles(delivery))
    assert first.status_code == 201, first.text
    again = await append(api, "box-1", events=[{"type": "Packed", "data": {}}], settles=settles(delivery))
    assert (again.status_code, again.json()["replayed"]) == (200, True)


async def test_an_atomic_request_and_a_line_name_the_ids_of_the_delivery(
    api: httpx2.AsyncClient, delivery: str
) -> None:
    appends = [{"stream": f"box-{n}", "events": [named(given(delivery, n))]} for n in range(2)]
    body = {"atomic": True, "appends": appends, "settles": settles(delivery)}
    answer = await api.post("/api/events", json=body)
    assert [result["status"] for result in answer.json()["results"]] == [201, 201]
    await append(api)
    second = await take(api)
    text = line(1, id=given(second), settles=settles(second))
    assert (await api.post("/api/events", content=text, headers=NDJSON)).json()["appended"] == 1


async def test_nobody_keeps_the_end_of_a_delivery_out_of_the_log(
    api: httpx2.AsyncClient, delivery: str, log: Log
) -> None:
    number, position = delivery.partition(".")[0], delivery.split("-")[1]
    name = f"dead-letter-{number}-{position}-1"
    assert refused(await append(api, "box-1", events=[named(f"eventsite-{name}")]), "events[0].id")
    assert (await append(api, "box-1", events=[named(name)])).status_code == 201
    poison = {"delivery": delivery, "outcome": "poison", "error": {"type": "Boom"}}
    settled = await api.post(f"{WORK}/settle", json={"consumer": "one", "settlements": [poison]})
    assert settled.json()["results"][0]["result"] == "settled", settled.text
    await engine.current().announcer.announce()
    ids = [event.id for event in await events(log, "eventsite-subscription-work") if event.type == "EventFailed"]
    assert ids == [f"eventsite-{name}"]


async def test_nobody_takes_the_id_of_a_lease(api: httpx2.AsyncClient, log: Log) -> None:
    name = str(uuid.uuid5(_NAMESPACE, "workflow:run-1\nplanner\nr"))
    assert refused(await append(api, events=[named(f"eventsite-{name}")]), "events[0].id")
    await append(api, events=[named(name)])
    first = await acquire(api, request="r")
    again = await acquire(api, request="r")
    assert (first.status_code, again.status_code, again.json()["token"]) == (201, 200, first.json()["token"])
    assert [event.id for event in await events(log, "eventsite-leases")] == [f"eventsite-{name}"]


async def test_all_ids_of_the_server_are_reserved(api: httpx2.AsyncClient, delivery: str, log: Log) -> None:
    await acquire(api)
    await api.post("/api/agents/planner/pause", json={"reason": "r"})
    await api.post(f"{WORK}/pause", json={"reason": "r"})
    await sync_to_async(redact)(log.pk, 1, reason="r", by="ann")
    await engine.current().announcer.announce()
    found = await sync_to_async(store.events(log.pk, limit=1_000).fetch)()
    own = [event.id for event in found if event.stream.startswith("eventsite-")]
    assert len(own) == 5
    assert all(id.startswith("eventsite-") for id in own)
