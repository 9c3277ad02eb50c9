"""The gate before the pages: requests take turns, are complete, and free their place as soon as the answer is ready."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django import db
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client

from eventsite import gate, visitors
from eventsite.gate import Gate
from tests.support.patience import until

pytestmark = pytest.mark.usefixtures("database")  # which closes the connections at the end


class Pages:
    """An application that finishes its pages when the test says so."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.under_way: list[str] = []
        self.may_go_on = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        client = scope["client"][0]
        self.under_way.append(client)
        await self.may_go_on.wait()
        self.made.append(client)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})


class Request:
    """A request to the gate; `status` and `headers` are those of the answer."""

    def __init__(self, gate: Gate, *, of: str, path: str = "/logs/x/", method: str = "GET", cookie: str = "") -> None:
        self.headers: dict[str, str] = {}
        self.status = 0
        self.body = b""
        self.messages: list[dict[str, Any]] = [{"type": "http.request", "body": b"", "more_body": False}]
        self.may_send = asyncio.Event()
        self.may_send.set()
        headers = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode())] if cookie else []
        scope = {"type": "http", "method": method, "path": path, "headers": headers, "client": (of, 1)}
        self.task = asyncio.create_task(gate(scope, self.receive, self.send))

    async def receive(self) -> dict[str, Any]:
        await until(lambda: self.messages)
        return self.messages.pop(0)

    async def send(self, message: dict[str, Any]) -> None:
        await self.may_send.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message["body"]


async def test_a_visitor_with_many_requests_leaves_places_to_others() -> None:
    pages = Pages()
    busy = Gate(pages)
    many = [Request(busy, of="10.0.0.1") for _ in range(20)]
    await until(lambda: len(pages.under_way) == 3)
    other = Request(busy, of="10.0.0.2")
    await until(lambda: "10.0.0.2" in pages.under_way)
    assert pages.under_way.count("10.0.0.1") == 3
    pages.may_go_on.set()
    await asyncio.gather(other.task, *(each.task for each in many))
    assert {each.status for each in many} == {200}


async def test_too_many_waiting_requests_of_a_visitor_are_refused_in_words() -> None:
    pages = Pages()
    busy = Gate(pages)
    many = [Request(busy, of="10.0.0.1") for _ in range(40)]
    await until(lambda: sum(each.task.done() for each in many) == 40 - 32 - 3)
    refusal = next(each for each in many if each.status)
    assert refusal.status == 429
    assert refusal.headers["retry-after"] == "2"
    assert refusal.headers["cache-control"] == "private, no-store"
    assert "default-src 'none'" in refusal.headers["content-security-policy"]
    assert b"Too many of your requests are waiting already" in refusal.body
    pages.may_go_on.set()
    await asyncio.gather(*(each.task for each in many))


async def test_a_visitor_that_waits_too_long_is_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Pages()
    busy = Gate(pages)
    monkeypatch.setattr(busy._pages, "_patience_seconds", 0.01)
    many = [Request(busy, of="10.0.0.1") for _ in range(4)]
    await many[3].task
    assert (many[3].status, many[3].headers["retry-after"]) == (503, "2")
    pages.may_go_on.set()
    await asyncio.gather(*(each.task for each in many))


async def test_persons_behind_one_address_have_a_lane_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "_persons", OrderedDict({"session-of-1": 1, "other-session-of-1": 1, "of-2": 2}))
    pages = Pages()
    busy = Gate(pages)
    cookies = ["session-of-1", "other-session-of-1"] * 3
    many = [Request(busy, of="10.0.0.1", cookie=cookie) for cookie in cookies]
    await until(lambda: len(pages.under_way) == 3)
    other = Request(busy, of="10.0.0.1", cookie="of-2")
    await until(lambda: len(pages.under_way) == 4)
    pages.may_go_on.set()
    await asyncio.gather(other.task, *(each.task for each in many))


async def test_passwords_are_looked_at_one_by_one_and_take_no_place_of_pages() -> None:
    pages = Pages()
    busy = Gate(pages)
    logins = [Request(busy, of=f"10.0.0.{n}", path="/login/", method="POST") for n in range(20)]
    await until(lambda: len(pages.under_way) == 1)
    other = Request(busy, of="10.0.1.1")
    await until(lambda: len(pages.under_way) == 2)
    assert pages.under_way[1] == "10.0.1.1"
    pages.may_go_on.set()
    await asyncio.gather(other.task, *(each.task for each in logins))
    assert {each.status for each in logins} == {200}


