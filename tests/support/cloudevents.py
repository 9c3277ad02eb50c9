"""Sending CloudEvents to the API."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.support.api import STRUCTURED


async def send(api: httpx.AsyncClient, body: Any, headers: dict[str, str] = STRUCTURED) -> httpx.Response:
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return await api.post("/api/events", content=content, headers=headers)


async def only_event(api: httpx.AsyncClient) -> dict[str, Any]:
    [event] = (await api.get("/api/events")).json()["events"]
    return dict(event)
