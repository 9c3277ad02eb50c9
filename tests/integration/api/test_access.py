"""Who may do what over the API: a table."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from events import engine
from events.access import grants, last_use
from events.access.tokens import hash_of
from events.errors import Unauthorized
from events.models import Log, Member, Scope, Token
from events.reading.statement import Statement
from events.types import Appended
from tests.support import factories
from tests.support.streaming import Exchange

STREAM = "order-1"
READS = [
    "/api/events",
    "/api/events/1",
    "/api/streams",
    f"/api/streams/{STREAM}",
    f"/api/streams/{STREAM}/events",
]
EVENT = {"type": "A", "data": 1}
WRITES = [
    (f"/api/streams/{STREAM}/events", {"events": [EVENT]}),
    ("/api/events", {"appends": [{"stream": STREAM, "events": [EVENT]}]}),
]


@pytest.fixture
def one_event(log: Log) -> Callable[[], object]:
    async def write() -> None:
        [outcome] = await engine.current().writer.append(log.pk, [factories.make_append(STREAM)])
        assert isinstance(outcome, Appended)

    return write


async def ask(client: httpx.AsyncClient, token: str) -> list[int]:
    """The statuses of every read and every write."""
    headers = {"Authorization": f"Bearer {token}"}
    read = [(await client.get(path, headers=headers)).status_code for path in READS]
    return read + [(await client.post(path, json=body, headers=headers)).status_code for path, body in WRITES]


OK = [200] * len(READS)
NO = [403] * len(READS)


@pytest.fixture(
    params=[
        ((Scope.READ,), [*OK, 403, 403]),
        ((Scope.APPEND,), [*NO, 201, 200]),
        ((Scope.APPEND, Scope.READ), [*OK, 201, 200]),
        ((Scope.ADMIN,), [*OK, 201, 200]),
    ],
    ids=["read", "append", "append and read", "admin"],
)
def scoped(request: pytest.FixtureRequest, make_token: Callable[..., str]) -> tuple[str, list[int]]:
    scopes, statuses = request.param
    return make_token(*scopes), statuses


async def test_a_token_does_what_its_scopes_say(
    anyone: httpx.AsyncClient, one_event: Callable[[], None], scoped: tuple[str, list[int]]
) -> None:
    await one_event()  # type: ignore[func-returns-value]
    token, statuses = scoped
    assert await ask(anyone, token) == statuses


async def test_a_missing_scope_is_named(anyone: httpx.AsyncClient, scoped: tuple[str, list[int]]) -> None:
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
    anyone: httpx.AsyncClient, one_event: Callable[[], None], useless: str, request: pytest.FixtureRequest
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
async def test_without_a_good_token_the_answer_is_401(anyone: httpx.AsyncClient, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for method, path in [("GET", path) for path in READS] + [("POST", path) for path, _ in WRITES]:
        answer = await anyone.request(method, path, headers=headers)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path", [*READS, "/api/projections", "/api/projections/latest/state?key=order-1", "/api/nothing"]
)
async def test_no_cache_keeps_an_answer(
    api: httpx.AsyncClient, one_event: Callable[[], None], client: Client, member: Member, path: str
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
    anyone: httpx.AsyncClient, one_event: Callable[[], None], log: Log
) -> None:
    await one_event()  # type: ignore[func-returns-value]
    for path in ("/api/docs", "/api/openapi.json"):
        answer = await anyone.get(path)
        assert answer.status_code == 200
        assert log.name not in answer.text


async def test_the_scheme_is_read_in_any_case(anyone: httpx.AsyncClient, token: str) -> None:
    answer = await anyone.get("/api/events", headers={"Authorization": f"bEARER  {token} "})
    assert answer.status_code == 200


@pytest.fixture
def prefixed(make_token: Callable[..., str]) -> str:
    return make_token(stream_prefix="mine-")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/events/1", 200),
        ("/api/events/2", 404),
        ("/api/streams/mine-1", 200),
        ("/api/streams/mine-1/events", 200),
        ("/api/streams/other-1", 403),
        ("/api/streams/other-1/events", 403),
        ("/api/streams/mine", 403),
        ("/api/events?stream=mine-1", 200),
        ("/api/events?stream=other-1", 403),
        ("/api/streams?prefix=mine-1", 200),
        ("/api/streams?prefix=mi", 200),
        ("/api/streams?prefix=other", 403),
    ],
)
async def test_a_prefix_bounds_every_read(
    anyone: httpx.AsyncClient, log: Log, prefixed: str, path: str, status: int
) -> None:
    writer = engine.current().writer
    await writer.append(log.pk, [factories.make_append(name) for name in ("mine-1", "other-1", "mine-2")])
    answer = await anyone.get(path, headers={"Authorization": f"Bearer {prefixed}"})
    assert answer.status_code == status, answer.text
    assert "other-1" not in answer.text or status == 403


async def test_a_prefix_bounds_lists_and_streams_of_events(anyone: httpx.AsyncClient, log: Log, prefixed: str) -> None:
    writer = engine.current().writer
    await writer.append(log.pk, [factories.make_append(name) for name in ("mine-1", "other-1", "mine-2")])
    anyone.headers["Authorization"] = f"Bearer {prefixed}"
    page = (await anyone.get("/api/events")).json()
    assert [event["stream"] for event in page["events"]] == ["mine-1", "mine-2"]
    assert (page["next"], page["head"]) == (3, 3)
    page = (await anyone.get("/api/events?direction=backward&limit=1")).json()
    assert [event["stream"] for event in page["events"]] == ["mine-2"]
    streams = (await anyone.get("/api/streams")).json()["streams"]
    assert [stream["stream"] for stream in streams] == ["mine-1", "mine-2"]
    async with Exchange("GET", "/api/events", token=prefixed, headers={"Accept": "text/event-stream"}) as exchange:
        assert [frame["data"]["stream"] for frame in await exchange.events(2)] == ["mine-1", "mine-2"]


async def test_a_prefix_bounds_every_append(anyone: httpx.AsyncClient, prefixed: str) -> None:
    anyone.headers["Authorization"] = f"Bearer {prefixed}"
    other = {"stream": "other-1", "events": [EVENT]}
    mine = {"stream": "mine-1", "events": [EVENT]}
    assert (await anyone.post("/api/streams/other-1/events", json={"events": [EVENT]})).status_code == 403
    answer = await anyone.post("/api/events", json={"appends": [mine, other], "atomic": True})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    answer = await anyone.post("/api/events", json={"appends": [mine, other]})
    assert [result["status"] for result in answer.json()["results"]] == [201, 403]
    event = {"specversion": "1.0", "id": "1", "source": "other-1", "type": "A"}
    for media, body, status in (("cloudevents", event, 403), ("cloudevents-batch", [event], 200)):
        answer = await anyone.post("/api/events", json=body, headers={"Content-Type": f"application/{media}+json"})
        assert answer.status_code == status
    assert answer.json()["results"][0]["status"] == 403
    binary = {f"ce-{name}": value for name, value in event.items()}
    assert (await anyone.post("/api/events", headers=binary)).status_code == 403


@pytest.fixture
def pinned(make_token: Callable[..., str]) -> str:
    return make_token(agent="router")


async def test_a_pinned_agent_is_filled_in_and_no_other_is_taken(anyone: httpx.AsyncClient, pinned: str) -> None:
    anyone.headers["Authorization"] = f"Bearer {pinned}"
    path = f"/api/streams/{STREAM}/events"
    for given in ({}, {"agent": None}, {"agent": "router"}):
        assert (await anyone.post(path, json={"events": [{**EVENT, **given}]})).status_code == 201
    answer = await anyone.post(path, json={"events": [EVENT, {**EVENT, "agent": "other"}]})
    assert (answer.status_code, answer.json()["field"]) == (403, "events[1].agent")
    assert {event["agent"] for event in (await anyone.get("/api/events")).json()["events"]} == {"router"}
    cloud_event = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/other", "ce-type": "A"}
    assert (await anyone.post("/api/events", headers=cloud_event)).status_code == 201
    assert (await anyone.get("/api/events/4")).json()["agent"] == "router"


async def test_a_pinned_agent_counts_for_same_content(anyone: httpx.AsyncClient, pinned: str) -> None:
    anyone.headers["Authorization"] = f"Bearer {pinned}"
    path = f"/api/streams/{STREAM}/events"
    for given, status in (({}, 201), ({"agent": "router"}, 200)):
        answer = await anyone.post(path, json={"events": [{**EVENT, "id": "1", **given}]})
        assert answer.status_code == status


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the tokens in memory, and a fresh memory."""
    clock = Clock()
    for module in (grants, last_use):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(last_use, "_noted", {})
    monkeypatch.setattr(grants, "_tokens", grants.Tokens())
    return clock


