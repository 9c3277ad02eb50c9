"""Reads of the API with the session of a person who signed in."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from events.models import Log, Member
from tests.support.api import READS, WRITES


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


@pytest.fixture
def session(member: Member) -> str:
    return session_of(member.user)


async def test_a_member_reads_with_the_session(
    anyone: httpx2.AsyncClient, log: Log, session: str, one_event: Callable[[], None]
) -> None:
    await one_event()  # type: ignore[func-returns-value]
    anyone.cookies["sessionid"] = session
    for path in READS:
        assert (await anyone.get(path, params={"log": log.name})).status_code == 200


async def test_an_outsider_can_not_tell_a_log_from_none(
    anyone: httpx2.AsyncClient, session: str, make_log: Callable[..., Log]
) -> None:
    anyone.cookies["sessionid"] = session
    other = await sync_to_async(make_log)()
    answers = [await anyone.get("/api/events", params={"log": name}) for name in (other.name, "nothing-here")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace(other.name, "nothing-here") == answers[1].text


@pytest.mark.parametrize("log_name", [None, "", "a%00b", "x" * 300])
async def test_a_session_must_name_a_log(anyone: httpx2.AsyncClient, session: str, log_name: str | None) -> None:
    anyone.cookies["sessionid"] = session
    answer = await anyone.get("/api/events" + ("" if log_name is None else f"?log={log_name}"))
    assert (answer.status_code, answer.json()["field"]) == (422, "log")


@pytest.mark.parametrize("cookie", ["", "nonsense", "x" * 5000, '"\\000aaaaaaaaaa"'])
async def test_a_session_that_is_none_is_401(anyone: httpx2.AsyncClient, log: Log, cookie: str) -> None:
    answer = await anyone.get("/api/events", params={"log": log.name}, headers={"Cookie": f"sessionid={cookie}"})
    assert answer.status_code == 401


async def test_a_session_never_writes(anyone: httpx2.AsyncClient, log: Log, session: str) -> None:
    anyone.cookies["sessionid"] = session
    for path, body in WRITES:
        assert (await anyone.post(path, params={"log": log.name}, json=body)).status_code == 401


async def test_a_bad_token_is_not_made_good_by_a_session(anyone: httpx2.AsyncClient, log: Log, session: str) -> None:
    anyone.cookies["sessionid"] = session
    answer = await anyone.get("/api/events", params={"log": log.name}, headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401


async def test_a_person_who_is_no_longer_active_reads_nothing(
    anyone: httpx2.AsyncClient, log: Log, member: Member, session: str
) -> None:
    anyone.cookies["sessionid"] = session
    await User.objects.filter(pk=member.user_id).aupdate(is_active=False)
    assert (await anyone.get("/api/events", params={"log": log.name})).status_code == 401


async def test_a_session_leaves_no_database_connection_behind(
    anyone: httpx2.AsyncClient, log: Log, session: str
) -> None:
    anyone.cookies["sessionid"] = session
    await anyone.get("/api/events", params={"log": log.name})
    assert await sync_to_async(lambda: connection.connection)() is None
