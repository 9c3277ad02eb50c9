"""A small client of the HTTP API, as an agent would have one. How the bytes travel is the transport's matter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from events.api.schemas import AppendOut, EventOut, EventsOut

T = TypeVar("T")

Transport: TypeAlias = Callable[[str, str, bytes, str], Awaitable[tuple[int, bytes]]]
"""`(method, path with query, body, token) -> (status, body)`."""

LIMIT = 1000
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds to wait before trying again: a server that restarts is back by then."""
_TIMEOUT = 30.0


class ClientError(Exception):
    """The server is away, or refused. The message says why."""


class Conflict(ClientError):
    """The stream is not at the version that was expected."""


class Api:
    """One agent's access to one log: both are the token's."""

    def __init__(self, transport: Transport, token: str) -> None:
        self._transport = transport
        self._token = token

    async def append(
        self,
        stream: str,
        event: Mapping[str, Any],
        *,
        expected_version: int | str = "any",
        read_position: int | None = None,
    ) -> AppendOut:
        """Append one event. Raises `Conflict` where the stream has moved on, `ClientError` for any other refusal."""
        body = {"expected_version": expected_version, "read_position": read_position, "events": [event]}
        path = f"/api/streams/{quote(stream, safe='')}/events"
        return _decoded(*await self._transport("POST", path, msgspec.json.encode(body), self._token), AppendOut)

    async def events(self, **query: object) -> list[EventOut]:
        """Up to a thousand events; `query` as in `GET /api/events`, what is None is left out."""
        asked = {name: value for name, value in query.items() if value is not None}
        path = f"/api/events?{urlencode({'limit': LIMIT} | asked, doseq=True)}"
        return _decoded(*await self._transport("GET", path, b"", self._token), EventsOut).events


def _decoded(status: int, body: bytes, type_: type[T]) -> T:
    if status in (200, 201):
        return msgspec.json.decode(body, type=type_)
    try:
        problem: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        raise ClientError(f"The answer was no answer of the API: status {status}.") from None
    error = Conflict if problem.get("code") == "wrong-expected-version" else ClientError
    raise error(f"The API refused: {status} {problem.get('code')}: {problem.get('detail')}")


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
        raise ClientError(f"The server at {url} is gone, or too busy.")

    return send


def answers(url: str) -> bool:
    """Whether an Eventsite runs at this URL."""
    try:
        return urlsplit(url).scheme in ("http", "https") and _send(url, "GET", "/healthz", b"", "")[0] == 200
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
