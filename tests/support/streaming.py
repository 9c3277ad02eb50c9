"""One request as ASGI messages: a test sees each part of the answer as it comes; its client may be slow or go away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from eventsite.asgi import http
from tests.support.patience import PATIENCE


class Exchange:
    """`async with Exchange("GET", "/api/events", token=…) as exchange:`; at the end of the block the client goes away.

    With `unfinished` the body has no end; with `abandoned` the client goes away before the body ends.
    """

    def __init__(
        self,
        method: str,
        path: str,
        *,
        token: str,
        query: str = "",
        headers: dict[str, str] | None = None,
        body: Iterable[bytes] = (),
        abandoned: bool = False,
        unfinished: bool = False,
        window: int = 1_000_000,
        extensions: Mapping[str, object] | None = None,
    ) -> None:
        bearer = {"authorization": f"Bearer {token}"} if token else {}
        all_headers = {"host": "testserver", **bearer, **(headers or {})}
        self._scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in all_headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("testserver", 80),
            "extensions": extensions or {},
        }
        self._body = list(body)
        self._abandoned = abandoned
        self._unfinished = unfinished
        self._gone = asyncio.Event()
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue(window)
        self._pending = b""
        self.bodies: list[bytes] = []
        """The pieces of the body, in the sizes in which they were sent."""
        self.status = 0
        self.headers: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(http(self._scope, self._receive, self._messages.put))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._gone.set()
        await asyncio.wait_for(self.task, PATIENCE)

    async def _receive(self) -> dict[str, Any]:
        if self._body:
            piece = self._body.pop(0)
            more = bool(self._body) or self._abandoned or self._unfinished
            return {"type": "http.request", "body": piece, "more_body": more}
        if not self._abandoned:
            await self._gone.wait()
        return {"type": "http.disconnect"}

    async def start(self) -> None:
        """Wait for the status and headers."""
        message = await asyncio.wait_for(self._messages.get(), PATIENCE)
        self.status = message["status"]
        self.headers = {name.decode(): value.decode() for name, value in message["headers"]}

    async def frames(self) -> AsyncIterator[dict[str, Any]]:
        """Each server-sent event as its fields, when it comes; `data` is parsed."""
        if not self.status:
            await self.start()
        while True:
            while b"\n\n" in self._pending:
                frame, _, self._pending = self._pending.partition(b"\n\n")
                yield _fields(frame)
            message = await asyncio.wait_for(self._messages.get(), PATIENCE)
            self.bodies.append(message.get("body", b""))
            self._pending += self.bodies[-1]
            if not message.get("more_body"):
                return

    async def events(self, count: int) -> list[dict[str, Any]]:
        """The next events, without heartbeats."""
        frames: list[dict[str, Any]] = []
        async for frame in self.frames():
            if "event" not in frame and "data" in frame:
                frames.append(frame)
            if len(frames) == count:
                break
        return frames

    async def answer(self) -> Any:
        """The JSON of the whole answer."""
        await self.start()
        message = await asyncio.wait_for(self._messages.get(), PATIENCE)
        return json.loads(message["body"])

    @property
    def waiting(self) -> int:
        """The number of messages that were sent and not yet read."""
        return self._messages.qsize()


def _fields(frame: bytes) -> dict[str, Any]:
    lines = [line.partition(b": ") for line in frame.split(b"\n")]
    fields: dict[str, Any] = {name.decode(): value.decode() for name, _, value in lines}
    data = b"\n".join(value for name, _, value in lines if name == b"data")
    return {**fields, "data": json.loads(data)} if data else fields
