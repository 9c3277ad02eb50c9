"""A small client of the HTTP API, for the demo and for playing files. A transport sends its requests.

It can send them within the process, before the server answers, and needs no package that the server has no use for.
Agents use `eventsite_client` (the folder `client`).
"""

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
_PAUSE_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
"""The pauses before further attempts: a server that restarts is back after them."""
_TIMEOUT_SECONDS = 30.0


class ClientError(Exception):
    """The server could not be reached, or refused the request. The message says why, and `code` the problem's code."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class Conflict(ClientError):
    """The stream is not at the version that was expected."""


class Api:
    """One agent's access to one log. The token determines both."""

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
        **guards: object,
    ) -> AppendOut:
        """Append one event. `guards` are further members of the request: `settles`, `leases`.

        Raises:
            Conflict: the stream is not at the expected version.
            ClientError: the server can't be reached, or refuses the request for another reason.
        """
        body = {"expected_version": expected_version, "read_position": read_position, "events": [event], **guards}
        return await self.call("POST", f"/streams/{quote(stream, safe='')}/events", body, gives=AppendOut)

    async def events(self, **query: object) -> list[EventOut]:
        """Return up to a thousand events. `query` is that of `GET /api/events`; a value of None is left out."""
        params = {name: value for name, value in query.items() if value is not None}
        path = f"/events?{urlencode({'limit': LIMIT} | params, doseq=True)}"
        return (await self.call("GET", path, gives=EventsOut)).events

    async def call(self, method: str, path: str, body: object = None, *, gives: type[T]) -> T:
        """Make any request of the API; `path` begins after `/api`, and `gives` is the type of the answer.

        Raises:
            Conflict, ClientError: as for `append()`.
        """
        text = b"" if body is None else msgspec.json.encode(body)
        return _decoded(*await self._transport(method, f"/api{path}", text, self._token), gives)


def _decoded(status: int, body: bytes, type_: type[T]) -> T:
    if status in (200, 201):
        return msgspec.json.decode(body, type=type_)
    try:
        problem: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        raise ClientError(f"The answer did not come from the API: status {status}.") from None
    error = Conflict if problem.get("code") == "wrong-expected-version" else ClientError
    message = f"The API refused: {status} {problem.get('code')}: {problem.get('detail')}"
    raise error(message, problem.get("code"))


def http(url: str) -> Transport:
    """Return a transport to the server at a URL.

    It tries again if the server is away or busy. That is always safe, as each event has an id.
    """

    async def send(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        for pause in _PAUSE_SECONDS:
            try:
                status, answer = await asyncio.to_thread(_send, url, method, path, body, token)
            except (OSError, HTTPException):
                pass
            else:
                if status != 503:
                    return status, answer
            await asyncio.sleep(pause)
        raise ClientError(f"The server at {url} does not answer, or is too busy.")

    return send


def answers(url: str) -> bool:
    """Whether an Eventsite runs at this URL."""
    try:
        return urlsplit(url).scheme in ("http", "https") and _send(url, "GET", "/healthz", b"", "")[0] == 200
    except (OSError, HTTPException, ValueError):  # ValueError: the text is not a URL
        return False


def _send(url: str, method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
    address = urlsplit(url)
    connect = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = connect(address.hostname or "", address.port, timeout=_TIMEOUT_SECONDS)
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request(method, address.path.rstrip("/") + path, body or None, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
