"""The rights of tokens over the API, as a table."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client
from django.utils import timezone

from events.access import grants, uses
from events.access.tokens import hash_of
from events.errors import Unauthorized
from events.models import Log, Member, Scope, Token
from events.reading.statement import Statement
from tests.support.api import READS, WRITES


async def ask(client: httpx2.AsyncClient, token: str) -> list[int]:
    """The status of every read and of every write."""
    headers = {"Authorization": f"Bearer {token}"}
    statuses = [(await client.get(path, headers=headers)).status_code for path in READS]
    return statuses + [(await client.post(path, json=body, headers=headers)).status_code for path, body in WRITES]


OK = [200] * len(READS)
NO = [403] * len(READS)


@pytest.fixture(
    params=[
        ((Scope.READ,), [*OK, 403, 403]),
        ((Scope.APPEND,), [*NO, 201, 200]),
        ((Scope.APPEND, Scope.READ), [*OK, 201, 200]),
        ((Scope.CONSUME, Scope.SUPERVISE), [*NO, 403, 403]),
        ((Scope.ADMIN,), [*OK, 201, 200]),
    ],
    ids=["read", "append", "append and read", "consume and supervise", "admin"],
)
def scoped(request: pytest.FixtureRequest, make_token: Callable[..., str]) -> tuple[str, list[int]]:
    scopes, statuses = request.param
    return make_token(*scopes), statuses


async def test_a_token_does_what_its_scopes_say(
    anyone: httpx2.AsyncClient, one_event: Callable[[], None], scoped: tuple[str, list[int]]
) -> None:
    await one_event()  # type: ignore[func-returns-value]
    token, statuses = scoped
    assert await ask(anyone, token) == statuses


async def test_a_missing_scope_is_named(anyone: httpx2.AsyncClient, scoped: tuple[str, list[int]]) -> None:
    token, statuses = scoped
    if 403 in statuses:
        path = READS[0] if statuses[0] == 403 else WRITES[0][0]
        answer = await anyone.request(
            "GET" if path == READS[0] else "POST", path, json=WRITES[0][1], headers={"Authorization": f"Bearer {token}"}
        )
        assert (answer.json()["code"], answer.json()["scope"]) == (
            "forbidden",
            "read" if path == READS[0] else "append",
        )
        assert "www-authenticate" not in answer.headers


@pytest.fixture(params=["expired", "revoked", "of another log"])
def useless(request: pytest.FixtureRequest, make_token: Callable[..., str], make_log: Callable[..., Log]) -> str:
    if request.param == "expired":
        return make_token(expires_at=timezone.now() - timedelta(seconds=1))
    token = make_token()
    if request.param == "revoked":
        Token.objects.filter(hash=hash_of(token)).update(revoked_at=timezone.now())
        return token
    return make_token(log=make_log())


async def test_a_token_that_is_over_opens_nothing(
    anyone: httpx2.AsyncClient, one_event: Callable[[], None], useless: str, request: pytest.FixtureRequest
) -> None:
    await one_event()  # type: ignore[func-returns-value]
    statuses = await ask(anyone, useless)
    if "another" in request.node.name:
        assert statuses[1] == statuses[3] == 404, "another log's token sees nothing of this one"
    else:
        assert statuses == [401] * len(statuses)


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi", "evt_x", "Bearer \xff", "bearer nonsense"],
)
async def test_without_a_good_token_the_answer_is_401(anyone: httpx2.AsyncClient, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for method, path in [("GET", path) for path in READS] + [("POST", path) for path, _ in WRITES]:
        answer = await anyone.request(method, path, headers=headers)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path", [*READS, "/api/projections", "/api/projections/latest/state?key=order-1", "/api/nothing"]
)
async def test_no_cache_keeps_an_answer(
    api: httpx2.AsyncClient, one_event: Callable[[], None], client: Client, member: Member, path: str
) -> None:
    await one_event()  # type: ignore[func-returns-value]
    await sync_to_async(client.force_login)(member.user)
    by_session = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"}
    log = f"{'&' if '?' in path else '?'}log={member.log.name}"
    assert (await api.get(path)).headers["cache-control"] == "private, no-store"
    del api.headers["Authorization"]
    answer = await api.get(path + log, headers=by_session)
    assert answer.status_code == (404 if path == "/api/nothing" else 200)
    assert answer.headers["cache-control"] == "private, no-store"
    assert (await api.get(path)).headers["cache-control"] == "private, no-store"


async def test_the_description_of_the_api_is_open_and_names_no_log(
    anyone: httpx2.AsyncClient, one_event: Callable[[], None], log: Log
) -> None:
    await one_event()  # type: ignore[func-returns-value]
    for path in ("/api/docs", "/api/openapi.json"):
        answer = await anyone.get(path)
        assert answer.status_code == 200
        assert log.name not in answer.text


async def test_the_scheme_is_read_in_any_case(anyone: httpx2.AsyncClient, token: str) -> None:
    answer = await anyone.get("/api/events", headers={"Authorization": f"bEARER  {token} "})
    assert answer.status_code == 200


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for the tokens in memory, which begin empty."""
    clock = Clock()
    for module in (grants, uses):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(uses, "_noted", {})
    monkeypatch.setattr(grants, "_tokens", grants.Tokens())
    return clock


async def test_a_revoked_token_begins_nothing_after_two_seconds(
    api: httpx2.AsyncClient, log: Log, clock: Clock
) -> None:
    assert (await api.get("/api/events")).status_code == 200
    await Token.objects.filter(log=log).aupdate(revoked_at=timezone.now())
    clock.now += 1.9
    assert (await api.get("/api/events")).status_code == 200
    clock.now += 0.1
    assert (await api.get("/api/events")).status_code == 401


@pytest.mark.usefixtures("clock")
async def test_requests_at_once_read_their_token_once(
    anyone: httpx2.AsyncClient, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    class Counted(Statement[grants.Grant]):
        async def afetch_on(self, session: Any) -> list[grants.Grant]:
            reads.append(self.sql)
            return await super().afetch_on(session)

    monkeypatch.setattr(grants, "Statement", Counted)
    answers = await asyncio.gather(*(grants._tokens.grant(token) for _ in range(50)))
    assert len(set(map(id, answers))) == len(reads) == 1
    with pytest.raises(Unauthorized):
        await grants._tokens.grant("evt_unknown")
    assert len(reads) == 2


async def test_the_last_use_is_noted_once_a_minute(api: httpx2.AsyncClient, log: Log, clock: Clock) -> None:
    async def noted() -> object:
        await api.get("/api/events")
        while uses._tasks:
            await next(iter(uses._tasks))
        return (await Token.objects.aget(log=log)).last_used_at

    first = await noted()
    assert first is not None
    clock.now += 59.9
    assert await noted() == first
    clock.now += 0.1
    assert await noted() != first


async def test_a_token_is_never_logged(
    anyone: httpx2.AsyncClient,
    make_token: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    token = "evt_" + "s" * 43
    for path in ("/api/events", "/api/nothing", f"/api/streams/{token}", "/api/streams/a%00"):
        await anyone.get(path, headers={"Authorization": f"Bearer {token}"})
    messages = "".join(
        record.getMessage() for record in caplog.records if record.name.startswith(("events", "eventsite"))
    )
    assert token not in messages + capfd.readouterr().err
