"""Open requests end when their token is revoked or expires, or when their person may no longer read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.utils import timezone

from events.access import grants, watch
from events.access.tokens import hash_of
from events.api import ndjson
from events.engine import Engine
from events.models import Log, Member, Token
from events.reading import store
from eventsite import lean
from tests.support import factories
from tests.support.patience import PATIENCE, until
from tests.support.streaming import Exchange

SSE = {"Accept": "text/event-stream"}
NDJSON = {"Content-Type": "application/x-ndjson"}
LINE = b'{"stream": "a-1", "type": "A", "data": 1}\n'

Lose = Callable[[], Awaitable[Any]]


@pytest.fixture(autouse=True)
def frequent_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check accesses often, and keep none in memory."""
    monkeypatch.setattr(watch, "CHECK_SECONDS", 0.02)
    monkeypatch.setattr(grants, "_FRESH_SECONDS", 0.0)


@pytest.fixture(params=["revoked", "expired", "removed", "without its scope"])
def lose_token(request: pytest.FixtureRequest, token: str) -> Lose:
    """A function that takes the token's access away."""
    own = Token.objects.filter(hash=hash_of(token))
    ways: dict[str, Lose] = {
        "revoked": lambda: own.aupdate(revoked_at=timezone.now()),
        "expired": lambda: own.aupdate(expires_at=timezone.now() - timedelta(seconds=1)),
        "removed": own.adelete,
        "without its scope": lambda: own.aupdate(scopes=[]),
    }
    return ways[request.param]


@pytest.fixture
def session(member: Member, user: User) -> dict[str, str]:
    """The header that a member's browser sends."""
    client = Client()
    client.force_login(user)
    return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}


@pytest.fixture(params=["not a member", "signed out", "inactive", "with another password"])
def lose_session(request: pytest.FixtureRequest, member: Member, user: User, session: dict[str, str]) -> Lose:
    """A function that takes the member's access away."""
    key = session["Cookie"].removeprefix("sessionid=")

    def change_password() -> None:
        user.set_password("another one, and long")
        user.save()

    ways: dict[str, Lose] = {
        "not a member": member.adelete,
        "signed out": SessionStore(key).aflush,
        "inactive": lambda: User.objects.filter(pk=user.pk).aupdate(is_active=False),
        "with another password": sync_to_async(change_password),
    }
    return ways[request.param]


async def until_watched() -> None:
    """Wait until a request watches its access."""
    await until(lambda: watch._watch._holders)


def test_open_requests_end_within_five_seconds(request: pytest.FixtureRequest) -> None:
    """Outside of these tests, with the values of production; two looks at the database take time as well."""
    monkeypatch = request.getfixturevalue("monkeypatch")
    monkeypatch.undo()
    assert grants._FRESH_SECONDS + watch.CHECK_SECONDS <= 4


async def test_a_long_poll_ends(engine: Engine, token: str, lose_token: Lose) -> None:
    async with Exchange("GET", "/api/events", token=token, query="wait=60") as exchange:
        await until_watched()
        await lose_token()
        assert (await exchange.answer())["code"] == "unauthorized"
        assert exchange.status == 401


async def test_an_event_stream_ends(engine: Engine, token: str, lose_token: Lose) -> None:
    async with Exchange("GET", "/api/events", token=token, headers=SSE) as exchange:
        await exchange.start()
        await until_watched()
        await lose_token()
        await asyncio.wait_for(exchange.task, PATIENCE)


async def test_an_event_stream_that_waits_for_its_reader_ends(
    engine: Engine, log: Log, token: str, lose_token: Lose
) -> None:
    async with Exchange("GET", "/api/events", token=token, headers=SSE, window=1) as exchange:
        await exchange.start()
        await until(lambda: exchange.waiting)
        await until_watched()
        await lose_token()
        await asyncio.wait_for(exchange.task, PATIENCE)
        assert not watch._watch._holders


async def test_an_upload_ends_with_the_counts_so_far(
    engine: Engine, log: Log, token: str, lose_token: Lose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndjson, "_CHUNK_LINES", 1)
    lines = [LINE] * 3
    async with Exchange("POST", "/api/events", token=token, headers=NDJSON, body=lines, unfinished=True) as exchange:
        async with asyncio.timeout(PATIENCE):
            while await store.head(log.pk).afirst(engine.pool) != 3:  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0)
        await lose_token()
        answer = await exchange.answer()
    assert (exchange.status, answer["code"], answer["appended"]) == (401, "unauthorized", 3)


