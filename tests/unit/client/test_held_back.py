"""Events that the server refuses for now wait beside the others, in order, and are sent when it takes them."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eventsite_client import Client, NewEvent
from eventsite_client._background import held_back, sender, spool_queue
from tests.support.patience import PATIENCE, wait_until
from tests.support.transports import Lines

CHECKOUT = Path(__file__).parents[3]
Refusal = Callable[[dict[str, Any]], str | None]


def client_of(lines: Lines, **options: Any) -> Client:
    return Client("http://testserver", "evt_x", transport=lambda: lines, **options)


def of_agent(agent: str, code: str = "paused") -> Refusal:
    return lambda event: code if event.get("agent") == agent else None


def nobody(event: dict[str, Any]) -> str | None:
    return None


def log(client: Client, data: object, agent: str, **options: Any) -> None:
    client.log("s", NewEvent("A", data, agent=agent, **options))


@pytest.mark.parametrize("spool", [True, False])
def test_events_of_a_paused_agent_wait_in_order_and_hold_up_no_others(tmp_path: Path, spool: bool) -> None:
    lines = Lines(of_agent("router"))
    with client_of(lines, spool=tmp_path if spool else None) as client:
        for n in range(200):
            log(client, n, "router" if n % 2 else "packer")
        assert not client.flush()
        assert lines.data == list(range(0, 200, 2))
        assert client.logged[2:] == (0, 0, 100)
        assert client.logged.waiting_bytes > 0
        log(client, 200, "packer")
        log(client, 201, "router")
        lines.refusal = nobody
        log(client, 203, "router")
        assert client.flush(PATIENCE)
        assert lines.data[:101] == list(range(0, 201, 2))
        assert lines.data[101:] == [*range(1, 203, 2), 203]
        assert client.logged == (203, 0, 0, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_they_are_tried_again_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_back, "_PAUSE_SECONDS", 0.05)
    refusals = iter(["paused"] * 3)
    lines = Lines(lambda event: next(refusals, None))
    with client_of(lines) as client:
        log(client, 1, "router")
        deadline = time.monotonic() + PATIENCE
        while client.logged.sent < 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert lines.requests == 4


def test_a_try_that_takes_long_is_made_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_back, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(held_back, "_MOST_PAUSE_SECONDS", 1_000.0)

    def be_slow(event: dict[str, Any]) -> str:
        time.sleep(0.3)
        return "paused"

    lines = Lines(be_slow)
    with client_of(lines) as client:
        log(client, 1, "router")
        wait_until(lambda: lines.requests == 2)
        time.sleep(1)
        assert lines.requests == 2
        lines.refusal = nobody
        assert client.flush(PATIENCE)


def test_a_demanded_lease_holds_up_its_stream_only() -> None:
    lines = Lines(lambda event: "lease-needed" if event["type"] == "Paid" else None)
    with client_of(lines) as client:
        client.log("s", NewEvent("Paid", 1), NewEvent("A", 2))
        client.flush()
        client.log("s", NewEvent("A", 3))
        client.log("t", NewEvent("A", 4))
        assert not client.flush()
        assert lines.data == [2, 4]
        lines.refusal = nobody
        assert client.flush(PATIENCE)
        assert lines.data == [2, 4, 1, 3]


def test_many_agents_that_are_paused_do_not_hide_the_one_that_is_not_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventsite_client._background.sender._BATCH_LINES", 10)
    lines = Lines(lambda event: "paused")
    with client_of(lines) as client:
        for n in range(100):
            log(client, n, f"agent-{n}")
        assert not client.flush()
        lines.refusal = lambda event: None if event["agent"] == "agent-95" else "paused"
        for _ in range(10):
            client.flush()
        assert lines.data == [95]


def test_an_event_that_is_refused_for_good_after_a_pause_is_set_aside(caplog: pytest.LogCaptureFixture) -> None:
    lines = Lines(of_agent("router"))
    with client_of(lines) as client, caplog.at_level(logging.WARNING, "eventsite_client"):
        log(client, "secret", "router")
        log(client, 2, "router")
        assert not client.flush()
        lines.refusal = lambda event: "invalid" if event["data"] == "secret" else None
        assert not client.flush(PATIENCE)
        assert client.logged == (1, 0, 0, 1, 0)
    assert "of type A in the stream s, which is lost: invalid" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("spool", [True, False])
def test_a_pause_leaves_room_for_the_events_of_others(tmp_path: Path, spool: bool) -> None:
    lines = Lines(of_agent("router"))
    options: dict[str, Any] = {"log_bytes": 4_000, "when_full": "drop", "spool": tmp_path if spool else None}
    with client_of(lines, **options) as client:
        for n in range(100):
            log(client, "x" * 100, "router")
            log(client, n, "packer")
            assert not client.flush()
        assert lines.data == list(range(100))
        held_back = client.logged.held_back
        assert client.logged == (100, client.logged.waiting_bytes, 100 - held_back, 0, held_back)
        assert 1_500 < client.logged.waiting_bytes <= 2_000
        lines.refusal = nobody
        client.flush()
        assert lines.data[100:] == ["x" * 100] * held_back
        log(client, 100, "router")
        assert client.flush()


def test_a_logger_of_a_paused_agent_waits_for_room_and_those_of_others_do_not() -> None:
    lines = Lines(of_agent("router"))
    with client_of(lines, log_bytes=4_000) as client:

        def route() -> None:
            for n in range(100):
                log(client, n, "router")

        router = threading.Thread(target=route, daemon=True)
        router.start()
        wait_until(lambda: not client.flush(1) and client.logged.waiting_bytes > 1_800)
        for _ in range(10):
            log(client, "packed", "packer")
        client.flush()
        assert (lines.data, router.is_alive()) == (["packed"] * 10, True)
        lines.refusal = nobody
        wait_until(lambda: client.flush(1) and not router.is_alive())
        assert client.flush(PATIENCE)
        assert lines.data[10:] == list(range(100))
        assert client.logged == (110, 0, 0, 0, 0)


def test_all_files_together_keep_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (held_back, spool_queue):
        monkeypatch.setattr(module, "FILE_BYTES", 1_000)
    monkeypatch.setattr(sender, "_BATCH_LINES", 5)
    most = 0

    def pause(event: dict[str, Any]) -> str | None:
        nonlocal most
        most = max(most, sum(path.stat().st_size for path in tmp_path.iterdir()))
        return "paused" if event["agent"] == "router" else None

    with client_of(Lines(pause), spool=tmp_path, log_bytes=20_000, when_full="drop") as client:
        for n in range(1_000):
            log(client, n, "router", correlation_id=f"{n}")
            log(client, n, "packer")
            time.sleep(0.0002)
        assert not client.flush()
        assert client.logged.refused == 0
        assert client.logged.dropped == 2_000 - client.logged.sent - client.logged.held_back
    assert 15_000 < most < 20_000 + 2 * 2_000 + 30 * 100  # each file has a head


def test_an_event_that_is_larger_than_the_room_is_sent_alone() -> None:
    lines = Lines(of_agent("router"))
    with client_of(lines, log_bytes=2_000) as client:
        log(client, "x" * 100, "router")
        assert not client.flush()
        log(client, "x" * 3_000, "packer")
        assert not client.flush()
        assert lines.data == ["x" * 3_000]


def test_more_than_memory_should_hold_is_held_back_in_files(tmp_path: Path) -> None:
    lines = Lines(of_agent("router"))
    with client_of(lines, spool=tmp_path) as client:
        for n in range(40):
            log(client, [n, "x" * 1_000_000], "router", correlation_id=f"workflow-{n % 3}")
        log(client, "packed", "packer")
        assert not client.flush(PATIENCE)
        assert client.logged[2:] == (0, 0, 40)
        assert len(list(tmp_path.glob("held-back-*"))) == 3
        lines.refusal = nobody
        tracemalloc.start()
        assert client.flush(PATIENCE)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [[n for n, _ in lines.data[1:] if n % 3 == workflow] for workflow in range(3)] == [
            list(range(workflow, 40, 3)) for workflow in range(3)
        ]
        assert client.logged == (41, 0, 0, 0, 0)
    assert most < 160_000_000  # 40 MB of it in the transport
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("log_bytes", [None, 8_000])
def test_what_many_dead_processes_held_back_is_kept_and_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_bytes: int | None
) -> None:
    """Also more than a process may hold back: the rest stays in its files until then."""
    monkeypatch.setattr(held_back, "FILE_BYTES", 1_000)
    monkeypatch.setattr(held_back, "_PAUSE_SECONDS", 0.05)
    lines = Lines(of_agent("router"))
    spools = [tmp_path / f"{n}" for n in range(4)]
    for n, spool in enumerate(spools):
        with client_of(lines, spool=spool) as client:
            for m in range(50):
                log(client, 50 * n + m, "router")
            assert not client.flush()
    for spool in spools:
        for path in spool.iterdir():
            path.rename(spools[0] / path.name)
    with client_of(lines, spool=spools[0], log_bytes=log_bytes) as client:
        assert not client.flush()
        log(client, "packed", "packer")
        wait_until(lambda: lines.data)
        assert client.logged[2:4] == (0, 0)
        if log_bytes is not None:
            assert client.logged.waiting_bytes < 8_000
        lines.refusal = nobody
        wait_until(lambda: len(lines.data) == 201)
        assert lines.data == ["packed", *range(200)]
    assert list(spools[0].iterdir()) == []


@pytest.mark.parametrize("kill_at", [1, 3, 8, 20])
def test_a_process_that_is_killed_while_it_sends_what_was_held_back_loses_none(tmp_path: Path, kill_at: int) -> None:
    program = """
        import os, signal, sys
        from eventsite_client import Client, NewEvent
        from eventsite_client._background import held_back, sender
        from tests.support.transports import Lines

        class Killing(Lines):
            def _answer(self, request):
                answer = super()._answer(request)
                os.write(1, b"".join(b"%d\\n" % n for n in self.data[self.printed:]))
                self.printed = len(self.data)
                self.count += self.refusal is nobody
                if self.count == int(sys.argv[2]):
                    os.kill(os.getpid(), signal.SIGKILL)
                return answer

        def nobody(event):
            return None

        held_back.FILE_BYTES, sender._BATCH_LINES = 1_000, 10
        lines = Killing(lambda event: "paused")
        lines.printed = lines.count = 0
        client = Client("http://testserver", "evt_x", transport=lambda: lines, spool=sys.argv[1])
        for n in range(200):
            client.log("s", NewEvent("A", n, agent=f"agent-{n % 3}"))
        assert not client.flush()
        lines.refusal = nobody
        client.flush()
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path), str(kill_at)]
    path = os.pathsep.join(map(str, (CHECKOUT, CHECKOUT / "client")))
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    before = list(map(int, ended.stdout.split()))
    lines = Lines()
    with client_of(lines, spool=tmp_path) as client:
        assert client.flush(PATIENCE)
    after = [n for n in lines.data if n not in before]  # the log has the others by their ids
    for agent in range(3):
        assert [n for n in before + after if n % 3 == agent] == list(range(agent, 200, 3))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_loses_nothing_of_what_is_held_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines(of_agent("router"))
    with client_of(lines, spool=tmp_path) as client:
        for n in range(3):
            log(client, n, "router", correlation_id=f"{n}")
        assert not client.flush()
        lines.refusal = lambda event: "paused" if event["data"] == 2 else None
        write = os.write
        monkeypatch.setattr(os, "write", lambda descriptor, text: write(descriptor, text[:5]))
        assert not client.flush()
        assert (lines.data, client.logged.held_back) == ([0, 1], 3)
        monkeypatch.undo()
        lines.refusal = nobody
        assert client.flush(PATIENCE)
        assert lines.data == [0, 1, 2]


