"""Consumers that send odd things, or at odd moments: the others are unharmed, and each gets an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx2
import psycopg
import pytest
from asgiref.sync import sync_to_async

from events import engine
from events.api import subscriptions
from events.api.subscription_schemas import MAX_MESSAGE_CHARACTERS
from events.models import FailedAttempt, Log
from events.subscriptions import server as servers
from eventsite.http_protocol import HAS_GONE
from tests.support.consumers import ORDERS, QUICK, WORK, place, settle, take
from tests.support.patience import PATIENCE
from tests.support.streaming import Exchange
from tests.support.subscriptions import expire


@pytest.fixture
async def tokens(make_token: Callable[..., str]) -> dict[str, dict[str, str]]:
    """The headers of tokens with stream prefixes, by prefix."""
    make = sync_to_async(make_token)
    return {
        prefix: {"Authorization": f"Bearer {await make(name=prefix, stream_prefix=prefix)}"} for prefix in ("a-", "b-")
    }


async def test_an_error_may_hold_any_character(worker: httpx2.AsyncClient, log: Log) -> None:
    await worker.put(WORK, json=QUICK)
    await place(worker)
    [delivery] = await take(worker)
    error = {"type": "E", "message": "a\0b", "traceback": "c\0d"}
    assert [each["result"] for each in await settle(worker, "fail", delivery, error=error)] == ["settled"]
    attempt = await FailedAttempt.objects.aget(log=log)
    assert (attempt.message, attempt.traceback) == ("a\ufffdb", "c\ufffdd")


async def test_a_message_has_a_length(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=QUICK)
    await place(worker)
    [delivery] = await take(worker)
    error = {"type": "E", "message": "x" * (MAX_MESSAGE_CHARACTERS + 1)}
    body = {"delivery": delivery["delivery"], "outcome": "fail", "error": error}
    answer = await worker.post(f"{WORK}/settle", json={"consumer": "one", "settlements": [body]})
    assert (answer.status_code, answer.json()["field"]) == (422, "settlements[0].error.message")


async def test_a_defect_leaves_nobody_waiting(worker: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    await worker.put(WORK, json=QUICK)
    monkeypatch.setattr(servers.Server, "_answer_settlements", None)
    async with asyncio.timeout(PATIENCE):
        answer = await worker.post(f"{WORK}/take", json={"consumer": "one", "wait": 60})
    assert answer.status_code == 500
    monkeypatch.undo()
    await place(worker)
    assert [each["position"] for each in await take(worker, wait=PATIENCE)] == [2]


@pytest.mark.parametrize("act", ["take", "settle", "pause", "rewind"])
async def test_a_name_that_no_subscription_can_have_is_not_found(worker: httpx2.AsyncClient, act: str) -> None:
    body = {
        "take": {"consumer": "one"},
        "settle": {"consumer": "one", "settlements": [{"delivery": f"1.1-1-{'0' * 32}", "outcome": "ack"}]},
        "pause": {},
        "rewind": {"position": 0},
    }
    answer = await worker.post(f"/api/subscriptions/a%00b/{act}", json=body[act])
    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-subscription")
    assert (await worker.get("/api/subscriptions/a%00b")).status_code == 404


async def test_a_bad_name_in_an_append_harms_no_other(worker: httpx2.AsyncClient) -> None:
    settles = [{"subscription": "a\0b", "delivery": f"1.1-1-{'0' * 32}"}]
    answer = await worker.post(
        "/api/streams/a-1/events", json={"events": [{"type": "A", "data": 1}], "settles": settles}
    )
    assert (answer.status_code, answer.json()["field"]) == (422, "settles[0].subscription")


async def test_a_subscription_that_was_made_again_belongs_to_its_new_maker(
    anyone: httpx2.AsyncClient, tokens: dict[str, dict[str, str]]
) -> None:
    async def ask(prefix: str, method: str, path: str = "", **body: Any) -> httpx2.Response:
        return await anyone.request(method, f"{WORK}{path}", json=body or None, headers=tokens[prefix])

    taking = {"consumer": "one", "wait": 0}
    await ask("a-", "PUT", **ORDERS)
    assert (await ask("a-", "POST", "/take", **taking)).status_code == 200
    waiting = asyncio.create_task(ask("a-", "POST", "/take", consumer="two", wait=PATIENCE))
    await asyncio.sleep(0.1)
    await ask("a-", "DELETE")
    assert (await ask("b-", "PUT", **ORDERS)).status_code == 201
    event = {"events": [{"type": "Placed", "data": 1}]}
    assert (await anyone.post("/api/streams/b-1/events", json=event, headers=tokens["b-"])).status_code == 201
    taken = await ask("b-", "POST", "/take", **taking)
    assert [each["key"] for each in taken.json()["deliveries"]] == ["b-1"]
    assert (await ask("a-", "POST", "/take", **taking)).status_code == 403
    assert (await waiting).status_code in (403, 404)


async def result(worker: httpx2.AsyncClient, outcome: str, delivery: dict[str, Any], **fields: Any) -> str:
    [answer] = await settle(worker, outcome, delivery, **fields)
    return str(answer["result"])


async def test_a_failure_that_is_sent_again_is_told_so_until_the_event_is_taken_again(
    worker: httpx2.AsyncClient,
) -> None:
    await worker.put(WORK, json={**ORDERS, "backoff": {"first": 0}})
    await place(worker)
    [delivery] = await take(worker)
    results = [await result(worker, "fail", delivery, delay=0) for _ in range(3)]
    assert results == ["settled", "already-settled", "already-settled"]
    [again] = await take(worker)
    assert (again["attempt"], await result(worker, "fail", delivery)) == (2, "expired")
    assert await result(worker, "ack", again) == "settled"


async def test_the_last_failure_that_is_sent_again_is_told_so_after_a_retry_too(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=QUICK)
    await place(worker)
    [delivery] = await take(worker)
    assert await result(worker, "poison", delivery) == "settled"
    assert await result(worker, "poison", delivery) == "already-settled"
    body = {"ids": [f"{WORK.rpartition('/')[2]}:{delivery['position']}"], "decision": "retry"}
    assert (await worker.post("/api/dead-letters/decide", json=body)).json()["results"][0]["result"] == "decided"
    assert await result(worker, "poison", delivery) == "already-settled"
    [again] = await take(worker)
    assert (await result(worker, "ack", delivery), await result(worker, "ack", again)) == ("expired", "settled")


async def test_a_last_attempt_that_took_too_long_is_not_told_that_it_was_settled(
    worker: httpx2.AsyncClient, log: Log
) -> None:
    await worker.put(WORK, json={**ORDERS, "max_attempts": 1})
    await place(worker)
    [delivery] = await take(worker)
    await sync_to_async(expire)(log)
    assert await take(worker) == []
    assert (await worker.get(WORK)).json()["held"] == 1
    assert await result(worker, "ack", delivery) == "expired"


@pytest.mark.parametrize("request_name", [None, "r"])
async def test_a_client_that_goes_before_the_first_byte_of_its_answer_has_taken_nothing(
    worker: httpx2.AsyncClient, request_name: str | None
) -> None:
    """Its take is done already. With a `request` it may come again, and then finds its deliveries."""
    await worker.put(WORK, json=ORDERS)
    await place(worker)
    body = json.dumps({"consumer": "one", **({"request": request_name} if request_name else {})}).encode()
    headers = {"Authorization": worker.headers["Authorization"], "Content-Type": "application/json"}
    client = Exchange(
        *("POST", f"{WORK}/take"), token="", headers=headers, body=[body], extensions={HAS_GONE: lambda: True}
    )
    async with client:
        await asyncio.wait_for(client.task, PATIENCE)
    deliveries = await take(worker, "two", wait=0.2 if request_name else PATIENCE)
    assert [each["attempt"] for each in deliveries] == ([] if request_name else [1])


@pytest.mark.parametrize("outcome", ["ack", "fail"])
async def test_an_extension_swallows_no_settlement(worker: httpx2.AsyncClient, outcome: str) -> None:
    await worker.put(WORK, json={**ORDERS, "backoff": {"first": 600}})
    await place(worker)
    [delivery] = await take(worker)
    each = {"delivery": delivery["delivery"]}
    settlements = [
        {**each, "outcome": "extend", "seconds": 60},
        {**each, "outcome": outcome},
        {**each, "outcome": "ack"},
    ]
    answer = await worker.post(f"{WORK}/settle", json={"consumer": "one", "settlements": settlements})
    assert [result["result"] for result in answer.json()["results"]] == ["settled", "settled", "already-settled"]
    status = (await worker.get(WORK)).json()
    assert (status["in_flight"], status["retrying"]) == (0, 1 if outcome == "fail" else 0)


async def test_a_request_that_is_sent_again_keeps_its_deliveries(
    worker: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first client goes away while both wait for the same answer."""
    await worker.put(WORK, json=ORDERS)
    server = await engine.current().subscriptions.of(log.pk, "work")
    hand_over = server._hand_over
    body = {"consumer": "one", "wait": PATIENCE, "request": "r"}
    first, second = (asyncio.create_task(worker.post(f"{WORK}/take", json=body)) for _ in range(2))

    async def hand_over_after_the_client_has_gone(*arguments: Any) -> None:
        monkeypatch.setattr(server, "_hand_over", hand_over)
        arguments[1].future.cancel()
        await hand_over(*arguments)

    monkeypatch.setattr(server, "_hand_over", hand_over_after_the_client_has_gone)
    await asyncio.sleep(0.1)
    await place(worker)
    answers = await asyncio.gather(first, second, return_exceptions=True)
    [taken] = [each.json()["deliveries"] for each in answers if isinstance(each, httpx2.Response) and each.is_success]
    assert await take(worker, "two") == []
    assert [each["result"] for each in await settle(worker, "ack", *taken)] == ["settled"]


