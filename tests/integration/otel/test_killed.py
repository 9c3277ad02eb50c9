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
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from events.access import tokens
from events.models import Log, OtelTrace, Scope
from events.reading import store
from tests.support.otel import PROTOBUF, export, new_trace, span
from tests.support.patience import PATIENCE
from tests.support.processes import die_with_parent
from tests.support.server import CHECKOUT, Server, database_variables

pytestmark = pytest.mark.processes

CLIENTS, TRACES = 4, 30
SPANS = 20_000
CALLS = 6_000
TOOL = {"gen_ai__operation__name": "execute_tool", "gen_ai__tool__name": "look"}
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


def ids_in(log: Log) -> list[str]:
    return [event.id for event in store.events(log.pk, limit=100_000).fetch()]


def spans_in(log: Log) -> set[tuple[str, str]]:
    """The spans that have an event, by trace and id."""
    return {(trace, span) for trace, span, _ in (id.split(":") for id in ids_in(log))}


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
    until(lambda: taken <= spans_in(log))
    for client_number in range(CLIENTS):  # exporters send again what was not answered, and here all
        work(client_number)
    until(lambda: len(spans_in(log)) == CLIENTS * TRACES * 2)
    sent = (trace.hex() for some in traces for trace in some)
    assert sorted(ids_in(log)) == sorted(f"{trace}:{number:016x}:end" for trace in sent for number in (1, 2))


def test_kill_9_of_a_worker_in_the_middle_of_a_run(
    log: Log, server: Server, start_worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    trace = new_trace()
    send(log, server, export(span(trace, 1), *(span(trace, number, 1) for number in range(2, SPANS + 1))))
    for _ in range(2):
        kill_in_the_middle(log, start_worker, SPANS)
    start_worker()
    start_worker()
    until(lambda: head(log) >= SPANS)
    assert ids_in(log) == [f"{trace.hex()}:{number:016x}:end" for number in range(1, SPANS + 1)]


def test_a_worker_that_was_killed_has_told_what_twins_tell_that_came_meanwhile(
    log: Log, server: Server, start_worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    """Each call of a tool has two spans, as of two libraries. Of some, one is told when the other comes."""
    trace = new_trace()
    inner = (span(trace, number, number + CALLS, **TOOL) for number in range(2, CALLS + 2))
    outer = (span(trace, number + CALLS, 1, **TOOL) for number in range(2, CALLS + 2))
    send(log, server, export(*inner, span(trace, 1)))
    kill_in_the_middle(log, start_worker, 2 * CALLS)
    send(log, server, export(*outer))
    start_worker()
    until(lambda: head(log) >= 2 * CALLS + 2)
    until(lambda: not OtelTrace.objects.filter(log=log, due_at__isnull=False).exists())
    numbers = [int(id.split(":")[1], 16) for id in ids_in(log) if ":run:" not in id]
    assert Counter((number - 2) % CALLS for number in numbers) == Counter(dict.fromkeys(range(CALLS), 2))
    assert 0 < sum(number < CALLS + 2 for number in numbers) < 2 * CALLS


def send(log: Log, server: Server, request: ExportTraceServiceRequest) -> None:
    token = tokens.create_token(log, name="load", scopes=[Scope.APPEND])
    with httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}", **PROTOBUF}) as client:
        assert client.post("/v1/traces", content=request.SerializeToString()).status_code == 200


def kill_in_the_middle(log: Log, start_worker: Callable[[], subprocess.Popen[bytes]], count: int) -> None:
    """Kill a worker when it has written some more of so many events."""
    before = head(log)
    worker = start_worker()
    until(lambda: head(log) > before)
    worker.send_signal(signal.SIGKILL)
    worker.wait(PATIENCE)
    assert before < head(log) < count, "it was killed too late to prove anything"


def head(log: Log) -> int:
    return store.head(log.pk).first() or 0
