"""A restarted agent learns in one read where a workflow stands; all of the answer is true at one position."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone

from events.engine import Engine
from events.models import Lease, Log, Scope
from events.reading.db_work import DbWork, run_at_one_moment
from projections.catalog.lifecycle import lifecycle
from projections.resume.standing import Standing, standing_of
from tests.support.factories import make_append
from tests.support.leases import acquire, expire, grant
from tests.support.running import append
from tests.support.running import settle as run_projections

RUN = "run-1"
HOUR = timedelta(hours=1)


@pytest.fixture
def agent(anyone: httpx2.AsyncClient, make_token: Callable[..., str]) -> httpx2.AsyncClient:
    """A client with a token that may do everything."""
    anyone.headers["Authorization"] = f"Bearer {make_token(name='overseer')}"
    return anyone


@pytest.fixture
def happen(engine: Engine, log: Log) -> Callable[..., Any]:
    """`await happen("a-1", {…}, {…})` appends events of the workflow `run-1` by `router`."""

    async def happen(stream: str, *events: dict[str, Any]) -> None:
        every = [{"correlation_id": RUN, "agent": "router", **event} for event in events]
        await engine.writer.append(log.pk, [make_append(stream, *every)])

    return happen


async def resume(client: httpx2.AsyncClient, workflow: str = RUN, **query: Any) -> dict[str, Any]:
    answer = await client.get(f"/api/workflows/{quote(workflow, safe='')}/resume", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def works(body: dict[str, Any]) -> list[tuple[str, str]]:
    """The unfinished works of an answer, each with the id of the event that began it."""
    return [(each["work"], each["event"]["id"]) for each in body["unfinished"]]


async def test_an_agent_sees_what_it_began_and_did_not_finish(agent: httpx2.AsyncClient, happen: Any) -> None:
    await happen("order-1", {"type": "OrderPlaced", "id": "placed", "agent": "shop"})
    await happen("payment-1", {"type": "PaymentInitiated", "id": "intent", "data": b'{"key": "k-1"}'})
    await happen("run-1", {"type": "tool.called", "id": "c1"}, {"type": "tool.called", "id": "c2"})
    await happen("run-1", {"type": "tool.result", "causation_id": "c1"})
    body = await resume(agent, agent="router")
    assert works(body) == [("payment-1", "intent"), ("run-1 tool", "c2"), ("order-1", "placed")]
    assert body["unfinished_count"] == 3
    assert body["unfinished"][0]["event"]["data"] == {"key": "k-1"}
    assert (body["position"], body["lifecycle"]["events"]) == (5, 5)
    assert body["lifecycle"]["state"] == body["lifecycle"]["agent_state"] == "Processing"
    assert body["last_event"]["type"] == "tool.result"
    await happen("payment-1", {"type": "PaymentCaptured", "causation_id": "intent"})
    assert works(await resume(agent, agent="router")) == [("run-1 tool", "c2"), ("order-1", "placed")]


async def test_an_outcome_in_another_stream_ends_the_start_that_it_names(
    agent: httpx2.AsyncClient, happen: Any
) -> None:
    for order in "12":
        await happen(f"payment-{order}", {"type": "PaymentInitiated", "id": f"intent-{order}"})
    await happen("ledger", {"type": "PaymentCaptured", "causation_id": "intent-1"})
    await happen("mail", {"type": "MailDelivered", "causation_id": "intent-2"})
    body = await resume(agent)
    assert works(body) == [("payment-2", "intent-2")]
    assert body["unfinished_count"] == 1
    effect = {"position": 4, "stream": "mail", "type": "MailDelivered", "agent": "router"}
    assert body["unfinished"][0]["effects"] == [effect]


async def test_the_kept_state_and_the_events_after_it_are_one(
    agent: httpx2.AsyncClient, happen: Any, log: Log, engine: Engine
) -> None:
    await happen("payment-1", {"type": "PaymentInitiated", "id": "first"})
    await happen("noise", *[{"type": "Noted"}] * 1_100)
    await sync_to_async(run_projections)(log, lifecycle)
    assert works(await resume(agent)) == [("payment-1", "first")]
    await happen("payment-1", {"type": "PaymentCaptured"})
    await happen("payment-2", {"type": "PaymentInitiated", "id": "second"})
    body = await resume(agent)
    assert works(body) == [("payment-2", "second")]
    assert (body["position"], body["lifecycle"]["events"]) == (1_103, 1_103)


async def test_a_long_workflow_that_nobody_folded_is_a_job(agent: httpx2.AsyncClient, happen: Any) -> None:
    await happen("noise", *[{"type": "Noted"}] * 1_001)
    answer = await agent.get(f"/api/workflows/{RUN}/resume")
    assert (answer.status_code, answer.json()["arguments"]["key"], answer.headers["Retry-After"]) == (202, RUN, "1")


async def test_lists_are_cut_and_say_so(agent: httpx2.AsyncClient, happen: Any) -> None:
    await happen("order-1", *[{"type": "StepStarted", "id": f"s-{n}"} for n in range(5)])
    await happen("order-2", {"type": "StepStarted", "id": "own", "agent": "packer"})
    body = await resume(agent, agent="packer", limit=3)
    assert [id for _, id in works(body)] == ["own", "s-0", "s-1"]
    assert body["unfinished_count"] == 6


async def test_large_events_are_cut_by_their_size(agent: httpx2.AsyncClient, happen: Any) -> None:
    large = b'"' + b"x" * 900_000 + b'"'
    for n in range(7):
        await happen(f"job-{n}", {"type": "JobStarted", "data": large})
    body = await resume(agent)
    assert (len(body["unfinished"]), body["unfinished_count"]) == (5, 7)


async def subscribe(client: httpx2.AsyncClient, name: str = "work", **settings: Any) -> None:
    body = {"q": "type:Placed", "backoff": {"first": 0, "jitter": 0}, **settings}
    assert (await client.put(f"/api/subscriptions/{name}", json=body)).status_code == 201


async def take(client: httpx2.AsyncClient, name: str = "work", **fields: Any) -> list[dict[str, Any]]:
    body = {"consumer": "one", "wait": 0.2, **fields}
    deliveries: list[dict[str, Any]] = (await client.post(f"/api/subscriptions/{name}/take", json=body)).json()[
        "deliveries"
    ]
    return deliveries


async def settle(client: httpx2.AsyncClient, delivery: dict[str, Any], outcome: str, **fields: Any) -> None:
    body = {"consumer": "one", "settlements": [{"delivery": delivery["delivery"], "outcome": outcome, **fields}]}
    assert (await client.post("/api/subscriptions/work/settle", json=body)).json()["results"][0]["result"] == "settled"


async def test_an_agent_sees_its_deliveries_and_those_of_the_workflow(agent: httpx2.AsyncClient, happen: Any) -> None:
    await happen("a-1", {"type": "Placed"}, {"type": "Placed"})
    await happen("b-1", {"type": "Placed", "correlation_id": "other"})
    await happen("c-1", {"type": "Placed", "correlation_id": "third"})
    await subscribe(agent)
    [own] = await take(agent, agent="router", limit=1)
    await take(agent, consumer="two", agent="router", limit=1)
    await take(agent, consumer="three", agent="packer", limit=1)
    body = await resume(agent, agent="router")
    rows = [(each["event"]["position"], each["state"], each["waiting"]) for each in body["deliveries"]]
    assert rows == [(1, "in-flight", 1), (3, "in-flight", 0)]
    assert body["deliveries"][0]["delivery"] == own["delivery"]
    assert body["has_all_deliveries"] is True
    others = await resume(agent, agent="packer")
    assert [(each["event"]["position"], each["delivery"] is None) for each in others["deliveries"]] == [
        (1, True),
        (4, False),
    ]
    await settle(agent, own, "fail", delay=100)
    assert [each["state"] for each in (await resume(agent))["deliveries"]] == ["retrying"]


async def test_a_dead_letter_that_holds_its_key_is_told(agent: httpx2.AsyncClient, happen: Any) -> None:
    await happen("a-1", {"type": "Placed"}, {"type": "Placed"})
    await subscribe(agent)
    [delivery] = await take(agent)
    await settle(agent, delivery, "poison")
    [held] = (await resume(agent))["deliveries"]
    assert (held["state"], held["key"], held["attempt"], held["waiting"]) == ("held", "a-1", 1, 1)
    assert held["delivery"] is None


async def test_a_delivery_that_waits_for_a_paused_workflow_is_told(agent: httpx2.AsyncClient, happen: Any) -> None:
    await happen("a-1", {"type": "Placed"})
    await subscribe(agent)
    await agent.post("/api/workflows/pause", json={"id": RUN, "reason": "charges twice"})
    assert await take(agent) == []
    assert [each["state"] for each in (await resume(agent))["deliveries"]] == ["paused"]


async def test_deliveries_by_workflow_are_found_among_many(
    agent: httpx2.AsyncClient, happen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.subscriptions.open_deliveries._MOST_LOOKED_AT", 2)
    for workflow in ("w-1", "w-2", "w-3", RUN):
        await happen("a-1", {"type": "Placed", "correlation_id": workflow})
    await subscribe(agent, order_by="workflow")
    await subscribe(agent, "streams", order_by="none")
    await take(agent)
    body = await resume(agent)
    assert [(each["subscription"], each["key"]) for each in body["deliveries"]] == [("work", RUN)]
    assert body["has_all_deliveries"] is False


@pytest.mark.parametrize("order_by", ["stream", "agent"])
async def test_an_event_that_waits_for_another_workflow_is_told(
    agent: httpx2.AsyncClient, happen: Any, order_by: str
) -> None:
    await happen("a-1", {"type": "Placed", "correlation_id": "other"}, {"type": "Placed"}, {"type": "Other"})
    await happen("a-1", {"type": "Placed"})
    await subscribe(agent, order_by=order_by)
    await take(agent)
    body = await resume(agent)
    rows = [(each["event"]["position"], each["state"], each["attempt"]) for each in body["deliveries"]]
    assert rows == [(2, "waiting", 0), (4, "waiting", 0)]
    assert (body["deliveries"][0]["key"], body["deliveries"][0]["delivery"]) == (
        {"stream": "a-1", "agent": "router"}[order_by],
        None,
    )
    assert body["has_all_deliveries"] is True
    assert [each["event"]["position"] for each in (await resume(agent, limit=1))["deliveries"]] == [2]


async def test_events_that_wait_by_a_value_of_their_data_may_be_missing(agent: httpx2.AsyncClient, happen: Any) -> None:
    await happen("a-1", {"type": "Placed", "correlation_id": "other", "data": b'{"id": 7}'})
    await happen("b-1", {"type": "Placed", "data": b'{"id": 7}'})
    await subscribe(agent, order_by="/id")
    await take(agent)
    body = await resume(agent)
    assert (body["deliveries"], body["has_all_deliveries"]) == ([], False)
    assert (await resume(agent, "third"))["has_all_deliveries"] is True


async def test_of_a_long_workflow_not_every_event_is_looked_at(
    agent: httpx2.AsyncClient, happen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.subscriptions.open_deliveries._MOST_LOOKED_AT", 2)
    await happen("a-1", {"type": "Placed", "correlation_id": "other"}, {"type": "Placed"}, {"type": "Placed"})
    await subscribe(agent)
    await take(agent)
    assert (await resume(agent))["has_all_deliveries"] is True
    await happen("a-1", {"type": "Placed"})
    await take(agent)
    body = await resume(agent)
    assert [each["event"]["position"] for each in body["deliveries"]] == [3, 5], "4 is of the server"
    assert body["has_all_deliveries"] is False


async def test_leases_and_pauses_of_the_workflow_and_the_agent_are_told(agent: httpx2.AsyncClient, log: Log) -> None:
    await grant(agent, lease={"name": "gone"}, agent="router")
    await expire(log)
    await grant(agent, agent="packer")
    await grant(agent, lease={"name": "desk"}, agent="router")
    await grant(agent, lease={"name": "other"}, agent="packer")
    why = {"reason": "charges twice"}
    await agent.post("/api/agents/packer/pause", json=why)
    await agent.post("/api/workflows/pause", json={"id": "other", **why})
    body = await resume(agent, agent="router")
    assert [(each["lease"], each["holder"]) for each in body["leases"]] == [("name:desk", "router")]
    assert body["pauses"] == []
    await agent.post("/api/workflows/pause", json={"id": RUN, **why})
    assert [(each["kind"], each["name"]) for each in (await resume(agent))["pauses"]] == [("workflow", RUN)]
    body = await resume(agent, "other", agent="packer")
    assert [each["name"] for each in body["pauses"]] == ["other", "packer"]
    assert (await acquire(agent, lease={"workflow": "free"}, agent="router")).status_code == 201
    assert [each["lease"] for each in (await resume(agent, "free"))["leases"]] == ["workflow:free"]


async def test_a_workflow_that_nobody_began_is_idle(agent: httpx2.AsyncClient) -> None:
    body = await resume(agent, "nothing", agent="router")
    assert body["lifecycle"] == {"state": "Idle", "agent_state": None, "events": 0}
    assert (body["position"], body["last_event"], body["unfinished"], body["deliveries"]) == (0, None, [], [])


@pytest.mark.parametrize("workflow", ["a/b", "%2F", "/lead", "trail/", "a//b", "a/resume", "ünï c", "x#y?z=1", "100%"])
async def test_a_workflow_may_have_any_name(agent: httpx2.AsyncClient, happen: Any, workflow: str) -> None:
    await happen("a-1", {"type": "TaskStarted", "correlation_id": workflow})
    body = await resume(agent, workflow)
    assert (body["workflow"], len(body["unfinished"])) == (workflow, 1)


async def test_nothing_that_comes_while_it_is_read_is_told(engine: Engine, log: Log, happen: Any) -> None:
    await happen("a-1", {"type": "TaskStarted", "id": "first"})

    def come() -> None:
        outcome = {"type": "TaskCompleted", "data": b"{}", "causation_id": "first", "correlation_id": RUN}
        append(log, [("a-1", outcome)])
        Lease.objects.create(log=log, kind="workflow", name=RUN, token=1, holder="a", expires_at=timezone.now() + HOUR)
        connection.close()

    def interrupted(work: DbWork[Standing]) -> DbWork[Standing]:
        rows = yield next(work)
        with ThreadPoolExecutor() as thread:
            thread.submit(come).result()
        while True:
            try:
                request = work.send(rows)
            except StopIteration as end:
                standing: Standing = end.value
                return standing
            rows = yield request

    work = standing_of(log.pk, RUN, agent=None, limit=10)
    standing = await run_at_one_moment(interrupted(work), engine.pool)
    assert (standing.position, standing.events, len(standing.unfinished), standing.leases) == (1, 1, 1, [])
    later = await run_at_one_moment(standing_of(log.pk, RUN, agent=None, limit=10), engine.pool)
    assert (later.position, later.events, len(later.unfinished), len(later.leases)) == (2, 2, 0, 1)


@pytest.mark.parametrize(
    ("scopes", "fields", "query", "status"),
    [
        ([Scope.READ], {}, {}, 200),
        ([Scope.ADMIN], {}, {}, 200),
        ([Scope.READ], {}, {"agent": "router"}, 200),
        ([Scope.APPEND, Scope.CONSUME, Scope.SUPERVISE], {}, {}, 403),
        ([Scope.READ], {"stream_prefix": "order-"}, {}, 403),
        ([Scope.READ], {"agent": "router"}, {}, 200),
        ([Scope.READ], {"agent": "router"}, {"agent": "router"}, 200),
        ([Scope.READ], {"agent": "router"}, {"agent": "packer"}, 403),
        ([Scope.READ], {}, {"agent": ""}, 422),
        ([Scope.READ], {}, {"limit": 101}, 422),
        ([Scope.READ], {}, {"key": "a"}, 422),
    ],
    ids=str,
)
async def test_a_standing_is_read_with_the_scope_read_and_by_no_prefix(
    anyone: httpx2.AsyncClient,
    make_token: Callable[..., str],
    scopes: list[Scope],
    fields: dict[str, str],
    query: dict[str, Any],
    status: int,
) -> None:
    headers = {"Authorization": f"Bearer {await sync_to_async(make_token)(*scopes, **fields)}"}
    answer = await anyone.get(f"/api/workflows/{RUN}/resume", headers=headers, params=query)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.json()["agent"] == (query.get("agent") or fields.get("agent"))


async def test_only_a_token_that_may_settle_learns_the_id_of_a_delivery(
    agent: httpx2.AsyncClient, make_token: Callable[..., str], happen: Any
) -> None:
    await happen("a-1", {"type": "Placed"})
    await subscribe(agent)
    await take(agent, agent="router")
    for scopes, fields, is_told in (
        ([Scope.READ], {}, False),
        ([Scope.READ, Scope.CONSUME], {}, True),
        ([Scope.READ, Scope.CONSUME], {"agent": "router"}, True),
        ([Scope.READ, Scope.CONSUME], {"agent": "packer"}, False),
    ):
        agent.headers["Authorization"] = f"Bearer {await sync_to_async(make_token)(*scopes, **fields)}"
        body = await resume(agent, **({} if fields else {"agent": "router"}))
        assert [each["delivery"] is not None for each in body["deliveries"]] == [is_told]
