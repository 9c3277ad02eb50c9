"""Events that a process logs in the background get to the log once, however the process ends."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from eventsite_client import Client, NewEvent
from eventsite_client._background import lifetime
from eventsite_client._background.spool import Spool
from tests.support.logging_programs import numbers, start
from tests.support.patience import PATIENCE
from tests.support.server import Server, free_port
from tests.support.transports import Through

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(
    ("end", "sent_bytes", "pause"),
    [(signal.SIGKILL, 2**23, 0.0), (signal.SIGTERM, 2**23, 0.0), (signal.SIGKILL, 1_000, 0.0001)],
    ids=["kill", "term", "kill amid files"],
)
def test_a_process_that_is_killed_amid_10_000_events_loses_and_doubles_none(
    server: Server, token: str, tmp_path: Path, end: signal.Signals, sent_bytes: int, pause: float
) -> None:
    """Also if it has sent some meanwhile, and begins one file after the other."""
    program = """
        import time
        from eventsite_client._background import spool_queue

        spool_queue.FILE_BYTES = int(os.environ["SENT_BYTES"])
        client = Client(spool=os.environ["SPOOL"])
        for n in range(10_000):
            client.log("s", NewEvent("Counted", n))
            os.write(1, b"%d\\n" % n)
            time.sleep(float(os.environ["PAUSE"]))
    """
    variables = {"SPOOL": str(tmp_path), "SENT_BYTES": str(sent_bytes), "PAUSE": str(pause)}
    with start(program, server.url, token, **variables) as process:
        assert process.stdout is not None
        returned = -1
        for line in process.stdout:
            returned = int(line)
            if returned == 5_000:
                process.send_signal(end)
        assert process.wait(PATIENCE) == -end
    assert 5_000 <= returned < 9_999
    with Client(server.url, token, spool=tmp_path) as client:
        assert client.flush(PATIENCE)
        logged = Counter(numbers(client))
    assert set(logged) >= set(range(returned + 1))
    assert set(logged.values()) == {1}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("transport", ["None", "httpx2.AsyncHTTPTransport"])
def test_a_process_of_asyncio_sends_all_at_its_end_also_to_a_host_with_a_name(
    server: Server, token: str, transport: str
) -> None:
    program = """
        import asyncio
        import httpx2
        from eventsite_client import AsyncClient

        async def log_some():
            client = AsyncClient(transport=eval(os.environ["TRANSPORT"]))
            for n in range(20):
                await client.log("s", NewEvent("Counted", n))

        asyncio.run(log_some())
    """
    with start(program, server.url.replace("127.0.0.1", "localhost"), token, TRANSPORT=transport) as process:
        assert process.wait(PATIENCE) == 0
    with Client(server.url, token) as client:
        assert numbers(client) == list(range(20))


def test_a_process_that_ends_as_usual_sends_all(server: Server, token: str, client: Client) -> None:
    program = """
        from eventsite_client._background import lifetime

        lifetime.EXIT_SECONDS = 45.0
        client = Client()
        for n in range(500):
            client.log("s", NewEvent("Counted", n))
    """
    with start(program, server.url, token) as process:
        assert process.wait(PATIENCE) == 0
    assert numbers(client) == list(range(500))


@pytest.mark.parametrize("spool", [True, False])
def test_processes_that_fork_send_each_event_once(
    server: Server, token: str, client: Client, tmp_path: Path, spool: bool
) -> None:
    program = """
        import sys
        from multiprocessing import get_context
        from threading import Thread
        from eventsite_client._background import lifetime

        lifetime.EXIT_SECONDS = 45.0  # without a spool, a busy machine would lose what takes longer
        client = Client(spool=os.environ["SPOOL"] or None)

        def work(first):
            for n in range(first, first + 300):
                client.log(f"s-{first}", NewEvent("Counted", n))

        busy = Thread(target=work, args=[0])
        busy.start()
        children = [get_context("fork").Process(target=work, args=[1_000 * n]) for n in (1, 2)]
        for child in children:
            child.start()
        if (pid := os.fork()) == 0:
            work(3_000)
            sys.exit()
        os.waitpid(pid, 0)
        for child in children:
            child.join()
        busy.join()
        work(4_000)
    """
    with start(program, server.url, token, SPOOL=str(tmp_path) if spool else "") as process:
        assert process.wait(PATIENCE) == 0, process.stderr
    expected = [n for first in range(0, 5_000, 1_000) for n in range(first, first + 300)]
    assert sorted(numbers(client)) == expected
    assert list(tmp_path.iterdir()) == []


def test_what_dead_processes_left_is_sent_by_the_next_one_in_order(
    server: Server, token: str, client: Client, tmp_path: Path
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    program = """
        client = Client(spool=os.environ["SPOOL"])
        for n in range(300):
            client.log("s", NewEvent("Counted", n))
        os._exit(0)
    """
    with start(program, nowhere, token, SPOOL=str(tmp_path)) as process:
        assert process.wait(PATIENCE) == 0
    [left] = tmp_path.iterdir()
    torn = left.read_bytes().replace(nowhere.encode(), server.url.encode()) + b'{"stream":"s","type":"Torn'
    left.write_bytes(torn)
    with Client(server.url, token, spool=tmp_path) as next_one:
        next_one.log("s", NewEvent("Counted", 300))
        assert next_one.flush(PATIENCE)
    assert numbers(client) == list(range(301))
    assert list(tmp_path.iterdir()) == []


def test_a_child_does_not_hold_on_to_the_files_of_its_dead_parent(token: str, tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    spool = Spool(tmp_path, url=f"{nowhere}/api", token=token)
    dead = spool.create()
    dead.put(b"of a dead process\n")
    dead.let_go()
    program = """
        import time

        client = Client(spool=os.environ["SPOOL"])
        client.log("s", NewEvent("Counted", 1))
        while client._log._sender._adopted is None:
            time.sleep(0.01)
        child = os.fork()
        if child == 0:
            os.close(1)
            os.close(2)
            time.sleep(600)
        os.write(1, b"%d" % child)
        os._exit(0)
    """
    with start(program, nowhere, token, SPOOL=str(tmp_path)) as process:
        child = int(process.communicate(timeout=PATIENCE)[0])
    try:
        look_back = spool.look_back()
        assert look_back is not None
        files = list(iter(look_back.next, None))
        assert [len(file.peek(10, 10_000)) for file in files] == [1, 1]
        for file in files:
            file.close()
    finally:
        os.kill(child, signal.SIGKILL)


def test_events_for_another_log_stay_where_they_are(
    server: Server, token: str, client: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = """
        client = Client(spool=os.environ["SPOOL"])
        client.log("s", NewEvent("Counted", 1))
        os._exit(0)
    """
    with start(program, f"http://127.0.0.1:{free_port()}", token, SPOOL=str(tmp_path)) as process:
        assert process.wait(PATIENCE) == 0
    [left] = tmp_path.iterdir()
    with Client(server.url, token, spool=tmp_path) as other:
        assert other.flush()
    assert numbers(client) == []
    assert list(tmp_path.iterdir()) == [left]
    assert "another server or token" in caplog.text
    assert token not in left.read_text()


def test_the_file_of_a_living_process_is_its_own(
    server: Server, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifetime, "EXIT_SECONDS", 0.2)
    away = Through(lambda request: httpx2.Response(503))
    with Client(server.url, token, spool=tmp_path, transport=lambda: away) as living:
        living.log("s", NewEvent("Counted", 1))
        with Client(server.url, token, spool=tmp_path) as other:
            assert other.flush()
            assert numbers(other) == []


def test_a_thread_that_waits_for_room_does_not_hold_up_the_end_of_its_process(token: str) -> None:
    program = """
        import threading
        from eventsite_client._background import lifetime

        lifetime.EXIT_SECONDS = 2.0  # a tenth of it is for saying what is lost
        client = Client(log_bytes=1_000)
        waits = threading.Event()

        def log_on():
            client.log("s", NewEvent("Counted", "x" * 900))
            waits.set()
            client.log("s", NewEvent("Counted", "x" * 900))

        threading.Thread(target=log_on).start()
        waits.wait()
    """
    with start(program, f"http://127.0.0.1:{free_port()}", token) as process:
        _, errors = process.communicate(timeout=PATIENCE)
    assert "there is no room for this event" in errors
    assert "1 events are lost" in errors
