"""Leases of appends over HTTP: `leases` beside `events`, beside `appends`, in lines and in CloudEvents."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from events.api.lease_schemas import MAX_LEASES
from events.engine import Engine
from events.leases.demands import Demands, demand
from events.models import Log, Scope
from tests.support.api import NDJSON, append, cloud_event, head, line
from tests.support.leases import acquire, expire, grant, release

EVENT = {"type": "Placed", "data": {}}
RUN = {"workflow": "run-1"}


async def append_with(api: httpx2.AsyncClient, *leases: dict[str, Any], **fields: Any) -> httpx2.Response:
    """Append one event with some leases."""
    return await append(api, events=[EVENT], leases=list(leases), **fields)


async def test_an_append_with_the_lease_that_is_held_is_written(api: httpx2.AsyncClient) -> None:
    held = await grant(api)
    answer = await append_with(api, {**RUN, "token": held["token"]})
    assert answer.status_code == 201, answer.text
    assert (await append_with(api)).status_code == 201


async def test_an_append_is_refused_once_a_later_grant_exists(api: httpx2.AsyncClient, log: Log) -> None:
    old = await grant(api)
    await release(api, "workflow:run-1", old["token"])
    new = await grant(api, agent="packer")
    answer = await append_with(api, {**RUN, "token": old["token"]})
    assert answer.status_code == 409
    problem = answer.json()
    assert (problem["code"], problem["lease"], problem["holder"]) == ("lease-lost", "workflow:run-1", "packer")
    assert problem["expires_at"] == new["expires_at"]
    assert (await append_with(api, {**RUN, "token": new["token"]})).status_code == 201


async def test_an_append_is_refused_once_its_lease_has_run_out(api: httpx2.AsyncClient, log: Log) -> None:
    held = await grant(api)
    await expire(log)
    answer = await append_with(api, {**RUN, "token": held["token"]})
    assert (answer.status_code, answer.json()["code"], answer.json()["holder"]) == (409, "lease-lost", "planner")
    assert "ran out" in answer.json()["detail"]


@pytest.mark.parametrize("lease", [{"stream": "run-1"}, {"name": "run-1"}, {"workflow": "run-2"}], ids=str)
async def test_the_token_of_one_lease_is_none_of_another(api: httpx2.AsyncClient, lease: dict[str, str]) -> None:
    held = await grant(api)
    answer = await append_with(api, {**lease, "token": held["token"]})
    assert (answer.status_code, answer.json()["code"], answer.json()["holder"]) == (409, "lease-lost", None)


async def test_every_lease_of_an_append_must_be_held(api: httpx2.AsyncClient) -> None:
    one = await grant(api)
    two = await grant(api, lease={"stream": "order-1"})
    assert (await append_with(api, {**RUN, "token": one["token"]}, {"stream": "order-1", "token": 9})).is_error
    both = [{**RUN, "token": one["token"]}, {"stream": "order-1", "token": two["token"]}]
    assert (await append_with(api, *both)).status_code == 201


async def test_a_retry_with_a_lost_lease_is_a_replay(api: httpx2.AsyncClient, log: Log) -> None:
    held = await grant(api)
    leases = [{**RUN, "token": held["token"]}]
    first = await append_with(api, *leases, idempotency_key="k")
    await expire(log)
    retry = await append_with(api, *leases, idempotency_key="k")
    assert (retry.status_code, retry.json()["replayed"]) == (200, True)
    assert retry.json()["first_position"] == first.json()["first_position"]


async def test_the_version_is_judged_before_the_lease(api: httpx2.AsyncClient) -> None:
    answer = await append_with(api, {**RUN, "token": 7}, expected_version=3)
    assert answer.json()["code"] == "wrong-expected-version"


async def test_each_append_of_a_request_has_its_own_leases(api: httpx2.AsyncClient) -> None:
    held = await grant(api)
    appends = [
        {"stream": "a-1", "events": [EVENT], "leases": [{**RUN, "token": held["token"]}]},
        {"stream": "b-1", "events": [EVENT], "leases": [{**RUN, "token": 9}]},
        {"stream": "c-1", "events": [EVENT]},
    ]
    answer = await api.post("/api/events", json={"appends": appends})
    assert [result["status"] for result in answer.json()["results"]] == [201, 409, 201]
    assert answer.json()["results"][1]["body"]["code"] == "lease-lost"


@pytest.mark.parametrize("place", ["beside appends", "beside the events of one"])
async def test_an_atomic_request_is_written_whole_or_not_at_all(api: httpx2.AsyncClient, place: str) -> None:
    held = await grant(api)

    def body(token: int) -> dict[str, Any]:
        leases = {"leases": [{**RUN, "token": token}]}
        appends: list[dict[str, Any]] = [{"stream": f"a-{n}", "events": [EVENT]} for n in range(3)]
        if place == "beside appends":
            return {"appends": appends, "atomic": True, **leases}
        appends[2] |= leases
        return {"appends": appends, "atomic": True}

    refused = await api.post("/api/events", json=body(9))
    assert (refused.status_code, refused.json()["code"]) == (409, "lease-lost")
    assert await head(api) == 1
    assert (await api.post("/api/events", json=body(held["token"]))).status_code == 201
    assert await head(api) == 4


async def test_a_lease_for_all_appends_meets_the_demand_of_each(
    api: httpx2.AsyncClient, engine: Engine, log: Log
) -> None:
    await demand(engine.writer, log.pk, Demands(workflows=True), by="ann")
    held = await grant(api)
    body = {"appends": [{"stream": f"a-{n}", "events": [EVENT | {"correlation_id": "run-1"}]} for n in range(3)]}
    refused = await api.post("/api/events", json=body | {"atomic": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "lease-needed")
    assert refused.json()["leases"] == ["workflow:run-1"]
    written = await api.post("/api/events", json=body | {"atomic": True, "leases": [{**RUN, "token": held["token"]}]})
    assert written.status_code == 201, written.text


async def test_leases_for_all_appends_need_an_atomic_request(api: httpx2.AsyncClient) -> None:
    body = {"appends": [{"stream": "a-1", "events": [EVENT]}], "leases": [{**RUN, "token": 1}]}
    answer = await api.post("/api/events", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "leases")


async def test_a_line_has_its_own_leases(api: httpx2.AsyncClient) -> None:
    held = await grant(api)
    lines = [line(1, leases=[{**RUN, "token": 9}]), line(2), line(3, leases=[{**RUN, "token": held["token"]}])]
    answer = await api.post("/api/events", content=b"\n".join(lines), headers=NDJSON)
    assert answer.json()["appended"] == 2
    assert [(error["line"], error["code"]) for error in answer.json()["errors"]] == [(1, "lease-lost")]


@pytest.mark.parametrize("is_held", [True, False])
async def test_a_cloud_event_carries_its_leases_as_a_text(api: httpx2.AsyncClient, is_held: bool) -> None:
    held = await grant(api)
    leases = json.dumps([{**RUN, "token": held["token"] if is_held else 9}])
    structured = await api.post(
        "/api/events",
        content=json.dumps(cloud_event(id="1", leases=leases)),
        headers={"Content-Type": "application/cloudevents+json"},
    )
    batched = await api.post(
        "/api/events",
        content=json.dumps([cloud_event(id="2", leases=leases)]),
        headers={"Content-Type": "application/cloudevents-batch+json"},
    )
    headers = {f"ce-{name}": value for name, value in cloud_event(id="3").items() if isinstance(value, str)}
    binary = await api.post(
        "/api/events",
        content=b"{}",
        headers={**headers, "ce-leases": quote(leases), "Content-Type": "application/json"},
    )
    statuses = [structured.status_code, batched.json()["results"][0]["status"], binary.status_code]
    assert statuses == [201 if is_held else 409] * 3
    if is_held:
        event = (await api.get("/api/events/2")).json()
        assert "leases" not in event["metadata"]["cloudevents"]


@pytest.mark.parametrize(
    ("leases", "field"),
    [
        ([{"token": 1}], "leases[0]"),
        ([{"workflow": "a", "stream": "b", "token": 1}], "leases[0]"),
        ([{"workflow": "a"}], "leases[0].token"),
        ([{"workflow": "a", "token": 1}, {"stream": "..", "token": 1}], "leases[1].stream"),
        ([{"workflow": "", "token": 1}], "leases[0].workflow"),
        ([{"workflow": "a", "token": 0}], "leases[0].token"),
        ([{"workflow": "a", "token": 1, "colour": "red"}], "leases[0].colour"),
        ([{"workflow": "a", "token": 1}] * (MAX_LEASES + 1), "leases"),
        ("workflow:a", "leases"),
    ],
    ids=str,
)
async def test_a_lease_that_makes_no_sense_is_refused(api: httpx2.AsyncClient, leases: Any, field: str) -> None:
    answer = await append(api, events=[EVENT], leases=leases)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert await head(api) == 0


@pytest.fixture
def appending_token(make_token: Callable[..., str]) -> str:
    return make_token(Scope.APPEND)


@pytest.fixture
def pinned_token(make_token: Callable[..., str]) -> str:
    return make_token(Scope.APPEND, agent="packer", stream_prefix="order-")


async def test_a_lease_needs_no_right_to_read(anyone: httpx2.AsyncClient, appending_token: str) -> None:
    anyone.headers["Authorization"] = f"Bearer {appending_token}"
    held = await grant(anyone)
    assert (await append_with(anyone, {**RUN, "token": held["token"]})).status_code == 201


async def test_a_pinned_agent_can_not_use_the_lease_of_another(
    api: httpx2.AsyncClient, anyone: httpx2.AsyncClient, pinned_token: str
) -> None:
    """A token is a position, so anybody can guess it."""
    held = await grant(api)
    anyone.headers["Authorization"] = f"Bearer {pinned_token}"
    answer = await append_with(anyone, {**RUN, "token": held["token"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    answer = await append_with(anyone, {"stream": "invoice-1", "token": 1})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    own = await acquire(anyone, lease={"stream": "order-1"}, agent="packer")
    assert (await append_with(anyone, {"stream": "order-1", "token": own.json()["token"]})).status_code == 201
