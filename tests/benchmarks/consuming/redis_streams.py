"""Redis Streams: consumers of a group. As ours do, they lose nothing: each command reaches the disk."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import uvloop

from tests.benchmarks import payloads
from tests.benchmarks.consuming.timing import rate
from tests.support.patience import PATIENCE
from tests.support.processes import die_with_parent
from tests.support.server import free_port

_STREAM = "events"
_FLUSH = 1_000
_DURABLE = (
    *("--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"),
    *("--save", "", "--bind", "127.0.0.1"),
)


def release() -> str | None:
    """Return the releases of the server and of its client; None if one of them is not installed."""
    if shutil.which("redis-server") is None or find_spec("redis") is None:
        return None
    words = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout.split()
    return f"{words[2].removeprefix('v=')}, redis {version('redis')} for Python"


class RedisStream:
    """A server of its own, with one stream of so many events."""

    def __init__(self, *, events: int) -> None:
        self._port = free_port()
        self._directory = tempfile.TemporaryDirectory(prefix="eventsite-redis-")
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self._port), "--dir", self._directory.name, *_DURABLE],
            stdout=subprocess.DEVNULL,
            preexec_fn=die_with_parent(),
        )
        self._events = events

    def __enter__(self) -> Self:
        uvloop.run(self._fill())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._directory.cleanup()

    def rate(self, *, consumers: int, batch: int, most: int) -> float:
        """Events a second of a group that begins. It has no order of keys."""
        return uvloop.run(self._rate(consumers, batch, most))

    async def _rate(self, consumers: int, batch: int, most: int) -> float:
        group = uuid4().hex
        clients = [self._client() for _ in range(consumers)]
        await clients[0].xgroup_create(_STREAM, group, "0")

        async def turn(number: int) -> int:
            answer = await clients[number].xreadgroup(group, f"consumer-{number}", {_STREAM: ">"}, count=batch)
            ids = [id for id, _ in answer[0][1]]
            await clients[number].xack(_STREAM, group, *ids)
            return len(ids)

        events = await rate([partial(turn, number) for number in range(consumers)], most=most)
        await clients[0].xgroup_destroy(_STREAM, group)
        for client in clients:
            await client.aclose()
        return events

    async def _fill(self) -> None:
        client = self._client()
        await self._wait_for(client)
        for first in range(0, self._events, _FLUSH):
            async with client.pipeline(transaction=False) as pipeline:
                for number in range(first, min(first + _FLUSH, self._events)):
                    pipeline.xadd(_STREAM, {"type": payloads.TYPE, "data": payloads.data(number)})
                await pipeline.execute()
        await client.aclose()

    async def _wait_for(self, client: Any) -> None:
        from redis import exceptions

        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                await client.ping()
            except exceptions.ConnectionError:
                assert self._process.poll() is None, "redis-server ended"
                assert time.monotonic() < deadline, "redis-server does not answer"
                time.sleep(0.05)  # noqa: ASYNC251 - nothing else runs
            else:
                return

    def _client(self) -> Any:
        """A client with one connection. What it asks for is Any, as it may not be installed."""
        from redis.asyncio import Redis

        return Redis(port=self._port, single_connection_client=True)
