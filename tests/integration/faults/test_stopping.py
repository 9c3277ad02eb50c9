"""The server is told to stop while requests are open: each ends honestly, and nothing looks like a defect."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from events.access import tokens
from events.api import ndjson
from events.engine import Engine
from events.models import Log, Scope
from events.reading import store
from eventsite import http_protocol, request_body
from tests.support.patience import PATIENCE
from tests.support.server import Server, database_variables
from tests.support.streaming import Exchange


@pytest.fixture
def own_server(database: None, tmp_path: Path) -> Iterator[Server]:
    environment = {**database_variables(), "SECRET_KEY": "of-the-server-to-stop"}
    with Server(environment, log=tmp_path / "log", options=("--web-only",)) as server:
        server.start()
        yield server


def test_long_polls_and_streams_end_when_the_server_stops(own_server: Server, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    with (
        httpx2.Client(base_url=own_server.url, headers=headers, timeout=PATIENCE) as client,
        ThreadPoolExecutor() as threads,
    ):
        poll = threads.submit(client.get, "/api/events", params={"after": 0, "wait": 30})
        with client.stream("GET", "/api/events", headers={"Accept": "text/event-stream"}) as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("retry:")
            assert own_server.stop() == 0
            assert not [line for line in lines if line.startswith("data:")]
        answer = poll.result()
    assert (answer.status_code, answer.json()["events"]) == (200, [])
    assert "Traceback" not in own_server.output
    assert "Cancel" not in own_server.output


def test_takes_that_wait_get_nothing_when_the_server_stops(own_server: Server, log: Log) -> None:
    headers = {"Authorization": f"Bearer {tokens.create_token(log, name='overseer', scopes=tuple(Scope))}"}
    take = {"consumer": "one", "wait": 60}
    with (
        httpx2.Client(base_url=own_server.url, headers=headers, timeout=PATIENCE) as client,
        ThreadPoolExecutor() as threads,
    ):
        assert client.put("/api/subscriptions/work", json={"q": ""}).status_code == 201
        takes = [threads.submit(client.post, "/api/subscriptions/work/take", json=take) for _ in range(2)]
        time.sleep(0.5)
        assert own_server.stop() == 0
        answers = [each.result() for each in takes]
    assert [(answer.status_code, answer.json()["deliveries"]) for answer in answers] == [(200, [])] * 2
    assert "Cancel" not in own_server.output, "it waited for nobody"


def test_an_upload_that_does_not_end_is_answered_when_the_server_stops(own_server: Server, token: str) -> None:
    with socket.create_connection(("127.0.0.1", own_server.port), timeout=PATIENCE) as client:
        head = (
            "POST /api/streams/a/events HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
        )
        client.sendall(head.encode())
        assert client.recv(100).startswith(b"HTTP/1.1 100")  # the request is being read
        assert own_server.stop() == 0
        assert client.recv(1000).startswith(b"HTTP/1.1 503")
    assert "Traceback" not in own_server.output


async def test_a_request_whose_head_does_not_arrive_is_ended(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)

    async def application(scope: object, receive: object, send: object) -> None:
        raise AssertionError("no request has arrived")

    config = uvicorn.Config(application, http=http_protocol.Protocol, lifespan="off", log_config=None, workers=1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve([listener]))
        async with asyncio.timeout(PATIENCE):
            for sent, answer in ((b"GET / HTTP/1.1\r\nHost: half", http_protocol.TOO_SLOW), (b"", b"")):
                reader, writer = await asyncio.open_connection(*listener.getsockname())
                writer.write(sent)
                assert await reader.read() == answer
                writer.close()
        server.should_exit = True
        await serving


async def test_a_client_that_closes_its_connection_is_noticed_before_that_is_read(engine: Engine) -> None:
    seen: list[bool] = []

    async def application(scope: Any, receive: object, send: object) -> None:
        seen.append(scope["extensions"][http_protocol.HAS_GONE]())
        client.shutdown(socket.SHUT_WR)
        seen.append(scope["extensions"][http_protocol.HAS_GONE]())
        server.should_exit = True

    config = uvicorn.Config(application, http=http_protocol.Protocol, lifespan="off", log_config=None, workers=1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(config)
        with socket.create_connection(listener.getsockname()) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            async with asyncio.timeout(PATIENCE):
                await server._serve([listener])
    assert seen == [False, True]


@pytest.mark.parametrize("media", ["application/json", "application/x-ndjson"])
async def test_a_body_that_stops_arriving_is_refused(
    engine: Engine, log: Log, token: str, monkeypatch: pytest.MonkeyPatch, media: str
) -> None:
    monkeypatch.setattr(request_body, "SILENCE_SECONDS", 0.05)
    headers = {"Content-Type": media}
    async with Exchange(
        "POST", "/api/events", token=token, headers=headers, body=[b'{"stream": "a-1", '], unfinished=True
    ) as exchange:
        problem = await exchange.answer()
    assert (exchange.status, problem["code"]) == (408, "request-timeout")
    assert exchange.headers["connection"] == "close"
    assert await store.head(log.pk).afirst(engine.pool) == 0


async def test_an_upload_that_stops_says_how_far_it_came(
    engine: Engine, log: Log, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_body, "SILENCE_SECONDS", 0.05)
    monkeypatch.setattr(ndjson, "_CHUNK_LINES", 1)
    line = b'{"stream": "a-1", "type": "A", "data": 1}\n'
    headers = {"Content-Type": "application/x-ndjson"}
    async with Exchange(
        "POST", "/api/events", token=token, headers=headers, body=[line * 2, line[:9]], unfinished=True
    ) as exchange:
        problem = await exchange.answer()
    assert (problem["code"], problem["appended"], problem["last_position"]) == ("request-timeout", 2, 2)
