"""The health checks. `/healthz`: the process answers. `/readyz`: it also reaches its database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from django.contrib.contenttypes.models import ContentType

from events import engine
from events.reading.store import Read

_PATIENCE_SECONDS = 2.0
"""The time that the database has to answer."""


async def application(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    ready = scope["path"] != "/readyz" or await _reaches_database()
    body = orjson.dumps({"status": "ok" if ready else "unavailable"})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 200 if ready else 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _reaches_database() -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await Read(ContentType.objects.values_list("id")[:1], int).afetch(engine.current().pool)
    except Exception:  # for any reason the answer is no
        return False
    return True
