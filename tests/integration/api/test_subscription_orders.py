"""Subscriptions are rewound, paused and resumed over HTTP; a dry run counts and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async

from events.models import Scope
from tests.support.consumers import ORDERS, QUICK, WORK, place, settle, take


async def order(client: httpx2.AsyncClient, act: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"{WORK}/{act}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def status(client: httpx2.AsyncClient) -> dict[str, Any]:
    return dict((await client.get(WORK)).json())


def positions(deliveries: list[dict[str, Any]]) -> list[int]:
    return [each["position"] for each in deliveries]


async def events(client: httpx2.AsyncClient) -> list[tuple[str, Any]]:
    """The types and data of the events that record what was done."""
    answer = await client.get("/api/streams/eventsite-subscription-work/events")
    return [(event["type"], event["data"]) for event in answer.json()["events"]]


async def test_a_rewind_delivers_again_what_came_after_the_position(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=QUICK)
    for stream in ("order-1", "order-2", "order-1", "order-2"):
        await place(worker, stream)
    first, second = await take(worker)
    await settle(worker, "ack", first, second)
    third, _fourth = await take(worker)
    assert positions([first, second, third]) == [2, 3, 4]

    dry = await order(worker, "rewind", position=2, dry_run=True)
    assert (await status(worker))["read_to"] == 5
    counts = {"delivered_again": 3, "settled_before": 1, "skipped": 0, "void_deliveries": 2, "closed_letters": 0}
    expected = {"subscription": "work", "from_position": 5, "position": 2, "counted_to": 5, **counts}
    assert dry == {**expected, "dry_run": True, "generation": None}
    assert await order(worker, "rewind", position=2) == {**expected, "dry_run": False, "generation": 2}

    again = await take(worker)
    assert positions(again) == [3, 4]
    assert [each["attempt"] for each in again] == [1, 1]
    assert [each["result"] for each in await settle(worker, "ack", second, third, again[0])] == [
        *("expired", "expired", "settled")
    ]
    assert again[0]["delivery"].split(".")[1].startswith("2-"), "the id has the new generation"


async def test_a_rewind_keeps_what_is_unsettled_before_the_position(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=QUICK)
    for _ in range(4):
        await place(worker, "order-1")
    [first] = await take(worker)
    assert (await status(worker))["waiting"] == 3
    await order(worker, "rewind", position=3)
    now = await status(worker)
    assert (now["read_to"], now["floor"], now["in_flight"], now["waiting"]) == (3, 1, 1, 1)
    assert [each["result"] for each in await settle(worker, "ack", first)] == ["settled"]
    for position in (3, 4, 5):
        [delivery] = await take(worker)
        assert delivery["position"] == position
        await settle(worker, "ack", delivery)
    assert await take(worker) == []


async def test_a_rewind_forward_skips_and_voids_what_is_unsettled(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json={**QUICK, "max_in_flight": 1})
    for stream in ("order-1", "order-1", "order-2", "order-3"):
        await place(worker, stream)
    [first] = await take(worker)
    read_to = (await status(worker))["read_to"]
    effect = await order(worker, "rewind", position=4)
    assert (effect["from_position"], effect["skipped"], effect["void_deliveries"]) == (read_to, 3, 1)
    now = await status(worker)
    assert (now["read_to"], now["floor"], now["in_flight"], now["waiting"]) == (4, 4, 0, 0)
    assert [each["result"] for each in await settle(worker, "ack", first)] == ["expired"]
    assert positions(await take(worker)) == [5]


async def test_a_rewind_to_where_it_is_changes_nothing(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json={**QUICK, "max_in_flight": 2})
    for stream in ("order-1", "order-1", "order-2", "order-3"):
        await place(worker, stream)
    first, second = await take(worker)
    names = ("read_to", "floor", "in_flight", "waiting", "generation")
    before = await status(worker)
    for dry_run in (True, False):
        effect = await order(worker, "rewind", position=before["read_to"], dry_run=dry_run)
        counts = (effect["skipped"], effect["delivered_again"], effect["void_deliveries"], effect["closed_letters"])
        assert (effect["generation"], counts) == (None if dry_run else 1, (0, 0, 0, 0))
    now = await status(worker)
    assert [now[name] for name in names] == [before[name] for name in names]
    assert "subscription.rewound" not in [type for type, _ in await events(worker)]
    assert {each["result"] for each in await settle(worker, "ack", first, second)} == {"settled"}


async def test_a_rewind_closes_the_dead_letters_in_its_range(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=QUICK)
    for stream in ("order-1", "order-2", "order-2"):
        await place(worker, stream)
    letters = await take(worker)
    await settle(worker, "poison", *letters)
    assert (await status(worker))["held"] == 2
    assert (await order(worker, "rewind", position=2))["closed_letters"] == 1
    assert (await status(worker))["held"] == 1
    [again] = await take(worker)
    assert again["position"] == 3
    await settle(worker, "poison", again)
    await order(worker, "rewind", position=2)
    for attempt in (1, 2, 3):
        [again] = await take(worker)
        assert (again["position"], again["attempt"]) == (3, attempt)
        await settle(worker, "fail", again)
    assert (await status(worker))["held"] == 2


async def test_a_rewind_reaches_the_server_of_each_process(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=ORDERS)
    await place(worker)
    await settle(worker, "ack", *await take(worker))
    waiting = asyncio.create_task(take(worker, wait=20))
    await order(worker, "rewind", position=0)
    assert positions(await waiting) == [2]


async def test_a_rewind_to_a_time_goes_on_with_the_first_event_then_or_later(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=QUICK)
    for stream in ("order-1", "order-2", "order-3"):
        await place(worker, stream)
    await settle(worker, "ack", *await take(worker))
    recorded = [event["recorded_at"] for event in (await worker.get("/api/events")).json()["events"]]
    dry = await order(worker, "rewind", time=recorded[2], dry_run=True)
    assert (dry["position"], dry["delivered_again"]) == (2, 2), "the event of that very time is delivered again"
    assert (await order(worker, "rewind", time="2001-01-01T00:00:00+02:00", dry_run=True))["position"] == 0
    assert (await order(worker, "rewind", time="9999-01-01T00:00:00Z", dry_run=True))["position"] == 4, "the end"
    await order(worker, "rewind", time=recorded[3])
    assert positions(await take(worker)) == [4]
    for place_of, field in (
        ({}, "position"),
        ({"position": 1, "time": recorded[2]}, "position"),
        ({"time": "2h"}, "time"),
    ):
        answer = await worker.post(f"{WORK}/rewind", json=place_of)
        assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_position_that_the_log_does_not_reach_is_refused(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=ORDERS)
    for position in (2, -1, 2**63):
        answer = await worker.post(f"{WORK}/rewind", json={"position": position})
        assert (answer.status_code, answer.json()["field"]) == (422, "position")
    assert (await worker.post("/api/subscriptions/none/rewind", json={"position": 0})).status_code == 404


async def test_a_paused_subscription_delivers_nothing_and_settles(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=ORDERS)
    for stream in ("order-1", "order-2"):
        await place(worker, stream)
    [first] = await take(worker, limit=1)
    dry = await order(worker, "pause", reason="too fast", dry_run=True)
    assert dry == {
        "subscription": "work",
        "dry_run": True,
        "changed": True,
        "paused": True,
        "in_flight": 1,
        "unsettled": 1,
        "behind": 1,
    }
    assert not (await status(worker))["paused"]
    assert (await order(worker, "pause", reason="too fast"))["changed"]
    assert not (await order(worker, "pause", reason="again"))["changed"]
    now = await status(worker)
    assert (now["paused"], now["pause_reason"]) == (True, "too fast")
    assert await take(worker) == []
    assert [each["result"] for each in await settle(worker, "ack", first)] == ["settled"]

    waiting = asyncio.create_task(take(worker, wait=20))
    await order(worker, "resume")
    assert positions(await waiting) == [3]
    now = await status(worker)
    assert (now["paused"], now["pause_reason"]) == (False, None)


async def test_what_people_order_is_recorded(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=ORDERS)
    await order(worker, "pause", reason="too fast")
    await order(worker, "resume")
    await order(worker, "rewind", position=1)
    recorded = await events(worker)
    rewound = {"from": 0, "to": 1, "generation": 2, "void_deliveries": 0, "closed_letters": 0}
    assert recorded[1:] == [
        ("subscription.paused", {"subscription": "work", "reason": "too fast"}),
        ("subscription.resumed", {"subscription": "work", "reason": None}),
        ("subscription.rewound", {"subscription": "work", **rewound}),
    ]
    answer = await worker.get("/api/streams/eventsite-subscription-work/events")
    assert {event["agent"] for event in answer.json()["events"]} == {"overseer"}


async def test_a_delivery_of_a_subscription_that_ended_is_void(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json=QUICK)
    await place(worker)
    [delivery] = await take(worker)
    assert (await worker.delete(WORK)).status_code == 204
    await worker.put(WORK, json=QUICK)
    assert [each["result"] for each in await settle(worker, "ack", delivery)] == ["expired"]
    assert positions(await take(worker)) == [2]


async def test_events_without_a_key_are_counted(worker: httpx2.AsyncClient) -> None:
    await worker.put(WORK, json={**ORDERS, "order_by": "/order"})
    for data in ({"order": 7}, {"order": None}, {}, {"order": "a" * 601}):
        await place(worker, data=data)
    deliveries = await take(worker)
    assert [each["key"] for each in deliveries] == ["7", None, None, None]
    assert (await status(worker))["without_key"] == 3
    await order(worker, "rewind", position=0)
    assert (await status(worker))["without_key"] == 0
    await worker.put("/api/subscriptions/unordered", json={**ORDERS, "order_by": "none"})
    await worker.post("/api/subscriptions/unordered/take", json={"consumer": "one"})
    assert (await worker.get("/api/subscriptions/unordered")).json()["without_key"] == 0


@pytest.mark.parametrize(
    ("scope", "act", "expected"),
    [
        (Scope.CONSUME, "rewind", 403),
        (Scope.SUPERVISE, "rewind", 403),
        (Scope.ADMIN, "rewind", 200),
        (Scope.CONSUME, "pause", 403),
        (Scope.SUPERVISE, "pause", 200),
        (Scope.CONSUME, "resume", 403),
        (Scope.SUPERVISE, "resume", 200),
    ],
)
async def test_an_order_needs_its_scope(
    worker: httpx2.AsyncClient, make_token: Callable[..., str], scope: Scope, act: str, expected: int
) -> None:
    await worker.put(WORK, json=ORDERS)
    body = {"position": 0} if act == "rewind" else {}
    for prefix in ("", "order-"):
        token = await sync_to_async(make_token)(scope, stream_prefix=prefix)
        headers = {"Authorization": f"Bearer {token}"}
        answer = await worker.post(f"{WORK}/{act}", json=body, headers=headers)
        assert answer.status_code == (403 if prefix else expected)
