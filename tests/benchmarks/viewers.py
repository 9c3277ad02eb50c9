"""Viewers of live rows, many in one process: raw websockets that only note the time of each position."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
from typing import cast

import uvloop

from tests.benchmarks.machine import cpu_seconds

_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Viewing:
    """The viewers, and the triggers of rows: requests over one connection, begun at a fixed distance in seconds."""

    port: int
    server: int
    """The process id of the server, whose processor time is counted."""
    viewers: int
    path: str
    cookies: Sequence[str]
    """The sessions of the viewers; each viewer takes the next one."""
    triggers: Sequence[bytes]
    rest: float
    last: int
    """The position at which all viewers are done."""


@dataclass(slots=True)
class Seen:
    """The start of each trigger; for each viewer its frames, each with time and last position; the bytes `received`.

    `connecting` and `used` are seconds of the server's processor: until all viewers were there, and from then on.
    """

    began: list[float] = field(default_factory=list)
    frames: list[list[tuple[float, int]]] = field(default_factory=list)
    received: int = 0
    seconds: float = 0.0
    connecting: float = 0.0
    used: float = 0.0


def view(viewing: Viewing) -> Seen:
    return uvloop.run(asyncio.wait_for(_view(viewing), _PATIENCE))


async def _view(viewing: Viewing) -> Seen:
    loop = asyncio.get_running_loop()
    seen = Seen()
    start = cpu_seconds(viewing.server)
    viewers = []
    for cookie in islice(cycle(viewing.cookies), viewing.viewers):
        _, viewer = await loop.create_connection(partial(_Viewer, viewing, cookie), "127.0.0.1", viewing.port)
        viewers.append(viewer)
    await asyncio.gather(*(viewer.greeted for viewer in viewers))
    received = sum(viewer.received for viewer in viewers)
    seen.connecting = cpu_seconds(viewing.server) - start
    began = time.perf_counter()
    await _trigger(viewing, seen.began)
    await asyncio.gather(*(viewer.complete for viewer in viewers))
    seen.seconds = time.perf_counter() - began
    seen.used = cpu_seconds(viewing.server) - start - seen.connecting
    seen.received = sum(viewer.received for viewer in viewers) - received
    for viewer in viewers:
        seen.frames.append(viewer.frames)
        viewer.transport.abort()
    return seen


async def _trigger(viewing: Viewing, began: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", viewing.port)
    for trigger in viewing.triggers:
        began.append(time.perf_counter())
        writer.write(trigger)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 20"), head
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
        await asyncio.sleep(max(0.0, began[-1] + viewing.rest - time.perf_counter()))
    writer.close()


class _Viewer(asyncio.Protocol):
    """Reads each frame as far as its position, which is first in it."""

    transport: asyncio.Transport

    def __init__(self, viewing: Viewing, cookie: str) -> None:
        self._viewing = viewing
        self._cookie = cookie
        self._buffer = b""
        self._skip = 0
        self.frames: list[tuple[float, int]] = []
        self.received = 0
        loop = asyncio.get_running_loop()
        self.greeted, self.complete = loop.create_future(), loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop has a class of its own
        host = f"127.0.0.1:{self._viewing.port}"
        self.transport.write(
            f"GET {self._viewing.path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nCookie: {self._cookie}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        self._shaken = False

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self._skip >= len(data) and self._skip:
            self._skip -= len(data)
        else:
            self._buffer += data[self._skip :]
            self._skip = 0
            self._take()
        # A frame counts when all of it has arrived.
        if not self._skip and self.frames and self.frames[-1][1] >= self._viewing.last and not self.complete.done():
            self.complete.set_result(None)

    def _take(self) -> None:
        if not self._shaken:
            head, ended, self._buffer = self._buffer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101") or not ended, head
            if not ended:
                self._buffer = head
                return
            self._shaken = True
        while len(self._buffer) >= 64 or (len(self._buffer) >= 2 and len(self._buffer) >= 2 + self._buffer[1]):
            size, start = _length(self._buffer)
            self._note(self._buffer[start : start + 40])
            self._skip = max(0, start + size - len(self._buffer))
            self._buffer = self._buffer[start + size :]

    def _note(self, beginning: bytes) -> None:
        if not beginning.startswith(b'{"position":'):
            return  # a ping
        position = int(beginning[len(b'{"position":') :].replace(b"}", b",").partition(b",")[0])
        self.frames.append((time.perf_counter(), position))
        if not self.greeted.done():
            self.greeted.set_result(None)


def _length(frame: bytes) -> tuple[int, int]:
    """The length of a websocket frame's payload, and the place at which it begins."""
    if frame[1] == 126:
        return int.from_bytes(frame[2:4]), 4
    if frame[1] == 127:
        return int.from_bytes(frame[2:10]), 10
    return frame[1], 2
