"""Agents and workflows are paused and resumed over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import orjson
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from events.engine import Engine
from events.models import Log, RefusedAppends, Scope
from events.pauses.refusals import refused_by
from tests.support.patience import PATIENCE

WHY = {"reason": "charges twice"}


@pytest.fixture
def supervise(anyone: httpx2.AsyncClient, make_token: Callable[..., str]) -> httpx2.AsyncClient:
    """A client with a token that may do everything. The token's name is `overseer`."""
    anyone.headers["Authorization"] = f"Bearer {make_token(name='overseer')}"
    return anyone


async def append(client: httpx2.AsyncClient, stream: str = "order-1", **fields: Any) -> httpx2.Response:
    return await client.post(f"/api/streams/{stream}/events", json={"events": [{"type": "A", "data": 1, **fields}]})


async def test_a_paused_agent_is_refused_with_the_reason_until_it_is_resumed(supervise: httpx2.AsyncClient) -> None:
    paused = await supervise.post("/api/agents/pricing/pause", json=WHY)
    assert paused.status_code == 201
    pause = {"kind": "agent", "name": "pricing", "position": 1, "by": "overseer", "reason": "charges twice"}
    assert paused.json() == pause | {"paused_at": paused.json()["paused_at"]}

    refused = await append(supervise, agent="pricing")
    assert refused.status_code == 423
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["code"] == "paused"
    assert {name: problem[name] for name in ("paused", "name", "since", "reason", "by")} == {
        "paused": "agent", "name": "pricing", "since": 1, "reason": "charges twice", "by": "overseer",
    }  # fmt: skip
    assert (await append(supervise, agent="other")).status_code == 201

    resumed = await supervise.post("/api/agents/pricing/resume", json={"reason": "mended"})
    assert resumed.status_code == 201
    assert resumed.json() == {"kind": "agent", "name": "pricing", "resumed": True, "position": 3}
    assert (await append(supervise, agent="pricing")).status_code == 201


async def test_appends_that_a_pause_refuses_are_counted(
    supervise: httpx2.AsyncClient, engine: Engine, log: Log
) -> None:
    """However they came: alone, with others, atomic or a line each. Others are not counted."""
    await supervise.post("/api/agents/pricing/pause", json=WHY)
    await supervise.post("/api/workflows/pause", json={"id": "run/1", **WHY})
    free = {"type": "A", "data": 1}
    of_agent, of_workflow = {**free, "agent": "pricing"}, {**free, "correlation_id": "run/1"}
    appends = [{"stream": "order-1", "events": [each]} for each in (of_agent, of_agent, of_workflow, free)]
    lines = b"\n".join(orjson.dumps({**each, "stream": "order-1"}) for each in (of_agent, free))
    for _ in range(2):
        await append(supervise, agent="pricing")
        await append(supervise)
        await supervise.post("/api/events", json={"appends": appends})
        await supervise.post("/api/events", json={"appends": [appends[-1], appends[0]], "atomic": True})
        await supervise.post("/api/events", content=lines, headers={"Content-Type": "application/x-ndjson"})
        await engine.refusals.write()
    counts = await sync_to_async(refused_by)(log.pk)
    assert {position: each.appends for position, each in counts.items()} == {1: 10, 2: 2}
    assert all(timezone.now() - each.last_at < timedelta(seconds=PATIENCE) for each in counts.values())

    await supervise.post("/api/agents/pricing/resume", json=WHY)
    assert list(await sync_to_async(refused_by)(log.pk)) == [2]
    await append(supervise, correlation_id="run/1")
    await engine.refusals.write()
    assert [each.position async for each in RefusedAppends.objects.filter(log=log)] == [2], "the other is forgotten"


async def test_a_paused_workflow_is_refused_whoever_appends(supervise: httpx2.AsyncClient) -> None:
    paused = await supervise.post("/api/workflows/pause", json={"id": "run/1", **WHY})
    assert (paused.status_code, paused.json()["kind"], paused.json()["name"]) == (201, "workflow", "run/1")
    for agent in ("pricing", None):
        assert (await append(supervise, agent=agent, correlation_id="run/1")).status_code == 423
    assert (await append(supervise, agent="pricing")).status_code == 201
    resumed = await supervise.post("/api/workflows/unpause", json={"id": "run/1", **WHY})
    assert (resumed.status_code, resumed.json()["resumed"]) == (201, True)
    assert (await append(supervise, correlation_id="run/1")).status_code == 201


async def test_a_second_pause_answers_with_the_first(supervise: httpx2.AsyncClient) -> None:
    first = await supervise.post("/api/agents/pricing/pause", json=WHY)
    second = await supervise.post("/api/agents/pricing/pause", json={"reason": "another reason"})
    assert (second.status_code, second.json()) == (200, first.json())
    assert (await supervise.get("/api/events")).json()["head"] == 1


