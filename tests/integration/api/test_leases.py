"""Leases over HTTP: one holder at a time, by the database's clock; the same request gets the same token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from events.access.tokens import create_token
from events.models import Lease, Log, Scope
from events.reading import store
from events.types import Event
from tests.support.api import head
from tests.support.leases import acquire, expire, grant, post, release, renew

RUN = {"workflow": "run-1"}


@pytest.fixture
def supervising_token(make_token: Callable[..., str]) -> str:
    return make_token(Scope.SUPERVISE)


@pytest.fixture
def pinned_token(make_token: Callable[..., str]) -> str:
    return make_token(Scope.APPEND, agent="planner", stream_prefix="order-")


def signed_in(client: httpx2.AsyncClient, token: str) -> httpx2.AsyncClient:
    client.headers["Authorization"] = f"Bearer {token}"
    return client


async def changes(log: Log) -> list[Event]:
    """The events that changed leases."""
    events = await sync_to_async(store.events(log.pk, limit=1_000).fetch)()
    return [event for event in events if event.stream == "eventsite-leases"]


async def test_the_token_is_the_position_of_the_event_that_grants_the_lease(api: httpx2.AsyncClient, log: Log) -> None:
    answer = await acquire(api, ttl=60)
    assert answer.status_code == 201, answer.text
    [event] = await changes(log)
    assert answer.json()["lease"] == "workflow:run-1"
    assert answer.json()["token"] == event.position == 1
    assert (event.type, event.agent, event.correlation_id) == ("lease.acquired", "planner", "run-1")
    assert event.data == '{"lease":"workflow:run-1","ttl":60}'
    lease = await Lease.objects.aget(log=log)
    assert (lease.token, lease.holder) == (1, "planner")
    assert timedelta(seconds=59) < lease.expires_at - event.recorded_at <= timedelta(seconds=60)


async def test_a_lease_that_is_held_names_its_holder(api: httpx2.AsyncClient, log: Log) -> None:
    first = (await acquire(api)).json()
    for agent in ("packer", "planner"):
        answer = await acquire(api, agent=agent)
        assert answer.status_code == 409
        problem = answer.json()
        assert (problem["code"], problem["lease"], problem["holder"]) == ("lease-held", "workflow:run-1", "planner")
        assert problem["expires_at"] == first["expires_at"]
    assert len(await changes(log)) == 1


async def test_leases_of_equal_names_are_three(api: httpx2.AsyncClient) -> None:
    tokens = [(await acquire(api, lease={kind: "same"})).json()["token"] for kind in ("workflow", "stream", "name")]
    assert tokens == [1, 2, 3]
    await release(api, "stream:same", 2)
    assert (await acquire(api, lease={"stream": "same"})).status_code == 201
    assert (await acquire(api, lease={"name": "same"})).status_code == 409
    assert (await acquire(api, lease={"workflow": "same"})).status_code == 409


async def test_a_repeated_request_gets_the_same_token(api: httpx2.AsyncClient, log: Log) -> None:
    first = await acquire(api, request="boot-1")
    second = await acquire(api, request="boot-1", ttl=3_600)
    assert [first.status_code, second.status_code] == [201, 200]
    assert first.json() == second.json()
    others: list[dict[str, Any]] = [{"request": "boot-2"}, {"agent": "packer", "request": "boot-1"}, {}]
    for other in others:
        assert (await acquire(api, **other)).status_code == 409
    assert len(await changes(log)) == 1


async def test_the_same_request_made_many_times_at_once_gets_one_token(api: httpx2.AsyncClient, log: Log) -> None:
    answers = await asyncio.gather(*(acquire(api, request="boot-1") for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert {answer.json()["token"] for answer in answers} == {1}
    assert len(await changes(log)) == 1


async def test_a_repeated_request_whose_lease_is_lost_gets_no_other_one(api: httpx2.AsyncClient, log: Log) -> None:
    """A second grant would keep the lease from all others, and nobody would know of it."""
    await acquire(api, request="boot-1")
    await expire(log)
    answer = await acquire(api, request="boot-1")
    assert (answer.status_code, answer.json()["code"], answer.json()["holder"]) == (409, "lease-lost", "planner")
    await grant(api, agent="packer")
    answer = await acquire(api, request="boot-1")
    assert (answer.status_code, answer.json()["code"], answer.json()["holder"]) == (409, "lease-lost", "packer")
    assert len(await changes(log)) == 2


async def test_one_of_many_callers_gets_the_lease(api: httpx2.AsyncClient, log: Log) -> None:
    for round in range(3):
        racers = [acquire(api, lease={"name": f"van-{round}"}, agent=f"driver-{n}") for n in range(30)]
        answers = await asyncio.gather(*racers)
        winners = [answer.json() for answer in answers if answer.status_code == 201]
        assert len(winners) == 1
        others = [answer.json() for answer in answers if answer.status_code == 409]
        assert len(others) == 29
        assert {problem["holder"] for problem in others} == {(await changes(log))[round].agent}
    assert len(await changes(log)) == 3


async def test_the_grant_after_an_expiry_says_whose_lease_ran_out(api: httpx2.AsyncClient, log: Log) -> None:
    old = await grant(api)
    await expire(log)
    new = await grant(api, agent="packer")
    assert new["token"] == 2
    data = (await api.get("/api/events/2")).json()["data"]
    assert data["expired"]["token"] == old["token"]
    assert data["expired"]["holder"] == "planner"
    assert data["expired"]["at"].startswith("2")
    await release(api, "workflow:run-1", 2)
    await grant(api)
    assert "expired" not in (await api.get("/api/events/3")).json()["data"]


async def test_a_renewal_extends_the_lease_and_appends_nothing(api: httpx2.AsyncClient, log: Log) -> None:
    first = await grant(api, ttl=10)
    answer = await renew(api, "workflow:run-1", first["token"], ttl=600)
    assert answer.status_code == 200
    assert answer.json()["token"] == first["token"]
    assert answer.json()["expires_at"] > first["expires_at"]
    assert await head(api) == 1
    lease = await Lease.objects.aget(log=log)
    assert lease.expires_at > timezone.now() + timedelta(seconds=590)


async def test_a_lease_that_ran_out_is_not_renewed(api: httpx2.AsyncClient, log: Log) -> None:
    first = await grant(api)
    await expire(log)
    answer = await renew(api, "workflow:run-1", first["token"])
    assert (answer.status_code, answer.json()["code"], answer.json()["holder"]) == (409, "lease-lost", "planner")
    await grant(api, agent="packer")
    answer = await renew(api, "workflow:run-1", first["token"])
    assert (answer.status_code, answer.json()["code"], answer.json()["holder"]) == (409, "lease-lost", "packer")


@pytest.mark.parametrize("other", [2, 7, 2**63 - 1])
async def test_another_token_neither_renews_nor_releases(api: httpx2.AsyncClient, other: int) -> None:
    first = await grant(api)
    for answer in (await renew(api, "workflow:run-1", other), await release(api, "workflow:run-1", other)):
        assert (answer.status_code, answer.json()["code"]) == (409, "lease-lost")
    assert (await renew(api, "workflow:run-1", first["token"])).status_code == 200


async def test_a_released_lease_is_free_at_once(api: httpx2.AsyncClient, log: Log) -> None:
    first = await grant(api)
    answer = await release(api, "workflow:run-1", first["token"])
    assert (answer.status_code, answer.json()) == (200, {"lease": "workflow:run-1", "position": None})
    assert (await release(api, "workflow:run-1", first["token"])).status_code == 200, "the first answer may be lost"
    assert (await renew(api, "workflow:run-1", first["token"])).json()["holder"] is None
    assert (await acquire(api, agent="packer")).status_code == 201
    answer = await release(api, "workflow:run-1", first["token"])
    assert (answer.status_code, answer.json()["holder"]) == (409, "packer")
    assert [event.type for event in await changes(log)] == ["lease.acquired"] * 2


async def test_who_releases_too_late_learns_it_and_the_expiry_is_kept(api: httpx2.AsyncClient, log: Log) -> None:
    first = await grant(api)
    await expire(log)
    assert (await release(api, "workflow:run-1", first["token"])).json()["code"] == "lease-lost"
    await grant(api, agent="packer")
    assert (await api.get("/api/events/2")).json()["data"]["expired"]["holder"] == "planner"


async def test_a_supervisor_ends_a_lease_and_the_log_says_why(
    api: httpx2.AsyncClient, log: Log, supervising_token: str
) -> None:
    first = await grant(api)
    signed_in(api, supervising_token)
    answer = await post(api, "release", {"lease": "workflow:run-1", "reason": "it is stuck"})
    assert (answer.status_code, answer.json()["position"]) == (200, 2)
    _, event = await changes(log)
    assert (event.type, event.correlation_id) == ("lease.ended", "run-1")
    assert (
        event.data == f'{{"lease":"workflow:run-1","token":{first["token"]},"holder":"planner","reason":"it is stuck"}}'
    )
    again = await post(api, "release", {"lease": "workflow:run-1", "reason": "it is stuck"})
    assert (again.status_code, again.json()["code"]) == (404, "no-such-lease")
    assert not await Lease.objects.filter(log=log).aexists()


async def test_who_supervises_only_may_not_hold_and_who_holds_may_not_end_by_a_reason(
    api: httpx2.AsyncClient, supervising_token: str
) -> None:
    first = await grant(api)
    answer = await post(api, "release", {"lease": "workflow:run-1", "reason": "mine"})
    assert (answer.status_code, answer.json()["scope"]) == (403, "supervise")
    signed_in(api, supervising_token)
    assert (await acquire(api)).status_code == 403
    for answer in (
        await renew(api, "workflow:run-1", first["token"]),
        await release(api, "workflow:run-1", first["token"]),
    ):
        assert (answer.status_code, answer.json()["scope"]) == (403, "append")


async def test_a_pinned_agent_holds_its_own_leases_only(
    api: httpx2.AsyncClient, anyone: httpx2.AsyncClient, log: Log, pinned_token: str
) -> None:
    others = await grant(api, lease={"workflow": "run-2"}, agent="packer")
    signed_in(anyone, pinned_token)
    assert (await acquire(anyone)).status_code == 201
    assert [event.agent for event in await changes(log)] == ["packer", "planner"]
    assert (await acquire(anyone, lease={"workflow": "run-3"}, agent="packer")).status_code == 403
    for answer in (
        await renew(anyone, "workflow:run-2", others["token"]),
        await release(anyone, "workflow:run-2", others["token"]),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("lease", "code"),
    [
        ({"stream": "order-1"}, None),
        ({"name": "order-desk"}, None),
        ({"workflow": "run-1"}, None),
        ({"stream": "invoice-1"}, "forbidden"),
        ({"name": "desk"}, "forbidden"),
        ({"stream": "eventsite-leases"}, "reserved-stream"),
    ],
    ids=str,
)
async def test_a_prefix_limits_the_leases_of_streams_and_names(
    anyone: httpx2.AsyncClient, pinned_token: str, lease: dict[str, str], code: str | None
) -> None:
    answer = await acquire(signed_in(anyone, pinned_token), lease=lease)
    assert answer.json().get("code") == code
    [(kind, name)] = lease.items()
    answer = await renew(anyone, f"{kind}:{name}", 1)
    assert answer.json().get("code") == code


GOOD: dict[str, Any] = {**RUN, "agent": "planner", "ttl": 60}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", GOOD | {"ttl": 0}, "ttl"),
        ("", GOOD | {"ttl": 3_601}, "ttl"),
        ("", GOOD | {"ttl": "60"}, "ttl"),
        ("", {**RUN, "agent": "planner"}, "ttl"),
        ("", {**RUN, "ttl": 60}, "agent"),
        ("", GOOD | {"agent": ""}, "agent"),
        ("", GOOD | {"agent": "a\nb"}, "agent"),
        ("", GOOD | {"workflow": ""}, "workflow"),
        ("", GOOD | {"request": "x" * 201}, "request"),
        ("", GOOD | {"stream": "order-1"}, "body"),
        ("", {"agent": "planner", "ttl": 60}, "body"),
        ("", {"stream": "../events", "agent": "planner", "ttl": 60}, "stream"),
        ("", GOOD | {"colour": "red"}, "colour"),
        ("renew", {"lease": "run-1", "token": 1, "ttl": 60}, "lease"),
        ("renew", {"lease": "workflow:", "token": 1, "ttl": 60}, "lease"),
        ("renew", {"lease": "workflow:run-1", "token": 0, "ttl": 60}, "token"),
        ("renew", {"lease": "workflow:run-1", "token": 2**63, "ttl": 60}, "token"),
        ("renew", {"lease": "workflow:run-1", "token": 1, "ttl": 0}, "ttl"),
        ("release", {"lease": "workflow:run-1"}, "body"),
        ("release", {"lease": "workflow:run-1", "token": 1, "reason": "a"}, "body"),
        ("release", {"lease": "workflow:run-1", "token": -1}, "token"),
        ("release", {"lease": "workflow:run-1", "reason": ""}, "reason"),
    ],
    ids=str,
)
async def test_a_request_that_makes_no_sense_is_refused_with_the_field(
    anyone: httpx2.AsyncClient, make_token: Callable[..., str], log: Log, path: str, body: Any, field: str
) -> None:
    signed_in(anyone, await sync_to_async(create_token)(log, name="all", scopes=[Scope.ADMIN]))
    answer = await post(anyone, path, body)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "invalid", field), answer.text
    assert await head(anyone) == 0
