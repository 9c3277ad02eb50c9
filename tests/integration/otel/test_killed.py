"""`kill -9`: what was answered 200 becomes events, once, whichever process dies, and when."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from events.access import tokens
from events.models import Log, Scope
from events.reading import store
from tests.support.otel import PROTOBUF, export, new_trace, span
from tests.support.patience import PATIENCE
from tests.support.processes import die_with_parent
from tests.support.server import CHECKOUT, Server, database_variables

pytestmark = pytest.mark.processes

CLIENTS, TRACES = 4, 30
SPANS = 20_000
QUICKLY = {"EVENTSITE_OTEL_SETTLE_SECONDS": "0.2", "EVENTSITE_OTEL_SILENCE_SECONDS": "1"}
WORKER = """
import threading, django
django.setup()
from events.otel.worker import run
run(threading.Event())
"""


@pytest.fixture
def own_server(database: None, tmp_path: Path) -> Iterator[Server]:
    environment = {**database_variables(), "SECRET_KEY": "of-the-server-to-kill", **QUICKLY}
    with Server(environment, log=tmp_path / "log") as server:
        server.start()
        yield server


@pytest.fixture
def start_worker(database: None) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start a worker in a process of its own. All of them are killed in the end."""
    processes: list[subprocess.Popen[bytes]] = []
    environment = {
        **os.environ,
        **database_variables(),
        "SECRET_KEY": "of-the-worker",
        "DJANGO_SETTINGS_MODULE": "eventsite.settings",
    }

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER], cwd=CHECKOUT, env=environment, preexec_fn=die_with_parent()
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait(PATIENCE)


def spans_in(log: Log) -> Counter[tuple[str, str]]:
    """How many events each span has, by its trace and its id."""
    ids = [event.id for event in store.events(log.pk, limit=100_000).fetch()]
    return Counter((trace, span) for trace, span, end in (id.split(":") for id in ids) if end == "end")


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_kill_9_of_a_server_loses_and_repeats_no_span(own_server: Server, log: Log) -> None:
    headers = {"Authorization": f"Bearer {tokens.create_token(log, name='load', scopes=[Scope.APPEND])}", **PROTOBUF}
    traces = [[new_trace() for _ in range(TRACES)] for _ in range(CLIENTS)]
    taken: set[tuple[str, str]] = set()
    enough = threading.Event()

    def work(client_number: int) -> None:
        with httpx2.Client(base_url=own_server.url, headers=headers, timeout=60) as client:
            for trace in traces[client_number]:
                for number, parent in ((2, 1), (1, None)):
                    body = export(span(trace, number, parent)).SerializeToString()
                    try:
                        answer = client.post("/v1/traces", content=body)
                    except httpx2.HTTPError:  # the server was killed
                        return
                    assert answer.status_code == 200, answer.text
                    taken.add((trace.hex(), f"{number:016x}"))
                if len(taken) >= CLIENTS * TRACES * 2 // 3:
                    enough.set()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    assert enough.wait(PATIENCE)
    own_server.kill()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(taken) < CLIENTS * TRACES * 2, "it was killed too late to prove anything"

    own_server.start()
    until(lambda: taken <= spans_in(log).keys())
    for client_number in range(CLIENTS):  # exporters send again what was not answered, and here all
        work(client_number)
    until(lambda: len(spans_in(log)) == CLIENTS * TRACES * 2)
    assert set(spans_in(log).values()) == {1}


def test_kill_9_of_a_worker_in_the_middle_of_a_run(
    log: Log, server: Server, start_worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    token = tokens.create_token(log, name="load", scopes=[Scope.APPEND])
    trace = new_trace()
    body = export(span(trace, 1), *(span(trace, number, 1) for number in range(2, SPANS + 1)))
    with httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}", **PROTOBUF}) as client:
        assert client.post("/v1/traces", content=body.SerializeToString()).status_code == 200

    def head() -> int:
        return store.head(log.pk).first() or 0

    for _ in range(2):
        before = head()
        worker = start_worker()
        until(lambda before=before: head() > before)  # type: ignore[misc]
        worker.send_signal(signal.SIGKILL)
        worker.wait(PATIENCE)
        assert before < head() < SPANS, "it was killed too late to prove anything"
    start_worker()
    start_worker()
    until(lambda: head() >= SPANS)
    events = store.events(log.pk, limit=2 * SPANS).fetch()
    assert [event.id for event in events] == [f"{trace.hex()}:{number:016x}:end" for number in range(1, SPANS + 1)]