def test_a_segment_is_tried_before_the_queue_goes_on() -> None:
    lines = Lines(of_agent("router"))
    with client_of(lines) as client:
        log(client, 1, "router")
        assert not client.flush()
        lines.refusal = nobody
        for n in range(2, 500):
            log(client, n, "router")
        assert client.flush(PATIENCE)
        assert lines.data == list(range(1, 500))


def test_what_waits_for_the_end_of_a_pause_outlives_the_process(tmp_path: Path) -> None:
    lines = Lines(of_agent("router"))
    with client_of(lines, spool=tmp_path) as client:
        for n in range(3):
            log(client, n, "router")
        log(client, 3, "packer")
        assert not client.flush()
        assert lines.data == [3]
    [left] = tmp_path.iterdir()
    assert left.name.startswith("held-back-")
    with client_of(lines, spool=tmp_path) as client:
        log(client, 4, "router")
        assert not client.flush()
        assert client.logged.held_back == 4
        lines.refusal = nobody
        assert client.flush(PATIENCE)
    assert lines.data == [3, 0, 1, 2, 4]
    assert list(tmp_path.iterdir()) == []


def test_without_a_spool_it_is_lost_with_the_client_which_says_so(caplog: pytest.LogCaptureFixture) -> None:
    client = client_of(Lines(of_agent("router")))
    log(client, 1, "router")
    assert not client.flush()
    client.close()
    assert client.logged == (0, 0, 1, 0, 0)
    assert "1 events are lost" in caplog.text


def test_the_file_holds_what_waits_still(tmp_path: Path) -> None:
    lines = Lines(of_agent("router"))
    with client_of(lines, spool=tmp_path) as client:
        log(client, 1, "router", correlation_id="one")
        log(client, 2, "router", correlation_id="two")
        assert not client.flush()
        lines.refusal = lambda event: "paused" if event["correlation_id"] == "two" else None
        assert not client.flush()
        [left] = tmp_path.glob("held-back-*")
        assert b'"data":2' in left.read_bytes()
        assert b'"data":1' not in left.read_bytes()