async def test_a_chunk_that_is_being_written_is_counted(
    engine: Engine, log: Log, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndjson, "_CHUNK_LINES", 1)
    append, may_go_on, waiting = engine.writer.append, asyncio.Event(), asyncio.Event()

    async def slow(*args: Any, **kwargs: Any) -> Any:
        waiting.set()
        await may_go_on.wait()
        return await append(*args, **kwargs)

    monkeypatch.setattr(engine.writer, "append", slow)
    async with Exchange(
        "POST", "/api/events", token=token, headers=NDJSON, body=[LINE * 2], unfinished=True
    ) as exchange:
        await asyncio.wait_for(waiting.wait(), PATIENCE)
        await Token.objects.filter(hash=hash_of(token)).aupdate(revoked_at=timezone.now())
        await until(lambda: any(holder.loss for each in watch._watch._holders.values() for holder in each))
        may_go_on.set()
        answer = await exchange.answer()
    assert (exchange.status, answer["appended"]) == (401, 1)
    assert await store.head(log.pk).afirst(engine.pool) == 1


async def test_a_body_that_arrives_after_the_loss_is_not_appended(
    engine: Engine, log: Log, token: str, lose_token: Lose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lean, "_LONG_SECONDS", 0.0)
    body = json.dumps({"events": [{"type": "A", "data": 1}]}).encode()
    headers = {"Content-Type": "application/json"}
    exchange = Exchange("POST", "/api/streams/a-1/events", token=token, headers=headers, body=[body[:9], body[9:]])
    receive = exchange._receive

    async def receive_late() -> dict[str, Any]:
        if len(exchange._body) == 1:
            await lose_token()
        return await receive()

    monkeypatch.setattr(exchange, "_receive", receive_late)
    async with exchange:
        answer = await exchange.answer()
    assert answer["status"] in (401, 403)
    assert await store.head(log.pk).afirst(engine.pool) == 0


@pytest.mark.parametrize("headers", [{}, SSE], ids=["long poll", "event stream"])
async def test_the_open_requests_of_a_session_end(
    engine: Engine, log: Log, session: dict[str, str], lose_session: Lose, headers: dict[str, str]
) -> None:
    query = f"log={log.name}&wait=60"
    async with Exchange("GET", "/api/events", token="", query=query, headers={**session, **headers}) as exchange:
        await until_watched()
        await lose_session()
        await exchange.start()
        assert exchange.status == 200 if headers else exchange.status in (401, 404)
        await asyncio.wait_for(exchange.task, PATIENCE)


async def test_the_open_requests_of_others_go_on(
    api: httpx2.AsyncClient, engine: Engine, log: Log, token: str, make_token: Callable[..., str]
) -> None:
    other = await sync_to_async(make_token)()
    async with (
        Exchange("GET", "/api/events", token=token, query="wait=60") as lost,
        Exchange("GET", "/api/events", token=other, query="wait=60") as of_another,
    ):
        await until(lambda: len(watch._watch._holders) == 2)
        await Token.objects.filter(hash=hash_of(token)).aupdate(revoked_at=timezone.now())
        assert (await lost.answer())["code"] == "unauthorized"
        await engine.writer.append(log.pk, [factories.make_append()])
        assert len((await of_another.answer())["events"]) == 1


async def test_while_the_database_is_away_what_is_open_stays_open(
    engine: Engine, log: Log, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    async def fail(self: object) -> None:
        looks.append(1)
        raise OSError("gone")

    look = watch._Watch._look
    monkeypatch.setattr(watch._Watch, "_look", fail)
    async with Exchange("GET", "/api/events", token=token, query="wait=60") as exchange:
        await until(lambda: len(looks) > 2)
        assert not exchange.task.done()
        monkeypatch.setattr(watch._Watch, "_look", look)
        await Token.objects.filter(log=log).aupdate(revoked_at=timezone.now())
        assert (await exchange.answer())["code"] == "unauthorized"


async def test_the_watch_ends_with_the_last_that_is_open(engine: Engine, token: str) -> None:
    async with Exchange("GET", "/api/events", token=token, query="wait=60"):
        await until_watched()
    assert watch._watch._task is None
