"""Events that the server refuses for now wait beside the others, in order, and are sent when it takes them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eventsite_client import Client, NewEvent
from eventsite_client._background import held_back
from tests.support.patience import PATIENCE
from tests.support.transports import Lines

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
        assert client.flush(PATIENCE)
        assert client.logged == (1, 0, 0, 1, 0)
    assert "of type A in the stream s, which is lost: invalid" in caplog.text
    assert "secret" not in caplog.text


def test_what_is_held_back_is_bounded_and_leaves_room_for_others() -> None:
    lines = Lines(of_agent("router"))
    with client_of(lines, log_bytes=4_000) as client:
        for n in range(100):
            log(client, "x" * 100, "router")
            log(client, n, "packer")
        assert not client.flush()
        assert lines.data == list(range(100))
        logged = client.logged
        assert logged.waiting_bytes <= 2_000
        assert 0 < logged.held_back == 100 - logged.refused < 20


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
