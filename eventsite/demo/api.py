"""A small client of the HTTP API, as an agent would have one. How the bytes travel is the transport's matter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from events.schemas import AppendOut, EventOut, EventsOut

T = TypeVar("T")

Transport: TypeAlias = Callable[[str, str, bytes, str], Awaitable[tuple[int, bytes]]]
"""`(method, path with query, body, token) -> (status, body)`."""

LIMIT = 1000


class DemoError(Exception):
    """The demo can't go on. The message says why."""


class Conflict(DemoError):
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
        """Append one event. Raises `Conflict` where the stream has moved on, `DemoError` for any other refusal."""
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
        raise DemoError(f"The answer was no answer of the API: status {status}.") from None
    error = Conflict if problem.get("code") == "wrong-expected-version" else DemoError
    raise error(f"The API refused: {status} {problem.get('code')}: {problem.get('detail')}")