async def test_a_revoked_token_begins_nothing_after_two_seconds(api: httpx.AsyncClient, log: Log, clock: Clock) -> None:
    assert (await api.get("/api/events")).status_code == 200
    await Token.objects.filter(log=log).aupdate(revoked_at=timezone.now())
    clock.now += 1.9
    assert (await api.get("/api/events")).status_code == 200
    clock.now += 0.1
    assert (await api.get("/api/events")).status_code == 401


@pytest.mark.usefixtures("clock")
async def test_requests_at_once_read_their_token_once(
    anyone: httpx.AsyncClient, token: str, monkeypatch: pytest.MonkeyPatch
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


async def test_the_last_use_is_noted_once_a_minute(api: httpx.AsyncClient, log: Log, clock: Clock) -> None:
    async def noted() -> object:
        await api.get("/api/events")
        while last_use._tasks:
            await next(iter(last_use._tasks))
        return (await Token.objects.aget(log=log)).last_used_at

    first = await noted()
    assert first is not None
    clock.now += 59.9
    assert await noted() == first
    clock.now += 0.1
    assert await noted() != first


async def test_a_token_is_never_logged(
    anyone: httpx.AsyncClient,
    make_token: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    token = "evt_" + "s" * 43
    for path in ("/api/events", "/api/nothing", f"/api/streams/{token}", "/api/streams/a%00"):
        await anyone.get(path, headers={"Authorization": f"Bearer {token}"})
    said = "".join(record.getMessage() for record in caplog.records if record.name.startswith(("events", "eventsite")))
    assert token not in said + capfd.readouterr().err


# Sessions


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


@pytest.fixture
def session(member: Member) -> str:
    return session_of(member.user)


async def test_a_member_reads_with_the_session(
    anyone: httpx.AsyncClient, log: Log, session: str, one_event: Callable[[], None]
) -> None:
    await one_event()  # type: ignore[func-returns-value]
    anyone.cookies["sessionid"] = session
    for path in READS:
        assert (await anyone.get(path, params={"log": log.name})).status_code == 200


async def test_an_outsider_can_not_tell_a_log_from_none(
    anyone: httpx.AsyncClient, session: str, make_log: Callable[..., Log]
) -> None:
    anyone.cookies["sessionid"] = session
    other = await sync_to_async(make_log)()
    answers = [await anyone.get("/api/events", params={"log": name}) for name in (other.name, "nothing-here")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace(other.name, "nothing-here") == answers[1].text


@pytest.mark.parametrize("log_name", [None, "", "a%00b", "x" * 300])
async def test_a_session_must_name_a_log(anyone: httpx.AsyncClient, session: str, log_name: str | None) -> None:
    anyone.cookies["sessionid"] = session
    answer = await anyone.get("/api/events" + ("" if log_name is None else f"?log={log_name}"))
    assert (answer.status_code, answer.json()["field"]) == (422, "log")


@pytest.mark.parametrize("cookie", ["", "nonsense", "x" * 5000, '"\\000aaaaaaaaaa"'])
async def test_a_session_that_is_none_is_401(anyone: httpx.AsyncClient, log: Log, cookie: str) -> None:
    answer = await anyone.get("/api/events", params={"log": log.name}, headers={"Cookie": f"sessionid={cookie}"})
    assert answer.status_code == 401


async def test_a_session_never_writes(anyone: httpx.AsyncClient, log: Log, session: str) -> None:
    anyone.cookies["sessionid"] = session
    for path, body in WRITES:
        assert (await anyone.post(path, params={"log": log.name}, json=body)).status_code == 401


async def test_a_bad_token_is_not_made_good_by_a_session(anyone: httpx.AsyncClient, log: Log, session: str) -> None:
    anyone.cookies["sessionid"] = session
    answer = await anyone.get("/api/events", params={"log": log.name}, headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401


async def test_a_person_who_is_no_longer_active_reads_nothing(
    anyone: httpx.AsyncClient, log: Log, member: Member, session: str
) -> None:
    anyone.cookies["sessionid"] = session
    await User.objects.filter(pk=member.user_id).aupdate(is_active=False)
    assert (await anyone.get("/api/events", params={"log": log.name})).status_code == 401


async def test_a_session_leaves_no_database_connection_behind(
    anyone: httpx.AsyncClient, log: Log, session: str
) -> None:
    anyone.cookies["sessionid"] = session
    await anyone.get("/api/events", params={"log": log.name})
    assert await sync_to_async(lambda: connection.connection)() is None
