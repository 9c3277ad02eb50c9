"""Clients that ask for an event stream and read nothing: memory stays bounded, and nobody waits for them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from events.engine import Engine
from events.models import Log
from tests.support.factories import make_append
from tests.support.patience import PATIENCE, until
from tests.support.server import Server

READERS = 4
LARGE_EVENTS = 80
MEGABYTE = 2**20
GROWTH = 100 * MEGABYTE
"""Far less than the 320 MB that the readers asked for, as stored."""


@contextmanager
def reads_nothing(server: Server, token: str) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(
            f"GET /api/events?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        yield connection


def has_begun(connection: socket.socket) -> bool:
    """Whether the server has sent the first large event, as far as this client reads it."""
    return b"id: 1\n" in connection.recv(4096, socket.MSG_PEEK)


def peak(pid: int) -> int:
    """The peak memory of a process, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def forget_peak(pid: int) -> None:
    """Reset the peak memory of a process to its memory now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


async def read_to(server: Server, token: str, position: int) -> int:
    """Read an event stream up to a position; return the number of events."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    events = 0
    async with (
        httpx2.AsyncClient(timeout=PATIENCE) as client,
        client.stream("GET", f"{server.url}/api/events?after=0", headers=headers) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                events += 1
                if line == f"id: {position}":
                    break
    return events


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
async def test_readers_that_read_nothing_cost_little_memory_and_delay_nobody(
    server: Server, log: Log, other_log: Log, token: str
) -> None:
    async with Engine() as engine:
        for _ in range(LARGE_EVENTS):
            large = {"data": b'"%b"' % (b"x" * (MEGABYTE - 100))}
            await engine.writer.append(log.pk, [make_append("large-1", large)])
    forget_peak(server.pid)  # tests before this one used the server too
    before = peak(server.pid)
    headers = {"Authorization": f"Bearer {token}"}
    with ExitStack() as stack:
        stuck = [stack.enter_context(reads_nothing(server, token)) for _ in range(READERS)]
        for connection in stuck:
            await until(lambda connection=connection: has_begun(connection))  # type: ignore[misc]
        async with httpx2.AsyncClient(base_url=server.url, headers=headers, timeout=PATIENCE) as client:
            for _ in range(20):
                answer = await client.post("/api/streams/small-1/events", json={"events": [{"type": "A", "data": 1}]})
                assert answer.status_code == 201
        last = LARGE_EVENTS + 20
        assert await asyncio.wait_for(read_to(server, token, last), PATIENCE) == last
        assert peak(server.pid) - before < GROWTH
