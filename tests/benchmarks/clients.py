"""Clients of an event stream, many in one process; they only count what they get."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import uvloop

_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Following:
    """The clients that follow, and the triggers of events: requests sent one after the other over one connection."""

    port: int
    clients: int
    request: bytes
    frames: int
    triggers: Sequence[bytes]
    rest: float


def follow(following: Following) -> float:
    """Seconds from the first trigger until every client has every frame."""
    return uvloop.run(asyncio.wait_for(_follow(following), _PATIENCE))


async def _follow(following: Following) -> float:
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(following.clients):
        _, client = await loop.create_connection(
            lambda: _Client(following.request, following.frames), "127.0.0.1", following.port
        )
        clients.append(client)
    await asyncio.gather(*(client.greeted for client in clients))
    start = time.perf_counter()
    await _trigger(following)
    await asyncio.gather(*(client.complete for client in clients))
    seconds = time.perf_counter() - start
    for client in clients:
        client.transport.close()
    return seconds


async def _trigger(following: Following) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", following.port)
    for trigger in following.triggers:
        due = time.perf_counter() + following.rest
        writer.write(trigger)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 20"), head
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    writer.close()


class _Client(asyncio.Protocol):
    """Counts the blank lines that end the frames. The first frame is a greeting that says when to reconnect."""

    transport: asyncio.Transport

    def __init__(self, request: bytes, frames: int) -> None:
        self._request = request
        self._wanted = frames + 1
        self._seen = 0
        self._last = b""
        loop = asyncio.get_running_loop()
        self.greeted, self.complete = loop.create_future(), loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop has a class of its own
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        # The two line ends of a frame may come in two reads.
        self._seen += data.count(b"\n\n") + (self._last == b"\n" and data.startswith(b"\n"))
        self._last = data[-1:]
        if self._seen and not self.greeted.done():
            self.greeted.set_result(None)
        if self._seen >= self._wanted and not self.complete.done():
            self.complete.set_result(None)
