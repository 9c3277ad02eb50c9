"""Live rows from the real server, with several workers, and beside a client that does not read."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from events.models import Log, Member
from tests.support.patience import PATIENCE
from tests.support.server import Server, database_variables

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="looks for sockets in /proc"),
]


@pytest.fixture
def workers(database: None, tmp_path: Path) -> Iterator[Server]:
    """A server of two processes."""
    environment = {**database_variables(), "SECRET_KEY": "of-the-workers"}
    with Server(environment, log=tmp_path / "log", options=("--workers", "2")) as server:
        server.start()
        yield server


@pytest.fixture
def cookie(member: Member, user: User, settings: Any) -> str:
    """The viewer's session, signed with the servers' secret."""
    settings.SECRET_KEY = "of-the-workers"
    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}"


def watch(server: Server, log: Log, cookie: str, query: str = "after=0") -> ClientConnection:
    return connect(
        f"{server.url.replace('http', 'ws')}/ws/logs/{log.name}/?{query}",
        additional_headers={"Cookie": cookie},
        origin=Origin(server.url),
        max_size=None,
    )


def worker_of(server: Server, port: int) -> int:
    """The worker that serves the connection from this local port."""
    deadline = time.monotonic() + PATIENCE
    # The table may lack a line if it changes while it is read.
    while not (inode := inode_of(port)):
        assert time.monotonic() < deadline, f"no connection from port {port}"
    for pid in workers_of(server):
        if f"socket:[{inode}]" in descriptors_of(pid):
            return pid
    raise AssertionError(f"no worker has the connection from port {port}")


def descriptors_of(pid: int) -> Iterator[str]:
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            yield os.readlink(each)


def inode_of(port: int) -> str | None:
    """The server's end of the connection from this local port."""
    lines = map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
    return next((line[9] for line in lines if line[2].endswith(f":{port:04X}") and line[9] != "0"), None)


def workers_of(server: Server) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()]


def append(connection: HTTPConnection, token: str, *events: dict[str, Any]) -> None:
    body = json.dumps({"events": [{"type": "Placed", "data": {}, **event} for event in events]})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", "/api/streams/order-1/events", body, headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 201


def positions(viewer: ClientConnection, upto: int) -> list[int]:
    """The positions that a viewer gets, oldest first, until `upto` is among them."""
    numbers: list[int] = []
    deadline = time.monotonic() + PATIENCE
    while not numbers or numbers[-1] < upto:
        frame = json.loads(viewer.recv(timeout=deadline - time.monotonic()))
        numbers += reversed([int(each) for each in re.findall(r'data-position="(\d+)"', frame["html"])])
    return numbers


def test_every_viewer_sees_every_event_whichever_process_took_it(
    workers: Server, log: Log, token: str, cookie: str
) -> None:
    with ExitStack() as stack:
        viewers: dict[int, list[ClientConnection]] = {}
        writers: dict[int, HTTPConnection] = {}
        deadline = time.monotonic() + PATIENCE
        # The kernel spreads connections as it likes: connect until each process has viewers and a writer.
        while len(writers) < 2 or len(viewers) < 2 or any(len(each) < 2 for each in viewers.values()):
            assert time.monotonic() < deadline
            viewer = stack.enter_context(watch(workers, log, cookie))
            viewers.setdefault(worker_of(workers, viewer.local_address[1]), []).append(viewer)
            writer = stack.enter_context(closing(HTTPConnection("127.0.0.1", workers.port)))
            writer.connect()
            writers.setdefault(worker_of(workers, writer.sock.getsockname()[1]), writer)
        assert set(writers) == set(viewers)
        for _ in range(20):
            for writer in writers.values():
                append(writer, token, {}, {})
        for each in [one for several in viewers.values() for one in several]:
            assert positions(each, 80) == list(range(1, 81))


def resident(pid: int) -> int:
    """The memory of a process, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def deaf_socket(server: Server, log: Log, cookie: str) -> socket.socket:
    """A viewer that shakes hands and never reads again."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", server.port))
    deaf.sendall(
        f"GET /ws/logs/{log.name}/?after=0 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nOrigin: {server.url}\r\n"
        f"Cookie: {cookie}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert b" 101 " in deaf.recv(64)
    return deaf


def test_viewers_that_do_not_read_hold_nobody_up_and_cost_little(
    workers: Server, log: Log, token: str, cookie: str
) -> None:
    wide = [{"type": "é" * 100, "data": {"text": "ü" * 200, "more": "ö" * 200}}] * 500
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(deaf_socket(workers, log, cookie))
        viewer = stack.enter_context(watch(workers, log, cookie))
        writer = stack.enter_context(closing(HTTPConnection("127.0.0.1", workers.port)))
        processes = workers_of(workers)
        append(writer, token, *wide)
        assert positions(viewer, 500)[-1] == 500
        before = sum(map(resident, processes))
        # Each round is a frame of its own for a viewer that reads.
        for n in range(2, 22):
            append(writer, token, *wide)
            assert positions(viewer, 500 * n)[-1] == 500 * n
        # 40 viewers and 20 frames of a megabyte: all unread frames would be 800 MB. Each viewer may hold up two frames.
        assert sum(map(resident, processes)) - before < 250 * 2**20


def test_pages_of_another_origin_get_no_socket(server: Server, log: Log) -> None:
    """The browser sends the cookie along, so another application on this machine could read the log."""
    with watch(server, log, ""):
        pass
    address = f"{server.url.replace('http', 'ws')}/ws/logs/{log.name}/"
    for origin in (Origin("http://127.0.0.1:9999"), Origin("http://localhost:3000"), None):
        with pytest.raises(InvalidStatus) as refusal:
            connect(address, origin=origin)
        assert refusal.value.response.status_code == 403
