"""The workers beside the server: they start with it, are started again, are taken over, and end with it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from events.models import Log
from projections.models import Checkpoint
from tests.support.patience import PATIENCE
from tests.support.running import append, varied
from tests.support.server import Server, database_variables

MakeServer = Callable[..., Server]

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for the workers in /proc"),
]


@pytest.fixture
def make_server(database: None, tmp_path: Path) -> Iterator[MakeServer]:
    """Servers with workers on the test database. They end with the test, because they would take the logs of others."""
    servers: list[Server] = []

    def make(name: str, *options: str) -> Server:
        environment = {**database_variables(), "SECRET_KEY": "of-the-workers"}
        server = Server(environment, log=tmp_path / name, options=options)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.stop()


def children(server: Server) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""  # the command line of a zombie is empty
    except OSError:
        return False


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_at(log: Log, position: int) -> bool:
    return Checkpoint.objects.filter(log=log, projection="counts", is_live=True, position=position).exists()


def test_states_follow_the_log_though_workers_are_killed(make_server: MakeServer, log: Log) -> None:
    server = make_server("one")
    append(log, varied(20))
    until(lambda: is_at(log, 20))
    for pid in children(server):
        os.kill(pid, signal.SIGKILL)
    append(log, varied(20, first=20))
    until(lambda: is_at(log, 40))
    assert "it is started again" in server.output
    workers = children(server)
    assert server.stop() == 0
    assert not any(map(is_alive, workers))


def test_another_server_takes_over_from_one_that_was_killed(make_server: MakeServer, log: Log) -> None:
    one, _other = make_server("one"), make_server("other")
    append(log, varied(20))
    until(lambda: is_at(log, 20))
    workers = children(one)
    one.kill()
    append(log, varied(20, first=20))
    until(lambda: is_at(log, 40))
    until(lambda: not any(map(is_alive, workers)))


def test_a_server_that_only_answers_has_no_workers(make_server: MakeServer) -> None:
    assert children(make_server("one", "--web-only")) == []


def test_the_command_refuses_a_log_that_is_not_there(log: Log) -> None:
    with pytest.raises(CommandError, match="no log absent"):
        call_command("run_projections", "--log", log.name, "--log", "absent", stdout=StringIO())
