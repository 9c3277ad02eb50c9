"""Consumers of a subscription over HTTP."""

from __future__ import annotations

from typing import Any

import httpx2

WORK = "/api/subscriptions/work"
ORDERS: dict[str, Any] = {"q": "type:Placed"}
QUICK: dict[str, Any] = {**ORDERS, "backoff": {"first": 0, "jitter": 0}}


async def place(client: httpx2.AsyncClient, stream: str = "order-1", type: str = "Placed", **fields: Any) -> None:
    answer = await client.post(f"/api/streams/{stream}/events", json={"events": [{"type": type, "data": 1, **fields}]})
    assert answer.status_code == 201


async def take(client: httpx2.AsyncClient, consumer: str = "one", **fields: Any) -> list[dict[str, Any]]:
    answer = await client.post(f"{WORK}/take", json={"consumer": consumer, "wait": 0.2, **fields})
    assert answer.status_code == 200, answer.text
    deliveries: list[dict[str, Any]] = answer.json()["deliveries"]
    return deliveries


async def settle(
    client: httpx2.AsyncClient, outcome: str, *deliveries: dict[str, Any], consumer: str = "one", **fields: Any
) -> list[dict[str, Any]]:
    settlements = [{"delivery": each["delivery"], "outcome": outcome, **fields} for each in deliveries]
    answer = await client.post(f"{WORK}/settle", json={"consumer": consumer, "settlements": settlements})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results
