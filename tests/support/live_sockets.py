"""A page's live socket without a server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter
from django.contrib.auth.models import User
from django.test import AsyncClient

from events.engine import Engine
from events.live.routing import websocket_urlpatterns
from events.models import Log
from tests.support.factories import make_append
from tests.support.patience import PATIENCE


class Socket:
    """A websocket without a server. (channels.testing would do, but it imports daphne.)"""

    def __init__(self, log: str, cookies: dict[str, str], query: str) -> None:
        scope: dict[str, Any] = {
            "type": "websocket",
            "path": f"/ws/logs/{log}/",
            "query_string": query.encode(),
            "headers": [],
            "cookies": cookies,
        }
        self._application = ApplicationCommunicator(URLRouter(websocket_urlpatterns), scope)

    async def connect(self) -> bool:
        """Connect, and return whether the socket is accepted."""
        await self._application.send_input({"type": "websocket.connect"})
        return bool((await self.receive())["type"] == "websocket.accept")

    async def receive(self) -> dict[str, Any]:
        output: dict[str, Any] = await self._application.receive_output(PATIENCE)
        return output

    async def close(self) -> None:
        await self._application.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._application.wait(PATIENCE)


async def cookies_of(user: User | None) -> dict[str, str]:
    """The cookies of a browser in which `user` has signed in; for None, of one in which nobody has."""
    client = AsyncClient()
    if user:
        await client.aforce_login(user)
    return {name: morsel.value for name, morsel in client.cookies.items()}


@asynccontextmanager
async def socket(log: str, user: User | None, query: str = "") -> AsyncIterator[Socket]:
    socket = Socket(log, await cookies_of(user), query)
    try:
        yield socket
    finally:
        await socket.close()


async def append(engine: Engine, log: Log, *events: dict[str, Any], stream: str = "order-1") -> None:
    await engine.writer.append(log.pk, [make_append(stream, *events)])


async def frame_of(watching: Socket) -> dict[str, Any]:
    """The next frame that holds rows."""
    async with asyncio.timeout(PATIENCE):
        while True:
            frame: dict[str, Any] = json.loads((await watching.receive())["text"])
            if frame["rows"]:
                return frame


async def rows(watching: Socket, upto: int) -> list[int]:
    """The positions that a page shows, oldest first, until it shows `upto`."""
    positions: list[int] = []
    while not positions or positions[-1] < upto:
        positions += reversed(shown_positions(await frame_of(watching)))
    return positions


def shown_positions(frame: dict[str, Any]) -> list[int]:
    """The positions of a frame's rows, in their order."""
    return [int(each) for each in re.findall(r'data-position="(\d+)"', frame["html"])]
