"""Events that are logged in the background get to the log once, whatever happens to the process or the server."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from eventsite_client import AsyncClient, Client, NewEvent, Paused
from eventsite_client._background import lifetime
from eventsite_client._background.spool import Spool
from tests.support.patience import PATIENCE
from tests.support.processes import die_with_parent
from tests.support.server import CHECKOUT, Server, database_variables, free_port
from tests.support.transports import Through
from tests.support.twins import EVERYWHERE, MakeClient

pytestmark = pytest.mark.processes


def numbers(client: Client) -> list[int]:
    return [event.data for event in client.events()]


def start(program: str, server_url: str, token: str, **variables: str) -> subprocess.Popen[str]:
    """Start a program that has a `Client` and `NewEvent` at hand."""
    source = "import os\nfrom eventsite_client import Client, NewEvent\n" + textwrap.dedent(program)
    environment = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT / "client"),
        "EVENTSITE_URL": server_url,
        "EVENTSITE_TOKEN": token,
        **variables,
    }
    return subprocess.Popen(
        [sys.executable, "-c", source],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent(),
    )


@EVERYWHERE
def test_logged_events_arrive_in_order(client: Client) -> None:
    for n in range(3_000):
        client.log("s", NewEvent("Counted", n))
    client.log("s", NewEvent("Counted", 3_000), NewEvent("Counted", 3_001, id="mine"))
    assert client.flush()
    assert client.logged == (3_002, 0, 0, 0, 0)
    events = client.events().all()
    assert [event.data for event in events] == list(range(3_002))
    assert len({event.id for event in events}) == 3_002
    assert events[-1].id == "mine"


def test_logged_events_are_sent_many_at_a_time(make_client: MakeClient, server: Server, token: str) -> None:
    requests = []
    client = make_client(server.url, token, transport=lambda: Through(lambda request: requests.append(request)))
    client.log("s", *(NewEvent("Counted", n) for n in range(3_000)))
    assert client.flush()
    assert len(requests) < 100


@EVERYWHERE
def test_closing_sends_what_waits(make_client: MakeClient, address: tuple[str, str], client: Client) -> None:
    other = make_client(*address)
    other.log("s", NewEvent("Counted", 1))
    other.close()
    assert numbers(client) == [1]
    other.log("s", NewEvent("Counted", 2))
    other.close()
    assert numbers(client) == [1, 2]


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


@pytest.mark.parametrize("spool", [True, False])
def test_a_server_that_is_away_gets_all_when_it_is_back(
    make_client: MakeClient, database: None, token: str, tmp_path: Path, spool: bool
) -> None:
    environment = {**database_variables(), "SECRET_KEY": "of-the-server-to-kill"}
    with Server(environment, log=tmp_path / "log", options=("--web-only",)) as server:
        server.start()
        client = make_client(server.url, token, spool=tmp_path / "spool" if spool else None)
        for n in range(1_500):
            if n == 500:
                server.kill()
            if n == 1_000:
                assert not client.flush(0.1)
                server.start()
            client.log("s", NewEvent("Counted", n))
            time.sleep(0.0005)
        assert client.flush(PATIENCE)
        assert numbers(client) == list(range(1_500))


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
        left = list(iter(look_back.next, None))
        assert [len(file.peek(10, 10_000)) for file in left] == [1, 1]
        for file in left:
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


@EVERYWHERE
@pytest.mark.parametrize("spool", [True, False])
@pytest.mark.parametrize("refused", [1, 100, 250])
def test_events_that_the_server_refuses_do_not_hold_up_the_others(
    make_client: MakeClient,
    address: tuple[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    refused: int,
    spool: bool,
) -> None:
    client = make_client(*address, spool=tmp_path if spool else None)
    with caplog.at_level(logging.WARNING, "eventsite_client"):
        for n in range(600):
            tags = ("twice", "twice") if 300 <= n < 300 + refused else ()
            client.log("s", NewEvent("Counted", n, tags=tags))
        assert not client.flush()
    assert client.logged == (600 - refused, 0, 0, refused, 0)
    assert numbers(client) == [n for n in range(600) if not 300 <= n < 300 + refused]
    assert caplog.text.count("refuses the event") == refused
    if spool:
        kept = [json.loads(line) for line in (tmp_path / "refused.jsonl").read_text().splitlines()]
        assert [json.loads(each["line"])["data"] for each in kept] == list(range(300, 300 + refused))
        assert kept[0]["refusal"]["code"] == "invalid"


@EVERYWHERE
@pytest.mark.parametrize("spool", [True, False])
@pytest.mark.parametrize(
    ("paths", "body"),
    [
        (("/agents/router/pause", "/agents/router/resume"), {"reason": "it runs away"}),
        (("/workflows/pause", "/workflows/unpause"), {"reason": "it runs away", "id": "order-1004"}),
    ],
    ids=["agent", "workflow"],
)
def test_events_of_an_agent_or_a_workflow_that_is_paused_are_sent_when_it_goes_on(
    make_client: MakeClient,
    address: tuple[str, str],
    admin: Client,
    tmp_path: Path,
    spool: bool,
    paths: tuple[str, str],
    body: dict[str, str],
) -> None:
    client = make_client(*address, spool=tmp_path if spool else None)
    pause = admin.request("POST", paths[0], body, gives=dict[str, Any])
    assert admin.request("POST", paths[0], body, gives=dict[str, Any]) == pause
    router = NewEvent("Counted", agent="router", correlation_id="order-1004")
    with pytest.raises(Paused, match="it runs away") as caught:
        client.append("s", router)
    members = ("kind", "name", "position", "reason")
    assert [pause[name] for name in members] == [
        caught.value.members[name] for name in ("paused", "name", "since", "reason")
    ]
    client.log("s", NewEvent("Counted", "packed", agent="packer"), *[router] * 3)
    assert not client.flush()
    assert (client.logged.refused, client.logged.held_back) == (0, 3)
    assert [event.agent for event in client.stream_events("s")] == ["packer"]
    assert admin.request("POST", paths[1], body, gives=dict[str, Any])["resumed"] is True
    assert admin.request("POST", paths[1], body, gives=dict[str, Any])["resumed"] is False
    assert client.flush()
    assert [event.agent for event in client.stream_events("s")] == ["packer", "router", "router", "router"]


def test_a_logger_waits_for_room(make_client: MakeClient, server: Server, token: str) -> None:
    is_open = threading.Event()

    def gate(request: httpx2.Request) -> httpx2.Response | None:
        return None if is_open.is_set() else httpx2.Response(503)

    client = make_client(server.url, token, transport=lambda: Through(gate), log_bytes=10_000)
    logging_all = threading.Thread(target=client.log, args=("s", *(NewEvent("Counted", n) for n in range(200))))
    logging_all.start()
    logging_all.join(1.0)
    assert logging_all.is_alive()
    assert 0 < client.logged.waiting_bytes <= 10_000
    is_open.set()
    logging_all.join()
    assert client.flush(PATIENCE)
    assert numbers(client) == list(range(200))


def test_a_thread_that_waits_for_room_does_not_hold_up_the_end_of_its_process(token: str) -> None:
    program = """
        import threading
        from eventsite_client._background import lifetime

        lifetime.EXIT_SECONDS = 0.2
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


