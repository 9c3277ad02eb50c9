"""A load generator that leaves the processor to the server: raw sockets on uvloop, requests rendered before.

It runs in a process of its own and returns its observations.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from multiprocessing import get_context
from typing import cast

import uvloop

_WARM_UP = 0.1
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """Requests sent in turn over open connections, each as soon as the request before it was answered."""

    port: int
    connections: int
    seconds: float
    requests: Sequence[bytes]


@dataclass(slots=True)
class Answers:
    """The observations: the seconds of each good answer, and the number of bad answers.

    `count` is the number of all answers, with those of the warm-up; `seconds` is the duration of the whole.
    """

    latencies: list[float] = field(default_factory=list)
    bad: int = 0
    count: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return len(self.latencies) / self.seconds


def generator() -> ProcessPoolExecutor:
    """The process that makes load: `generator().submit(generate, load)`."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def generate(load: Load) -> Answers:
    return uvloop.run(asyncio.wait_for(_generate(load), load.seconds + _PATIENCE))


def get(path: str, *, token: str) -> bytes:
    """A GET request as bytes."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def post(path: str, body: bytes, *, token: str, media: str = "application/json") -> bytes:
    """A POST request as bytes."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _generate(load: Load) -> Answers:
    answers = Answers()
    loop = asyncio.get_running_loop()
    start = time.perf_counter() + _WARM_UP
    connections = []
    for number in range(load.connections):
        requests = islice(cycle(load.requests), number * len(load.requests) // load.connections, None)
        _, connection = await loop.create_connection(
            lambda requests=requests: _Connection(requests, answers, start, start + load.seconds),  # type: ignore[misc]
            "127.0.0.1",
            load.port,
        )
        connections.append(connection)
    await asyncio.gather(*(connection.done for connection in connections))
    answers.seconds = time.perf_counter() - start
    return answers


class _Connection(asyncio.Protocol):
    """Sends a request, waits for the whole answer, and sends again until the time is over."""

    transport: asyncio.Transport

    def __init__(self, requests: islice[bytes], answers: Answers, began: float, stop: float) -> None:
        self._requests = requests
        self._answers = answers
        self._began = began
        self._stop = stop
        self._received = b""
        self._sent = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop has a class of its own
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, ended, body = self._received.partition(b"\r\n\r\n")
        if not ended or len(body) < _length(head):
            return
        now = time.perf_counter()
        self._answers.count += 1
        if self._sent >= self._began:
            if head.startswith(b"HTTP/1.1 20"):
                self._answers.latencies.append(now - self._sent)
            else:
                self._answers.bad += 1
        self._received = b""
        if now < self._stop:
            self._send()
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        with suppress(asyncio.InvalidStateError):
            self.done.set_result(None)

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self.transport.write(next(self._requests))


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
