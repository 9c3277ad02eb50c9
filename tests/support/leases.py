"""Leases, by the API and in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
from django.db.models import F

from events.models import Lease, Log


async def post(api: httpx2.AsyncClient, path: str, body: Any) -> httpx2.Response:
    return await api.post(f"/api/leases/{path}".rstrip("/"), json=body)


async def acquire(
    api: httpx2.AsyncClient,
    *,
    lease: dict[str, str] | None = None,
    agent: str = "planner",
    ttl: int = 60,
    **others: str,
) -> httpx2.Response:
    """Ask for the lease of the workflow run-1, or for another one."""
    return await post(api, "", {**(lease or {"workflow": "run-1"}), "agent": agent, "ttl": ttl, **others})


async def grant(api: httpx2.AsyncClient, **options: Any) -> dict[str, Any]:
    """Acquire a lease that is free."""
    answer = await acquire(api, **options)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def renew(api: httpx2.AsyncClient, lease: str, token: int, ttl: int = 60) -> httpx2.Response:
    return await post(api, "renew", {"lease": lease, "token": token, "ttl": ttl})


async def release(api: httpx2.AsyncClient, lease: str, token: int) -> httpx2.Response:
    return await post(api, "release", {"lease": lease, "token": token})


async def expire(log: Log) -> None:
    """Make the leases of a log run out, as if two hours had passed by the database's clock."""
    await Lease.objects.filter(log=log).aupdate(expires_at=F("expires_at") - timedelta(hours=2))
