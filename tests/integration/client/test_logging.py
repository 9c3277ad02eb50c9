"""Events that are logged in the background get to the log once, whatever happens to the server."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from eventsite_client import AsyncClient, Client, NewEvent, Paused
from eventsite_client._background import lifetime
from tests.support.logging_programs import numbers
from tests.support.patience import PATIENCE
from tests.support.server import Server, database_variables, free_port
from tests.support.transports import Through
from tests.support.twins import EVERYWHERE, MakeClient

pytestmark = pytest.mark.processes


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
