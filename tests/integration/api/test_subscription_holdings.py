"""Who holds what of a subscription since when, over HTTP; a supervisor releases a delivery."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from events import redaction
from events.engine import Engine
from events.models import Delivery, Log, Scope, SubscriptionConsumer
from tests.support.consumers import QUICK, WORK, place, settle, take


async def read(client: httpx2.AsyncClient, what: str, **query: Any) -> dict[str, Any]:
    answer = await client.get(f"{WORK}/{what}", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def move_back(log: Log, position: int, **delta: float) -> None:
    """Let a delivery have been taken earlier."""
    rows = Delivery.objects.filter(log=log, position=position)
    await sync_to_async(rows.update)(taken_at=timezone.now() - timedelta(**delta))


async def test_a_full_window_says_who_has_held_longest(worker: httpx2.AsyncClient, log: Log) -> None:
    await worker.put(WORK, json={**QUICK, "max_in_flight": 2})
    for stream in ("order-1", "order-2", "order-3"):
        await place(worker, stream)
    [first] = await take(worker, "router-1", limit=1)
    [second] = await take(worker, "router-2", agent="router", limit=1)
    await move_back(log, second["position"], minutes=14)
    window = await read(worker, "deliveries", limit=1)
    assert (window["in_flight"], window["max_in_flight"]) == (2, 2)
    [oldest] = window["deliveries"]
    assert (oldest["consumer"], oldest["agent"], oldest["delivery"]) == ("router-2", "router", second["delivery"])
    assert 840 <= oldest["held_for"] < 900
    rows = (await read(worker, "deliveries"))["deliveries"]
    assert [each["delivery"] for each in rows] == [second["delivery"], first["delivery"]]


async def test_a_key_that_was_redacted_is_null(worker: httpx2.AsyncClient, log: Log) -> None:
    await worker.put(WORK, json={**QUICK, "order_by": "/mail"})
    for stream in ("order-1", "order-2"):
        await place(worker, stream, data={"mail": "secret"})
    [delivery] = await take(worker)
    assert (delivery["key"], delivery["redacted"]) == ("secret", False)
    await sync_to_async(redaction.redact)(log.pk, delivery["position"], reason="a secret", by="ada")
    [in_flight], [key] = (await read(worker, "deliveries"))["deliveries"], (await read(worker, "keys"))["keys"]
    assert [(each["key"], each["redacted"]) for each in (in_flight, key)] == [(None, True)] * 2


async def test_a_key_that_waits_says_why(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json={**QUICK, "max_attempts": 2, "backoff": {"first": 600, "jitter": 0}})
    for stream in ("held-1", "flying-1", "retrying-1"):
        for _ in range(2 if stream == "retrying-1" else 3):
            await place(worker, stream)
    held, _flying, retrying = await take(worker)
    await settle(worker, "poison", held, error={"type": "Broken"})
    await settle(worker, "fail", retrying, error={"type": "Timeout"})
    keys = (await read(worker, "keys"))["keys"]
    assert [(each["key"], each["state"], each["waiting"], each["error_type"]) for each in keys] == [
        ("held-1", "held", 2, "Broken"),
        ("flying-1", "in-flight", 2, None),
        ("retrying-1", "retrying", 1, "Timeout"),
    ]
    assert [each["consumer"] for each in keys] == [None, "one", None]
    assert [each["due"] is not None for each in keys] == [False, True, True]
    assert len((await read(worker, "keys", limit=1))["keys"]) == 1


async def test_consumers_are_known_by_their_takes_and_settlements(worker: httpx2.AsyncClient, engine: Engine) -> None:
    await worker.put(WORK, json=QUICK)
    for stream in ("order-1", "order-2", "order-3"):
        await place(worker, stream)
    first, second = await take(worker, "one", agent="packer", limit=2)
    await take(worker, "idle", limit=1)
    await settle(worker, "ack", first, second)
    await engine.consumers.write()
    one_and_idle = (await read(worker, "consumers"))["consumers"]
    assert [(each["consumer"], each["agent"], each["in_flight"]) for each in one_and_idle] == [
        ("idle", None, 1),
        ("one", "packer", 0),
    ]
    assert all(each["last_seen_at"] for each in one_and_idle)
    assert [each["per_minute"] >= 1 for each in one_and_idle] == [True, True]
    await worker.delete(WORK)
    await worker.put(WORK, json=QUICK)
    assert (await read(worker, "consumers"))["consumers"] == []


async def test_what_a_consumer_took_counts_for_two_minutes(
    worker: httpx2.AsyncClient, log: Log, engine: Engine
) -> None:
    await worker.put(WORK, json=QUICK)
    rows = SubscriptionConsumer.objects.filter(log=log)
    for number in (1, 2):
        await place(worker, f"order-{number}")
        await take(worker, limit=1)
        await engine.consumers.write()
        row = await sync_to_async(rows.get)()
        assert row.in_minute + row.in_minute_before == number
    await sync_to_async(rows.update)(minute=row.minute - timedelta(minutes=7))
    [consumer] = (await read(worker, "consumers"))["consumers"]
    assert consumer["per_minute"] == 0
    await take(worker)
    await engine.consumers.write()
    row = await sync_to_async(rows.get)()
    assert row.in_minute + row.in_minute_before == 0


async def test_a_consumer_that_was_not_seen_for_a_day_is_forgotten(
    worker: httpx2.AsyncClient, log: Log, engine: Engine
) -> None:
    await worker.put(WORK, json=QUICK)
    await take(worker, "old")
    await engine.consumers.write()
    rows = SubscriptionConsumer.objects.filter(log=log)
    await sync_to_async(rows.update)(last_seen_at=timezone.now() - timedelta(days=2))
    await take(worker, "new")
    await engine.consumers.write()
    assert [each["consumer"] for each in (await read(worker, "consumers"))["consumers"]] == ["new"]


async def test_a_released_delivery_goes_to_the_next_consumer(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=QUICK)
    await place(worker)
    [stuck] = await take(worker, "stuck")
    body = {"delivery": stuck["delivery"], "reason": "it hangs"}
    answer = await worker.post(f"{WORK}/release", json=body)
    assert answer.status_code == 200
    assert (answer.json()["consumer"], answer.json()["position"]) == ("stuck", 2)
    [again] = await take(worker, "next")
    assert (again["position"], again["attempt"]) == (2, 1)
    assert [each["result"] for each in await settle(worker, "ack", stuck, consumer="stuck")] == ["expired"]
    assert (await worker.post(f"{WORK}/release", json=body)).json()["code"] == "no-such-delivery"
    events = (await worker.get("/api/streams/eventsite-subscription-work/events")).json()["events"]
    assert (events[-1]["type"], events[-1]["agent"]) == ("subscription.deliveries-released", "overseer")
    assert events[-1]["data"] == {
        "subscription": "work",
        "consumers": ["stuck"],
        "deliveries": 1,
        "first": 2,
        "reason": "it hangs",
    }


async def test_each_release_of_the_deliveries_of_a_take_is_recorded(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=QUICK)
    for stream in ("order-1", "order-2"):
        await place(worker, stream)
    for delivery in await take(worker):
        answer = await worker.post(f"{WORK}/release", json={"delivery": delivery["delivery"], "reason": "r"})
        assert answer.status_code == 200
    events = (await worker.get("/api/streams/eventsite-subscription-work/events")).json()["events"]
    assert [event["data"]["first"] for event in events[1:]] == [2, 3]


async def test_a_delivery_of_another_subscription_is_not_released(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=QUICK)
    await worker.put("/api/subscriptions/other", json=QUICK)
    await place(worker)
    [delivery] = await take(worker)
    body = {"delivery": delivery["delivery"], "reason": "r"}
    assert (await worker.post("/api/subscriptions/other/release", json=body)).status_code == 404
    assert [each["result"] for each in await settle(worker, "ack", delivery)] == ["settled"]


@pytest.mark.parametrize("what", ["deliveries", "keys", "consumers", "release"])
async def test_what_is_held_is_for_tokens_of_the_subscription(
    worker: httpx2.AsyncClient, make_token: Callable[..., str], what: str
) -> None:
    await worker.put(WORK, json=QUICK)
    needed = Scope.SUPERVISE if what == "release" else Scope.CONSUME
    body = {"delivery": f"1.1-1-{'0' * 32}", "reason": "r"}
    for scopes, prefix, expected in (
        ((needed,), "", 404 if what == "release" else 200),
        ((needed,), "order-", 403),
        ((Scope.APPEND,), "", 403),
    ):
        token = await sync_to_async(make_token)(*scopes, stream_prefix=prefix)
        method = "POST" if what == "release" else "GET"
        answer = await worker.request(method, f"{WORK}/{what}", json=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == expected, answer.text
