"""An append that settles: its events and the acknowledgement of a delivery are written together, or neither is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async

from events.models import Log, Scope
from tests.support import subscriptions
from tests.support.api import NDJSON, STRUCTURED, append, cloud_event, head, line

WORK = "/api/subscriptions/work"
DONE = {"type": "Packed", "data": {}}


@pytest.fixture
def token(make_token: Callable[..., str]) -> str:
    """The token of `api`: it makes subscriptions, too."""
    return make_token()


@pytest.fixture
async def delivery(api: httpx2.AsyncClient) -> str:
    """The id of a delivery: the first event of order-1."""
    await api.put(WORK, json={"q": "type:Placed"})
    await append(api)
    return await take(api)


async def take(api: httpx2.AsyncClient, **fields: Any) -> str:
    [delivery] = await take_all(api, **fields)
    return str(delivery["delivery"])


async def take_all(api: httpx2.AsyncClient, **fields: Any) -> list[dict[str, Any]]:
    answer = await api.post(f"{WORK}/take", json={"consumer": "one", "wait": 0, **fields})
    assert answer.status_code == 200, answer.text
    deliveries: list[dict[str, Any]] = answer.json()["deliveries"]
    return deliveries


def settles(*deliveries: str, subscription: str = "work") -> dict[str, Any]:
    return {"settles": [{"subscription": subscription, "delivery": each} for each in deliveries]}


async def done(api: httpx2.AsyncClient, *deliveries: str, stream: str = "box-1", **fields: Any) -> httpx2.Response:
    """Append an event that settles deliveries."""
    return await append(api, stream, **{"events": [DONE], **settles(*deliveries), **fields})


async def unsettled(api: httpx2.AsyncClient) -> int:
    """The number of deliveries in flight."""
    return int((await api.get(WORK)).json()["in_flight"])


def lost(answer: httpx2.Response) -> str:
    """Why a delivery could not be settled."""
    assert (answer.status_code, answer.json()["code"]) == (409, "delivery-lost"), answer.text
    return str(answer.json()["result"])


async def expire(log: Log) -> None:
    await sync_to_async(subscriptions.expire)(log)


async def test_events_and_acknowledgement_are_one(api: httpx2.AsyncClient, delivery: str) -> None:
    await append(api)
    assert (await done(api, delivery)).status_code == 201
    [later] = await take_all(api)
    assert (later["position"], await unsettled(api)) == (3, 1)
    settled = await api.post(
        f"{WORK}/settle", json={"consumer": "one", "settlements": [{"delivery": delivery, "outcome": "ack"}]}
    )
    assert settled.json()["results"][0]["result"] == "already-settled"


async def test_an_append_that_is_sent_again_is_a_replay(api: httpx2.AsyncClient, delivery: str) -> None:
    first = await done(api, delivery)
    again = await done(api, delivery)
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    assert again.json()["events"] == first.json()["events"]
    work, _, _ = delivery.rpartition("-")
    assert first.json()["events"][0]["id"] == f"{work}-0"


async def test_the_next_attempt_writes_what_the_first_one_could_not(
    api: httpx2.AsyncClient, delivery: str, log: Log
) -> None:
    await expire(log)
    second = await take(api, consumer="two")
    assert lost(await done(api, delivery)) == "expired"
    assert (await done(api, second)).status_code == 201
    assert (await done(api, second)).json()["replayed"] is True


async def test_a_passed_deadline_refuses_all_of_it(api: httpx2.AsyncClient, delivery: str, log: Log) -> None:
    await expire(log)
    before = await head(api)
    assert lost(await done(api, delivery)) == "expired"
    assert await head(api) == before


async def test_a_delivery_is_settled_once(api: httpx2.AsyncClient, delivery: str) -> None:
    assert (await done(api, delivery, events=[{**DONE, "id": "a"}])).status_code == 201
    assert lost(await done(api, delivery, events=[{**DONE, "id": "b"}])) == "already-settled"


async def test_two_appends_at_once_settle_a_delivery_once(api: httpx2.AsyncClient, delivery: str) -> None:
    answers = await asyncio.gather(
        *(done(api, delivery, stream=f"box-{n}", events=[{**DONE, "id": f"done-{n}"}]) for n in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 19]
    appends = [{"stream": f"s-{n}", "events": [{**DONE, "id": f"later-{n}"}], **settles(delivery)} for n in range(3)]
    results = (await api.post("/api/events", json={"appends": appends})).json()["results"]
    assert [result["body"]["code"] for result in results] == ["delivery-lost"] * 3


async def test_a_refused_append_settles_nothing(api: httpx2.AsyncClient, delivery: str) -> None:
    condition: dict[str, Any] = {"if": [{"q": "type:Placed", "none_after": 0}]}
    refused = [
        await done(api, delivery, expected_version=7),
        await done(api, delivery, **condition),
        await done(api, delivery, leases=[{"workflow": "run-1", "token": 1}]),
    ]
    assert [answer.json()["code"] for answer in refused] == ["wrong-expected-version", "condition-failed", "lease-lost"]
    assert await unsettled(api) == 1
    assert (await done(api, delivery)).status_code == 201


async def test_every_delivery_of_an_append_must_be_there(api: httpx2.AsyncClient, delivery: str, log: Log) -> None:
    for stream in ("order-2", "order-3"):
        await append(api, stream)
    second, third = (each["delivery"] for each in await take_all(api))
    await done(api, third)
    assert lost(await done(api, delivery, second, third, events=[{**DONE, "id": "d"}])) == "already-settled"
    assert await unsettled(api) == 2
    assert (await done(api, delivery, second)).status_code == 201
    assert await unsettled(api) == 0


@pytest.mark.parametrize("place", ["beside appends", "beside the events of one"])
async def test_an_atomic_request_settles_with_all_of_it(api: httpx2.AsyncClient, delivery: str, place: str) -> None:
    appends: list[dict[str, Any]] = [{"stream": f"a-{n}", "events": [DONE]} for n in range(3)]
    body: dict[str, Any] = {"appends": appends, "atomic": True}
    if place == "beside appends":
        body |= settles(delivery)
    else:
        appends[1] |= settles(delivery)
    written = await api.post("/api/events", json=body)
    assert written.status_code == 201, written.text
    assert await unsettled(api) == 0
    if place == "beside appends":
        again = await api.post("/api/events", json=body)
        assert [result["body"]["replayed"] for result in again.json()["results"]] == [True] * 3


async def test_deliveries_for_all_appends_need_an_atomic_request(api: httpx2.AsyncClient, delivery: str) -> None:
    answer = await api.post("/api/events", json={"appends": [{"stream": "a-1", "events": [DONE]}], **settles(delivery)})
    assert (answer.status_code, answer.json()["field"]) == (422, "settles")


async def test_a_line_and_a_cloud_event_settle_too(api: httpx2.AsyncClient, delivery: str) -> None:
    await append(api, "order-2")
    second = await take(api)
    lines = [line(1, **settles(delivery)), line(2, id="other", **settles(delivery))]
    answer = await api.post("/api/events", content=b"\n".join(lines), headers=NDJSON)
    assert answer.json()["appended"] == 1
    assert [error["code"] for error in answer.json()["errors"]] == ["delivery-lost"]
    event = cloud_event(id="1", settles=json.dumps(settles(second)["settles"]))
    assert (await api.post("/api/events", content=json.dumps(event), headers=STRUCTURED)).status_code == 201
    assert await unsettled(api) == 0
    recorded = (await api.get("/api/events?q=type:placed")).json()["events"][0]
    assert "settles" not in recorded["metadata"]["cloudevents"]


@pytest.mark.parametrize("text", ["", "7", "1.1-1-xyz", "1.1-1-" + "0" * 33, "-1.1-1-" + "0" * 32, "١.1-1-" + "0" * 32])
async def test_what_is_no_delivery_is_refused(api: httpx2.AsyncClient, delivery: str, text: str) -> None:
    answer = await done(api, text)
    assert (answer.status_code, answer.json()["field"]) == (422, "settles[0].delivery")


async def test_a_delivery_of_something_else_is_not_yours(api: httpx2.AsyncClient, delivery: str) -> None:
    assert lost(await append(api, **settles(delivery, subscription="other"))) == "not-yours"
    await api.put("/api/subscriptions/other", json={"q": "type:Placed"})
    number, dot, rest = delivery.partition(".")
    assert lost(await done(api, f"{int(number) + 1}{dot}{rest}")) == "not-yours"
    assert await unsettled(api) == 1


async def test_a_delivery_of_a_subscription_that_ended_is_expired(api: httpx2.AsyncClient, delivery: str) -> None:
    await api.delete(WORK)
    assert lost(await done(api, delivery)) == "expired"
    await api.put(WORK, json={"q": "type:Placed"})
    assert lost(await done(api, delivery)) == "expired"
    settlement = {"delivery": delivery, "outcome": "ack"}
    settled = await api.post(f"{WORK}/settle", json={"consumer": "one", "settlements": [settlement]})
    assert settled.json()["results"][0]["result"] == "expired"


async def test_rights_are_those_of_a_consumer(
    api: httpx2.AsyncClient, anyone: httpx2.AsyncClient, make_token: Callable[..., str]
) -> None:
    await api.put(WORK, json={"q": "type:Placed"})
    await append(api)
    delivery = await take(api, agent="packer")

    async def refusal(*scopes: Scope, **fields: Any) -> str:
        token = await sync_to_async(make_token)(*scopes, **fields)
        answer = await anyone.post(
            "/api/streams/box-1/events",
            json={"events": [DONE], **settles(delivery)},
            headers={"Authorization": f"Bearer {token}"},
        )
        return str(answer.json().get("result", answer.json().get("code", answer.status_code)))

    assert await refusal(Scope.APPEND) == "forbidden"
    assert await refusal(Scope.CONSUME) == "forbidden"
    assert await refusal(Scope.APPEND, Scope.CONSUME, stream_prefix="box-") == "not-yours"
    assert await refusal(Scope.APPEND, Scope.CONSUME, agent="router") == "not-yours"
    assert await refusal(Scope.APPEND, Scope.CONSUME, agent="packer") == "201"


async def test_an_append_that_settles_a_rewound_delivery_is_refused(api: httpx2.AsyncClient, delivery: str) -> None:
    await api.post(f"{WORK}/rewind", json={"position": 0})
    refused = await done(api, delivery)
    assert (refused.status_code, refused.json()["result"]) == (409, "expired")
    assert (await done(api, await take(api, wait=5))).status_code == 201
