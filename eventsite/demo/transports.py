"""The transport to the API without HTTP: a direct call of the application in this process."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

from django.conf import settings

from events.client import Transport
from eventsite.api import api
from eventsite.lean import LeanAPI


def in_process() -> Transport:
    """Return the transport to the API of this process, which must have entered an `Engine`."""
    lean = LeanAPI(api)
    # The API accepts any allowed host.
    host = settings.ALLOWED_HOSTS[0].lstrip(".").replace("*", "localhost") if settings.ALLOWED_HOSTS else "localhost"

    async def send(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [
                (b"host", host.encode()),
                (b"authorization", f"Bearer {token}".encode()),
                (b"content-type", b"application/json"),
            ],
        }
        exchange = _Exchange(body)
        await lean(scope, exchange.receive, exchange.send)
        return exchange.status, exchange.answer

    return send


class _Exchange:
    """One request and its answer, as ASGI passes them."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self.status = 0
        self.answer = b""

    async def receive(self) -> dict[str, Any]:
        body, self._body = self._body, None
        if body is None:
            await asyncio.Event().wait()  # this client never disconnects
        return {"type": "http.request", "body": body}

    async def send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.answer += message.get("body", b"")