async def test_resuming_what_is_not_paused_changes_nothing(supervise: httpx2.AsyncClient) -> None:
    answer = await supervise.post("/api/agents/pricing/resume", json=WHY)
    assert answer.status_code == 200
    assert answer.json() == {"kind": "agent", "name": "pricing", "resumed": False, "position": None}
    assert (await supervise.get("/api/events")).json()["head"] == 0


async def test_a_token_for_one_agent_is_paused_with_its_agent(
    supervise: httpx2.AsyncClient, make_token: Callable[..., str]
) -> None:
    make = sync_to_async(make_token)
    await supervise.post("/api/agents/pricing/pause", json=WHY)
    for agent, status in (("pricing", 423), ("other", 201)):
        own = {"Authorization": f"Bearer {await make(Scope.APPEND, agent=agent)}"}
        answer = await supervise.post(
            "/api/streams/order-1/events", json={"events": [{"type": "A", "data": 1}]}, headers=own
        )
        assert answer.status_code == status
        event = {"specversion": "1.0", "id": f"of-{agent}", "source": "pricing", "type": "A"}
        answer = await supervise.post(
            "/api/events", json=event, headers=own | {"Content-Type": "application/cloudevents+json"}
        )
        assert answer.status_code == status
    by_agent = {"Authorization": f"Bearer {await make(Scope.SUPERVISE, agent='keeper')}"}
    paused = await supervise.post("/api/agents/third/pause", json=WHY, headers=by_agent)
    assert paused.json()["by"] == "keeper"


async def test_each_of_several_appends_is_refused_alone(supervise: httpx2.AsyncClient) -> None:
    await supervise.post("/api/agents/pricing/pause", json=WHY)
    appends = [
        {"stream": f"order-{agent}", "events": [{"type": "A", "data": 1, "agent": agent}]} for agent in ("pricing", "b")
    ]
    answer = await supervise.post("/api/events", json={"appends": appends})
    assert [result["status"] for result in answer.json()["results"]] == [423, 201]
    answer = await supervise.post("/api/events", json={"appends": appends, "atomic": True})
    assert answer.status_code == 423
    lines = "\n".join(f'{{"stream": "s", "type": "A", "data": 1, "agent": "{agent}"}}' for agent in ("pricing", "b"))
    answer = await supervise.post("/api/events", content=lines, headers={"Content-Type": "application/x-ndjson"})
    assert answer.json()["errors"][0]["code"] == "paused"
    assert (answer.json()["appended"], answer.json()["failed"]) == (1, 1)


async def test_the_list_has_all_pauses_that_hold(supervise: httpx2.AsyncClient) -> None:
    await supervise.post("/api/agents/pricing/pause", json=WHY)
    await supervise.post("/api/workflows/pause", json={"id": "run/1", **WHY})
    await supervise.post("/api/agents/third/pause", json=WHY)
    await supervise.post("/api/agents/third/resume", json=WHY)
    pauses = (await supervise.get("/api/pauses")).json()["pauses"]
    assert [(pause["kind"], pause["name"], pause["position"]) for pause in pauses] == [
        ("workflow", "run/1", 2), ("agent", "pricing", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["agents/pricing/pause", "agents/pricing/resume"])
async def test_only_a_token_that_supervises_the_whole_log_pauses(
    supervise: httpx2.AsyncClient, make_token: Callable[..., str], path: str
) -> None:
    make = sync_to_async(make_token)
    for scopes, prefix in (((Scope.APPEND, Scope.READ, Scope.CONSUME), ""), ((), "order-")):
        headers = {"Authorization": f"Bearer {await make(*scopes, stream_prefix=prefix)}"}
        answer = await supervise.post(f"/api/{path}", json=WHY, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    narrow = {"Authorization": f"Bearer {await make(Scope.READ, stream_prefix='order-')}"}
    assert (await supervise.get("/api/pauses", headers=narrow)).status_code == 403


@pytest.mark.parametrize("reason", ["", "two\nlines", "x" * 201])
async def test_a_pause_needs_a_reason_in_one_line(supervise: httpx2.AsyncClient, log: Log, reason: str) -> None:
    answer = await supervise.post("/api/agents/pricing/pause", json={"reason": reason})
    assert (answer.status_code, answer.json()["field"]) == (422, "reason")
    assert (await supervise.post("/api/agents/pricing/pause", json={})).status_code == 422


async def test_an_agent_with_any_name_can_be_paused(supervise: httpx2.AsyncClient) -> None:
    for name in ("a/pause", "ä b", "x" * 200):
        path = httpx2.URL("/api/agents/").join(f"/api/agents/{name}/pause")
        assert (await supervise.post(path, json=WHY)).status_code == 201
        assert (await append(supervise, agent=name)).status_code == 423
    assert (await supervise.post(f"/api/agents/{'x' * 201}/pause", json=WHY)).status_code == 422