async def test_a_token_for_one_agent_settles_deliveries_of_that_agent_only(
    worker: httpx2.AsyncClient, anyone: httpx2.AsyncClient, make_token: Callable[..., str]
) -> None:
    await worker.put(WORK, json=ORDERS)
    for stream in ("order-1", "order-2"):
        await place(worker, stream)
    first, second = await take(worker, agent="alice", request="r")
    anyone.headers["Authorization"] = f"Bearer {await sync_to_async(make_token)(agent='bob')}"
    assert await take(anyone, request="r") == []
    for outcome in ("ack", "poison"):
        assert [each["result"] for each in await settle(anyone, outcome, first)] == ["not-yours"]
    anyone.headers["Authorization"] = f"Bearer {await sync_to_async(make_token)(agent='alice')}"
    assert [each["result"] for each in await settle(anyone, "ack", first, second)] == ["settled", "settled"]


async def test_a_start_is_a_position_of_the_log(worker: httpx2.AsyncClient) -> None:
    await place(worker)
    answer = await worker.put(WORK, json={**ORDERS, "start": 500})
    assert (answer.status_code, answer.json()["field"]) == (422, "start")
    for status in (201, 200):
        assert (await worker.put(WORK, json={**ORDERS, "start": 1})).status_code == status


async def test_no_more_is_read_than_about_twice_of_what_fits(
    worker: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = 40
    await worker.put(WORK, json={**ORDERS, "order_by": "none"})
    for n in range(events):
        event = {"type": "Placed", "data": "x" * 1_000_000}
        await worker.post(f"/api/streams/order-{n}/events", json={"events": [event]})
    server = await engine.current().subscriptions.of(log.pk, "work")
    all_taken: list[dict[str, Any]] = []
    while deliveries := await take(worker):
        all_taken += deliveries
    assert len(all_taken) == events
    await settle(worker, "release", *all_taken)
    reads: list[int] = []
    events_at = server._events_at

    async def count_and_read(positions: Any) -> Any:
        reads.extend(positions)
        return await events_at(positions)

    monkeypatch.setattr(server, "_events_at", count_and_read)
    assert len(await take(worker)) == 4
    assert len(reads) == 8


async def test_what_could_not_be_handed_over_costs_no_attempt(
    worker: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worker.put(WORK, json=ORDERS)
    await place(worker)
    await settle(worker, "release", *await take(worker))
    server = await engine.current().subscriptions.of(log.pk, "work")

    async def lose_the_connection(positions: Any) -> Any:
        raise psycopg.OperationalError("the connection was lost")

    with monkeypatch.context() as patched:
        patched.setattr(server, "_events_at", lose_the_connection)
        answer = await worker.post(f"{WORK}/take", json={"consumer": "one", "wait": 0})
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")

    async def fail(*arguments: Any) -> Any:
        raise psycopg.OperationalError("the connection was lost")

    with monkeypatch.context() as patched:
        patched.setattr(subscriptions, "_redacted", fail)
        answer = await worker.post(f"{WORK}/take", json={"consumer": "two", "wait": PATIENCE})
        assert answer.is_error
    assert [each["attempt"] for each in await take(worker, "three", wait=PATIENCE)] == [1]