async def test_a_task_that_waits_for_room_can_be_cancelled_and_logs_nothing_then(server: Server, token: str) -> None:
    is_open = threading.Event()

    class Gate(httpx2.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            return await super().handle_async_request(request) if is_open.is_set() else httpx2.Response(503)

    async with AsyncClient(server.url, token, transport=Gate, log_bytes=1_000) as client:
        await client.log("s", NewEvent("Kept", "x" * 900))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.log("s", NewEvent("Cancelled", "x" * 900))
        is_open.set()
        await client.log("s", NewEvent("Later", "x" * 900))
        assert await client.flush(PATIENCE)
        assert [event.type async for event in client.events()] == ["Kept", "Later"]


def test_a_logger_drops_and_counts_what_there_is_no_room_for(
    make_client: MakeClient, server: Server, token: str
) -> None:
    is_open = threading.Event()

    def gate(request: httpx2.Request) -> httpx2.Response | None:
        return None if is_open.is_set() else httpx2.Response(503)

    client = make_client(server.url, token, transport=lambda: Through(gate), log_bytes=10_000, when_full="drop")
    for n in range(200):
        client.log("s", NewEvent("Counted", n))
    dropped = client.logged.dropped
    assert 0 < dropped < 200
    is_open.set()
    assert not client.flush(PATIENCE)
    assert numbers(client) == list(range(200 - dropped))


def test_what_could_not_be_sent_at_the_end_is_counted_and_said(
    make_client: MakeClient, token: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifetime, "EXIT_SECONDS", 0.2)
    client = make_client(f"http://127.0.0.1:{free_port()}", token)
    client.log("s", NewEvent("Counted", 1), NewEvent("Counted", 2))
    client.close()
    assert client.logged.dropped == 2
    assert "2 events are lost" in caplog.text