async def test_static_files_wait_for_nobody() -> None:
    pages = Pages()
    busy = Gate(pages)
    files = [Request(busy, of="10.0.0.1", path=f"{settings.STATIC_URL}x.css") for _ in range(10)]
    await until(lambda: len(pages.under_way) == 10)
    pages.may_go_on.set()
    await asyncio.gather(*(each.task for each in files))


async def test_a_slow_reader_takes_no_place() -> None:
    pages = Pages()
    pages.may_go_on.set()
    busy = Gate(pages)
    slow = [Request(busy, of="10.0.0.1") for _ in range(3)]
    for each in slow:
        each.may_send.clear()
    await until(lambda: len(pages.made) == 3)
    other = Request(busy, of="10.0.0.1")
    await other.task
    assert other.status == 200
    for each in slow:
        each.may_send.set()
    await asyncio.gather(*(each.task for each in slow))


async def test_a_slow_sender_takes_no_place_and_is_refused_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Pages()
    pages.may_go_on.set()
    busy = Gate(pages)
    slow = [Request(busy, of="10.0.0.1", method="POST") for _ in range(3)]
    for each in slow:
        each.messages[:] = [{"type": "http.request", "body": b"a", "more_body": True}]
    other = Request(busy, of="10.0.0.1")
    await other.task
    assert pages.made == ["10.0.0.1"]
    slow[0].messages.append({"type": "http.request", "body": b"b", "more_body": False})
    await slow[0].task
    assert slow[0].status == 200
    monkeypatch.setattr(gate, "_BODY_SECONDS", 0.01)
    late = Request(busy, of="10.0.0.1", method="POST")
    late.messages.clear()
    await late.task
    assert late.status == 408
    for each in slow:
        each.task.cancel()
    await asyncio.gather(*(each.task for each in slow), return_exceptions=True)


async def test_a_large_body_is_refused_before_it_has_come() -> None:
    request = Request(Gate(Pages()), of="10.0.0.1", method="POST")
    request.messages[:] = [{"type": "http.request", "body": b"x" * 600_000, "more_body": True}] * 2
    await request.task
    assert request.status == 413


async def test_no_connection_is_held_while_an_answer_is_sent(user: User) -> None:
    held: list[bool] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(User.objects.exists)()
        held.append(await sync_to_async(lambda: connection.connection is not None)())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        held.append(await sync_to_async(lambda: connection.connection is not None)())

    await Request(Gate(page), of="10.0.0.1").task
    assert held == [True, False]


def test_a_person_is_remembered_by_the_session(client: Client, user: User) -> None:
    client.force_login(user)
    client.get("/")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    header = (b"cookie", f"a=b; {settings.SESSION_COOKIE_NAME}={cookie}".encode())
    assert visitors.lane_of({"headers": [header], "client": ("10.0.0.1", 1)}) == ("person", user.pk)
    assert visitors.lane_of({"headers": [], "client": ("10.0.0.1", 1)}) == ("network", "10.0.0.1")
    assert visitors.lane_of({"headers": [], "client": None}) == ("network", "")


@pytest.mark.parametrize(("error", "status"), [("OperationalError", 503), ("InterfaceError", 503), ("DataError", 500)])
def test_a_page_without_a_connection_is_a_503_that_says_when_to_come_again(
    client: Client, user: User, monkeypatch: pytest.MonkeyPatch, error: str, status: int
) -> None:
    def fail(**conditions: object) -> None:
        raise getattr(db, error)("couldn't get a connection after 10.00 sec")

    client.force_login(user)
    monkeypatch.setattr("events.models.Member.objects.filter", fail)
    client.raise_request_exception = False
    answer = client.get("/")
    assert answer.status_code == status
    assert ("Retry-After" in answer) is (status == 503)
    assert ("can’t answer at the moment" in answer.content.decode()) is (status == 503)
    assert "10.00 sec" not in answer.content.decode()


def test_a_page_whose_query_took_too_long_says_so(client: Client, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(**conditions: object) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("set local statement_timeout = '1ms'")
            cursor.execute("select pg_sleep(60)")

    client.force_login(user)
    monkeypatch.setattr("events.models.Member.objects.filter", sleep)
    client.raise_request_exception = False
    answer = client.get("/")
    assert answer.status_code == 503
    assert "The query took too long" in answer.content.decode()
    assert "can’t answer" not in answer.content.decode()
    assert "Retry-After" not in answer
