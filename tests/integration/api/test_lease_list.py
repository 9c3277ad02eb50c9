"""Everybody who reads the log can see who holds which lease, and until when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async

from events.models import Log, Scope
from tests.support.leases import expire, grant, release


async def held(api: httpx2.AsyncClient, **query: Any) -> list[tuple[str, int, str]]:
    """The leases of a page: name, token and holder."""
    answer = await api.get("/api/leases", params=query)
    assert answer.status_code == 200, answer.text
    return [(each["lease"], each["token"], each["holder"]) for each in answer.json()["leases"]]


async def test_the_list_has_what_is_held_now(api: httpx2.AsyncClient, log: Log) -> None:
    await grant(api, lease={"workflow": "gone"})
    await expire(log)
    first = await grant(api)
    await grant(api, lease={"stream": "order-1"}, agent="packer")
    returned = await grant(api, lease={"name": "desk"})
    await release(api, returned["lease"], returned["token"])
    assert await held(api) == [("stream:order-1", 3, "packer"), ("workflow:run-1", 2, "planner")]
    assert await held(api, agent="planner") == [("workflow:run-1", 2, "planner")]
    assert await held(api, agent="nobody") == []
    last = (await api.get("/api/leases")).json()["leases"][-1]
    assert last == {**first, "holder": "planner"}


async def test_pages_of_leases_meet_without_a_gap(api: httpx2.AsyncClient) -> None:
    for number in range(1, 6):
        await grant(api, lease={"name": f"n-{number}"})
    tokens, query = [], {"limit": 2}
    while True:
        page = (await api.get("/api/leases", params=query)).json()
        tokens += [lease["token"] for lease in page["leases"]]
        if page["next"] is None:
            break
        query["before"] = page["next"]
    assert tokens == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("scopes", "fields", "status"),
    [
        ([Scope.READ], {}, 200),
        ([Scope.READ], {"agent": "planner"}, 200),
        ([Scope.READ], {"stream_prefix": "order-"}, 403),
        ([Scope.APPEND], {}, 403),
        ([Scope.SUPERVISE], {}, 200),
        ([Scope.SUPERVISE], {"stream_prefix": "order-"}, 403),
        ([Scope.CONSUME], {}, 403),
        ([Scope.ADMIN], {}, 200),
    ],
    ids=str,
)
async def test_leases_are_listed_for_readers_and_supervisors_without_a_prefix(
    anyone: httpx2.AsyncClient,
    make_token: Callable[..., str],
    scopes: list[Scope],
    fields: dict[str, str],
    status: int,
) -> None:
    headers = {"Authorization": f"Bearer {await sync_to_async(make_token)(*scopes, **fields)}"}
    assert (await anyone.get("/api/leases", headers=headers)).status_code == status


@pytest.mark.parametrize("query", [{"agent": ""}, {"before": -1}, {"limit": 0}, {"limit": 1_001}, {"holder": "a"}])
async def test_a_list_that_makes_no_sense_is_refused(api: httpx2.AsyncClient, query: dict[str, Any]) -> None:
    assert (await api.get("/api/leases", params=query)).status_code == 422
