"""The thread that sends in the background: how it is waited for, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from eventsite_client import AsyncClient, Client, NewEvent
from eventsite_client._async.io import AsyncRepeating
from eventsite_client._background import lifetime, sender
from eventsite_client._background.sender import Sender
from eventsite_client._core.deadline import Deadline
from eventsite_client._sync import io
from tests.support.patience import PATIENCE, wait_until
from tests.support.transports import Lines, problem


def client_of(lines: httpx2.MockTransport, **options: Any) -> Client:
    return Client("http://testserver", "evt_x", transport=lambda: lines, **options)


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "eventsite-log"}


def test_a_flush_waits_for_what_was_logged_before_it_while_others_log_on() -> None:
    """Each event that is sent leads to another one, so something waits at each moment."""
    is_over = threading.Event()

    def log_on(event: dict[str, Any]) -> None:
        if not is_over.is_set():
            client.log("s", NewEvent("A", "theirs"))

    lines = Lines(log_on)
    with client_of(lines) as client:
        for n in range(5):
            client.log("s", NewEvent("A", n))
            assert client.flush(PATIENCE)
            assert n in lines.data
        is_over.set()


def test_the_end_of_one_flush_leaves_another_one_in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_PAUSES_SECONDS", (3_600,))
    monkeypatch.setattr(sender, "_HURRY_SECONDS", 0.01)
    is_open = threading.Event()
    lines = Lines(lambda event: None if is_open.is_set() else "busy")
    with client_of(lines) as client:
        client.log("s", NewEvent("A", 1))
        flushed: list[bool] = []
        other = threading.Thread(target=lambda: flushed.append(client.flush(PATIENCE)))
        other.start()
        wait_until(lambda: lines.requests)
        assert not client.flush(0.05)
        requests = lines.requests
        wait_until(lambda: lines.requests > requests + 2)
        is_open.set()
        other.join()
    assert flushed == [True]


def test_a_flush_says_that_its_events_were_lost_as_the_client_was_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifetime, "EXIT_SECONDS", 0.2)
    lines = Lines(lambda event: "busy")
    client = client_of(lines)
    client.log("s", NewEvent("A", 1))
    flushed: list[bool] = []
    other = threading.Thread(target=lambda: flushed.append(client.flush(PATIENCE)))
    other.start()
    wait_until(lambda: lines.requests)
    client.close()
    other.join()
    assert flushed == [False]
    assert client.logged.dropped == 1


async def test_tasks_log_flush_and_append_at_the_same_time() -> None:
    lines = Lines()
    async with AsyncClient("http://testserver", "evt_x", transport=lambda: lines) as client:

        async def work(first: int) -> None:
            for n in range(first, first + 100):
                await client.log(f"s-{first}", NewEvent("A", n))
                await asyncio.sleep(0)
            assert await client.flush(PATIENCE)
            assert set(lines.data) >= set(range(first, first + 100))

        await asyncio.gather(*(work(1_000 * n) for n in range(20)))
        for n in range(20):
            assert [event["data"] for event in lines.taken if event["stream"] == f"s-{1_000 * n}"] == list(
                range(1_000 * n, 1_000 * n + 100)
            )


async def test_a_task_that_flushes_can_be_cancelled() -> None:
    lines = Lines(lambda event: "busy")
    client = AsyncClient("http://testserver", "evt_x", transport=lambda: lines)
    await client.log("s", NewEvent("A", 1))
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.flush(60), 0.05)
    lines.refusal = lambda event: None
    assert await client.flush(PATIENCE)
    assert time.monotonic() - begin < PATIENCE
    await client.aclose()


def test_what_is_logged_in_the_last_moment_of_a_thread_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    client = client_of(lines)
    client.log("s", NewEvent("A", 1))
    assert client.flush(PATIENCE)
    send_round, has_come = Sender._round, threading.Event()

    def send_and_log(self: Sender) -> None:
        send_round(self)
        if self._end is not None and not has_come.is_set():
            has_come.set()
            client.log("s", NewEvent("A", 2))

    monkeypatch.setattr(Sender, "_round", send_and_log)
    client.close()
    assert has_come.is_set()
    assert client.flush(PATIENCE)
    assert lines.data == [1, 2]
    assert client.logged == (2, 0, 0, 0, 0)
    client.close()


def test_a_client_that_nobody_has_any_more_sends_what_waits_and_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_LOOK_SECONDS", 0.02)
    before, lines = threads(), Lines()
    clients = [client_of(lines) for _ in range(10)]
    for n, client in enumerate(clients):
        client.log("s", NewEvent("A", n))
    logs = [weakref.ref(client._log) for client in clients]
    del client
    clients.clear()
    gc.collect()
    assert [log() for log in logs] == [None] * 10
    wait_until(lambda: threads() <= before)
    assert sorted(lines.data) == list(range(10))


def test_clients_end_at_the_same_time_and_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifetime, "EXIT_SECONDS", 1.0)
    hangs = threading.Event()

    def hang(request: httpx2.Request) -> httpx2.Response:
        hangs.wait()
        return httpx2.Response(503)

    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    clients = [client_of(httpx2.MockTransport(answer)) for answer in (hang, refuse) * 3]
    for client in clients:
        client.log("s", NewEvent("A"))
    begin = time.monotonic()
    lifetime._end_all()
    assert time.monotonic() - begin < 2
    hangs.set()
    for client in clients:
        client.close()
    wait_until(lambda: sum(client.logged.dropped for client in clients) == 6)


def test_a_transport_that_cant_be_made_is_tried_again_and_no_line_is_lost() -> None:
    lines, failures = Lines(), [OSError("no certificates"), OSError("no certificates")]

    def make() -> Lines:
        if failures:
            raise failures.pop()
        return lines

    with Client("http://testserver", "evt_x", transport=make) as client:
        client.log("s", NewEvent("A", 1))
        assert client.flush(PATIENCE)
        assert lines.data == [1]


def test_what_is_renewed_again_and_again_is_stopped_in_time_although_a_call_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(io, "_STOP_SECONDS", 0.05)
    has_begun, hangs = threading.Event(), threading.Event()

    def renew() -> bool:
        has_begun.set()
        hangs.wait()
        return True

    keeping = io.Repeating(0.001, renew)
    assert has_begun.wait(PATIENCE)
    keeping.stop()
    has_begun.clear()
    hangs.set()
    keeping._thread.join(PATIENCE)
    assert not has_begun.is_set()


async def test_what_is_renewed_by_a_task_is_stopped_although_a_call_swallows_the_cancellation() -> None:
    async def renew() -> bool:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(PATIENCE)
        return True

    keeping = AsyncRepeating(0.001, renew)
    await asyncio.sleep(0.01)
    async with asyncio.timeout(PATIENCE):
        await keeping.stop()
    assert keeping._task.done()


def test_a_child_does_not_close_what_its_parent_has_closed_just_then(tmp_path: Path) -> None:
    """The parent forks after its thread has closed its files, and before it is forgotten."""
    client = client_of(Lines(), spool=tmp_path / "spool")
    thread = client._log._sender
    assert thread is not None
    client.close()
    with (tmp_path / "other").open("w") as other:  # it may have the number of a closed file
        thread.let_go()
        os.fstat(other.fileno())


def test_a_backlog_is_given_up_when_the_time_is_up_and_what_is_lost_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifetime, "EXIT_SECONDS", 0.2)
    monkeypatch.setattr(sender, "_BATCH_LINES", 1)

    def be_slow(event: dict[str, Any]) -> None:
        time.sleep(0.02)

    lines = Lines(be_slow)
    client = client_of(lines)
    for n in range(1_000):
        client.log("s", NewEvent("A", n))
    client.close()
    wait_until(lambda: client.logged.dropped)  # the thread may be in the middle of a request at the end
    assert client.logged.sent < 100
    assert client.logged.sent + client.logged.dropped == 1_000


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_PAUSES_SECONDS", (0.001,))


def whole(refusal: Callable[[Any], str | None]) -> httpx2.MockTransport:
    """Return a transport that takes all lines of a request or, if it refuses one of them, none."""
    lines = Lines()

    def answer(request: httpx2.Request) -> httpx2.Response:
        data = [json.loads(line)["data"] for line in request.content.splitlines()]
        codes = [code for each in data if (code := refusal(each))]
        return problem(codes[0], 500) if codes else lines.handle_request(request)

    transport = httpx2.MockTransport(answer)
    transport.lines = lines  # type: ignore[attr-defined]
    return transport


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize("bad", [[0], [77], [99], [5, 6, 70]])
def test_lines_at_which_the_server_fails_again_and_again_are_set_aside(
    tmp_path: Path, is_whole: bool, bad: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    if is_whole:
        transport: Any = whole(lambda data: "error" if data in bad else None)
        lines = transport.lines
    else:
        transport = lines = Lines(lambda event: "error" if event["data"] in bad else None)
    with client_of(transport, spool=tmp_path) as client:
        for n in range(100):
            client.log("s", NewEvent("A", n))
        assert not client.flush(PATIENCE)
        assert sorted(lines.data) == [n for n in range(100) if n not in bad]
        assert client.logged == (100 - len(bad), 0, 0, len(bad), 0)
    kept = [json.loads(line) for line in (tmp_path / "refused.jsonl").read_text().splitlines()]
    assert [(json.loads(each["line"])["data"], each["refusal"]["code"]) for each in kept] == [(n, "error") for n in bad]
    assert caplog.text.count("Eventsite refuses the event") == len(bad)


@pytest.mark.usefixtures("_quick")
def test_no_line_is_set_aside_if_the_server_gets_well_while_lines_are_searched() -> None:
    lines = Lines()
    is_well = threading.Event()

    def answer(request: httpx2.Request) -> httpx2.Response:
        if is_well.is_set():
            return lines.handle_request(request)
        if len(request.content.splitlines()) == 1:  # a line that the search has come to
            is_well.set()
        return problem("error", 500)

    with client_of(httpx2.MockTransport(answer)) as client:
        for n in range(50):
            client.log("s", NewEvent("A", n))
        assert client.flush(PATIENCE)
        assert (sorted(lines.data), client.logged.refused) == (list(range(50)), 0)


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("is_whole", [True, False])
def test_no_line_is_set_aside_while_the_server_fails_at_all(is_whole: bool) -> None:
    fails = threading.Event()
    fails.set()
    if is_whole:
        transport: Any = whole(lambda data: "error" if fails.is_set() else None)
        lines = transport.lines
    else:
        transport = lines = Lines(lambda event: "error" if fails.is_set() else None)
    with client_of(transport) as client:
        for n in range(50):
            client.log("s", NewEvent("A", n))
        assert not client.flush(1)
        fails.clear()
        assert client.flush(PATIENCE)
        assert (sorted(lines.data), client.logged.refused) == (list(range(50)), 0)


def test_a_line_that_was_held_back_and_at_which_the_server_fails_is_set_aside() -> None:
    lines = Lines(lambda event: "paused" if event.get("agent") else None)
    with client_of(lines) as client:
        client.log("s", *(NewEvent("A", n, agent="router") for n in range(3)))
        assert not client.flush(PATIENCE)
        lines.refusal = lambda event: "error" if event["data"] == 0 else None
        for n in range(3, 20):
            client.log("s", NewEvent("A", n))
            client.flush(PATIENCE)
        assert lines.data == [*range(3, 3 + 13), 1, 2, *range(16, 20)]
        assert client.logged == (19, 0, 0, 1, 0)


def test_a_flush_says_once_that_events_are_lost() -> None:
    lines = Lines(lambda event: "invalid" if event["data"] == "bad" else None)
    client = client_of(lines)
    client.log("s", NewEvent("A", "bad"))
    assert not client.flush(PATIENCE)
    client.log("s", NewEvent("A", 1))
    assert client.flush(PATIENCE)
    lines.refusal = lambda event: "paused"
    client.log("s", NewEvent("A", 2))
    client.close()
    assert client.logged.dropped == 1
    assert not client.flush(PATIENCE)
    assert client.flush(PATIENCE)


def test_two_flushes_at_the_same_time_both_say_that_events_are_lost() -> None:
    client = client_of(Lines(lambda event: "invalid"))
    client.log("s", NewEvent("A", 1))
    with client._log.flushing() as first, client._log.flushing() as second:
        wait_until(lambda: first() is not None)
        assert (first(), second()) == (False, False)
    assert client.flush(PATIENCE)
    client.close()


def test_a_logger_that_has_no_room_says_so_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    with client_of(Lines(lambda event: "busy"), log_bytes=1_000, when_full="drop") as client:
        for n in range(100):
            client.log("s", NewEvent("A", n))
        assert client.logged.dropped > 50
        assert caplog.text.count("an event is dropped, as there is no room (log_bytes=1000)") == 1
        client._log._sender.finish(Deadline(0))  # type: ignore[union-attr]
