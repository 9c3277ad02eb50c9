"""Subscriptions over HTTP: made and changed, taken from and settled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async

from events import engine, redaction
from events.access.grants import Grant
from events.api import subscriptions
from events.api.subscription_schemas import SubscriptionOut
from events.models import Log, Scope
from events.sql import subscriptions as sql
from tests.support.consumers import ORDERS, QUICK, WORK, place, settle, take


async def test_a_subscription_is_made_changed_and_ended(worker: httpx2.AsyncClient) -> None:
    made = await worker.put(WORK, json=ORDERS)
    assert made.status_code == 201
    assert made.json() == (await worker.get(WORK)).json()
    assert (made.json()["order_by"], made.json()["max_attempts"], made.json()["read_to"]) == ("stream", 3, 0)

    assert (await worker.put(WORK, json=ORDERS)).status_code == 200
    changed = await worker.put(WORK, json={**ORDERS, "max_attempts": 5})
    assert (changed.status_code, changed.json()["max_attempts"]) == (200, 5)
    assert [each["name"] for each in (await worker.get("/api/subscriptions")).json()["subscriptions"]] == ["work"]

    assert (await worker.delete(WORK)).status_code == 204
    for answer in (
        await worker.get(WORK),
        await worker.delete(WORK),
        await worker.post(f"{WORK}/take", json={"consumer": "one"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "no-such-subscription")


async def test_each_change_is_an_event_of_the_server(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=ORDERS)
    await worker.put(WORK, json=ORDERS)
    await worker.put(WORK, json={"q": "type:Other"})
    await worker.delete(WORK)
    events = (await worker.get("/api/streams/eventsite-subscription-work/events")).json()["events"]
    types = [event["type"] for event in events]
    assert types == ["subscription.created", "subscription.changed", "subscription.deleted"]
    assert events[1]["data"] == {"subscription": "work", "after": 0, "settings": {"query": "type:Other"}}


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        *(({"q": "since:2h"}, 422, "q"), ({"q": "state.a:1"}, 422, None), ({"q": "a:"}, 422, None), ({}, 422, "q")),
        *(({"q": "", "order_by": each}, 422, "order_by") for each in ("/a~2", "/a~", "/~/b", "a/b", "")),
        *(({"q": "", "order_by": "size"}, 422, "order_by"), ({"q": "", "ack_deadline": 0}, 422, "ack_deadline")),
        *(
            ({"q": "", "max_attempts": 0}, 422, "max_attempts"),
            ({"q": "", "backoff": {"factor": 0}}, 422, "backoff.factor"),
        ),
        ({"q": "", "breaker": {"failures": 3, "of": 2, "minimum": 1, "pause": 9}}, 422, "breaker.failures"),
        ({"q": "", "breaker": {"failures": 1, "of": 2, "minimum": 3, "pause": 9}}, 422, "breaker.minimum"),
        ({"q": "", "breaker": {"failures": 1, "of": 2, "minimum": 1, "pause": 0}}, 422, "breaker.pause"),
        ({"q": "", "breaker": {"failures": 1}}, 422, "breaker.of"),
        *(({"q": "", "start": -1}, 422, "start"), ({"q": "", "more": 1}, 422, "more")),
    ],
)
async def test_settings_are_checked(
    worker: httpx2.AsyncClient, body: dict[str, Any], status: int, field: str | None
) -> None:
    answer = await worker.put(WORK, json=body)
    assert answer.status_code == status
    assert answer.json().get("field") == field


async def test_order_and_start_stay(worker: httpx2.AsyncClient) -> None:
    await place(worker)
    await worker.put(WORK, json={**ORDERS, "start": "now"})
    for change in ({"order_by": "agent"}, {"start": 7}, {"start": 0}, {"start": "beginning"}):
        answer = await worker.put(WORK, json={**ORDERS, **change})
        assert (answer.status_code, answer.json()["code"]) == (409, "subscription-fixed")
    for same in ({}, {"start": 1}, {"start": "now"}):
        assert (await worker.put(WORK, json={**ORDERS, **same})).status_code == 200
    assert await take(worker) == []
    await place(worker)
    assert [each["position"] for each in await take(worker)] == [3]


async def test_a_key_in_a_pointer_may_hold_a_slash_and_a_tilde(worker: httpx2.AsyncClient) -> None:
    made = await worker.put(WORK, json={**ORDERS, "order_by": "/a~1b/~0"})
    assert (made.status_code, made.json()["order_by"]) == (201, "/a~1b/~0")


async def test_what_is_ended_while_it_is_changed_is_made_again(worker: httpx2.AsyncClient, log: Log) -> None:
    await worker.put(WORK, json=ORDERS)
    keys = {"log_id": log.pk, "name": "work"}
    async with engine.current().pool.connection() as session, session.transaction():
        await session.execute(sql.LOCK, keys)
        changing = asyncio.create_task(worker.put(WORK, json=ORDERS))
        await asyncio.sleep(0.3)
        await session.execute("delete from subscription where log_id = %(log_id)s and name = %(name)s", keys)
    assert (await changing).status_code == 201


async def test_what_is_ended_before_the_answer_is_made_again(
    worker: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = subscriptions._one

    async def ended(grant: Grant, name: str) -> SubscriptionOut:
        monkeypatch.undo()
        assert (await worker.delete(WORK)).status_code == 204
        return await one(grant, name)

    monkeypatch.setattr(subscriptions, "_one", ended)
    assert (await worker.put(WORK, json=ORDERS)).status_code == 201
    assert (await worker.get(WORK)).status_code == 200


async def test_settlements_are_one_to_a_thousand(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=ORDERS)
    each = {"delivery": f"1.1-1-{'0' * 32}", "outcome": "ack"}
    for number, status in ((0, 422), (1_001, 413)):
        answer = await worker.post(f"{WORK}/settle", json={"consumer": "one", "settlements": [each] * number})
        assert (answer.status_code, answer.json()["field"]) == (status, "settlements")


async def test_a_breaker_is_set_changed_and_taken_away(worker: httpx2.AsyncClient) -> None:
    breaker = {"failures": 1, "of": 1, "minimum": 1, "pause": 60.0}
    made = await worker.put(WORK, json={**QUICK, "breaker": breaker})
    assert (made.json()["breaker"], made.json()["circuit"]) == (breaker, None)
    await place(worker)
    await settle(worker, "fail", *await take(worker))
    circuit = (await worker.get(WORK)).json()["circuit"]
    assert (circuit["state"], circuit["trial"], circuit["until"] is not None) == ("open", None, True)
    assert (circuit["failures"], circuit["of"]) == (1, 1)
    assert (await worker.get("/api/subscriptions")).json()["subscriptions"][0]["circuit"] == circuit
    assert await take(worker) == []
    assert (await worker.put(WORK, json={**QUICK, "breaker": breaker})).json()["circuit"] == circuit
    changed = await worker.put(WORK, json={**QUICK, "breaker": {**breaker, "pause": 30}})
    assert changed.json()["circuit"] is None
    await settle(worker, "fail", *await take(worker))
    assert (await worker.put(WORK, json=QUICK)).json()["breaker"] is None
    assert len(await take(worker)) == 1


async def test_a_consumer_takes_and_settles(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=QUICK)
    for stream in ("order-1", "order-1", "order-2"):
        await place(worker, stream)
    await place(worker, type="Other")
    first, other = await take(worker)
    assert (first["position"], first["key"], first["attempt"], first["head"]) == (2, "order-1", 1, 5)
    assert first["event"]["data"] == 1
    assert other["position"] == 4

    [failed] = await settle(worker, "fail", first, error={"type": "Timeout", "message": "after 30 s"})
    assert failed["result"] == "settled"
    assert failed["retry_at"]
    [again] = await take(worker)
    assert (again["position"], again["attempt"]) == (2, 2)
    results = await settle(worker, "ack", first, again, other)
    assert [each["result"] for each in results] == ["expired", "settled", "settled"]
    assert [each["result"] for each in await settle(worker, "ack", again)] == ["already-settled"]
    [last] = await take(worker, "two")
    assert [each["result"] for each in await settle(worker, "ack", last)] == ["not-yours"]
    await settle(worker, "ack", last, consumer="two")

    status = (await worker.get(WORK)).json()
    assert (status["read_to"], status["floor"], status["behind"], status["in_flight"]) == (5, 5, 0, 0)


async def test_a_take_waits_for_an_event(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=ORDERS)
    waiting = asyncio.create_task(take(worker, wait=20))
    await asyncio.sleep(0.1)
    await place(worker)
    assert [each["position"] for each in await waiting] == [2]


async def test_the_same_request_gets_the_same_deliveries(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=ORDERS)
    await place(worker)
    first = await take(worker, request="r1")
    assert await take(worker, request="r1") == first
    assert await take(worker, request="r2") == []


async def test_used_up_attempts_make_a_dead_letter_and_an_event(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=QUICK)
    await place(worker, correlation_id="run-1")
    await place(worker)
    for _ in range(3):
        [delivery] = await take(worker)
        await settle(worker, "fail", delivery, error={"type": "Timeout", "message": "after 30 s"})
    assert await take(worker) == []
    assert (await worker.get(WORK)).json()["held"] == 1
    events: list[dict[str, Any]] = []
    while not events:
        events = (await worker.get("/api/events?q=type:EventFailed")).json()["events"]
        await asyncio.sleep(0.01)
    [failed] = events
    original = (await worker.get("/api/events/2")).json()
    assert (failed["correlation_id"], failed["causation_id"]) == ("run-1", original["id"])
    facts = failed["data"]
    assert (facts["subscription"], facts["position"], facts["attempts"], facts["death"]) == ("work", 2, 3, 1)
    assert facts["error"]["type"] == "Timeout"
    assert "30" not in str(facts["error"])


@pytest.fixture
def tokens(make_token: Callable[..., str]) -> dict[str, dict[str, str]]:
    """The headers of tokens with different rights."""
    values = {
        "admin": make_token(),
        "reader": make_token(Scope.READ, Scope.APPEND),
        "of orders": make_token(Scope.CONSUME, stream_prefix="order-"),
        "admin of orders": make_token(stream_prefix="order-"),
        "of new orders": make_token(Scope.CONSUME, stream_prefix="order-new-"),
    }
    return {name: {"Authorization": f"Bearer {value}"} for name, value in values.items()}


async def test_a_token_needs_the_scope_and_the_prefix(anyone: httpx2.AsyncClient, tokens: dict[str, Any]) -> None:
    assert (await anyone.put(WORK, json=ORDERS, headers=tokens["admin"])).status_code == 201
    for name in ("reader", "of orders"):
        headers = tokens[name]
        assert (await anyone.post(f"{WORK}/take", json={"consumer": "one"}, headers=headers)).status_code == 403
        assert (await anyone.put(WORK, json=ORDERS, headers=headers)).status_code == 403
    answer = await anyone.get("/api/subscriptions", headers=tokens["of orders"])
    assert answer.json() == {"subscriptions": []}


async def test_the_list_has_what_the_token_may_use(anyone: httpx2.AsyncClient, tokens: dict[str, Any]) -> None:
    address = "/api/subscriptions/orders"
    assert (await anyone.put(address, json=ORDERS, headers=tokens["admin of orders"])).status_code == 201
    for name in ("admin", "of orders", "of new orders"):
        answer = await anyone.get("/api/subscriptions", headers=tokens[name])
        listed = [each["name"] for each in answer.json()["subscriptions"]]
        usable = (await anyone.get(address, headers=tokens[name])).status_code
        assert (listed, usable) == ((["orders"], 200) if name == "of orders" else ([], 403))


async def test_the_oldest_unsettled_event_is_shown_with_its_age(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=QUICK)
    assert (await worker.get(WORK)).json()["oldest_unsettled"] is None
    for stream in ("order-1", "order-2"):
        await place(worker, stream)
    first, second = await take(worker)
    await settle(worker, "ack", first)
    status = (await worker.get(WORK)).json()
    oldest = status["oldest_unsettled"]
    assert (oldest["position"], oldest["position"] - 1) == (second["position"], status["floor"])
    assert oldest["recorded_at"] == second["event"]["recorded_at"] == status["oldest_unsettled_at"]
    assert 0 < oldest["age"] < 60


async def test_a_redacted_event_is_delivered_without_data_and_says_so(worker: httpx2.AsyncClient, log: Log) -> None:
    await worker.put(WORK, json=QUICK)
    for data in ({"card": "4711"}, None):
        await place(worker, data=data)
    await sync_to_async(redaction.redact)(log.pk, 2, reason="a card", by="ada")
    taken = [(await take(worker))[0]]
    await settle(worker, "ack", *taken)
    taken += await take(worker)
    assert [(each["event"]["data"], each["redacted"]) for each in taken] == [(None, True), (None, False)]
