"""Sending CloudEvents to the API."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from tests.support.api import STRUCTURED


async def send(api: httpx2.AsyncClient, body: Any, headers: dict[str, str] = STRUCTURED) -> httpx2.Response:
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return await api.post("/api/events", content=content, headers=headers)


async def only_event(api: httpx2.AsyncClient) -> dict[str, Any]:
    [event] = (await api.get("/api/events")).json()["events"]
    return dict(event)
