"""The two ways to the API: over HTTP from another process, or straight into the application in this one."""

from __future__ import annotations

import asyncio
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings

from eventsite.api import api
from eventsite.demo.api import DemoError, Transport
from eventsite.lean import LeanAPI

_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds to wait before trying again: a server that restarts is back by then."""
_TIMEOUT = 30.0


def http(url: str) -> Transport:
    """To the server at this URL. Where it is away or busy, tries again: with ids that is always safe."""

    async def send(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        for pause in _PAUSES:
            try:
                status, answer = await asyncio.to_thread(_send, url, method, path, body, token)
            except (OSError, HTTPException):
                pass
            else:
                if status != 503:
                    return status, answer
            await asyncio.sleep(pause)
        raise DemoError(f"The server at {url} is gone, or too busy.")

    return send


def answers(url: str) -> bool:
    """Whether an Eventsite runs at this URL."""
    try:
        return _send(url, "GET", "/healthz", b"", "")[0] == 200
    except (OSError, HTTPException, ValueError):  # ValueError: what is no URL
        return False


def _send(url: str, method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
    address = urlsplit(url)
    connect = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = connect(address.hostname or "", address.port, timeout=_TIMEOUT)
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request(method, address.path.rstrip("/") + path, body or None, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def in_process() -> Transport:
    """To the API of this process, which must have entered an `Engine`."""
    lean = LeanAPI(api)
    # Any host that is allowed will do.
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
            await asyncio.Event().wait()  # nobody hangs up in here
        return {"type": "http.request", "body": body}

    async def send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.answer += message.get("body", b"")
