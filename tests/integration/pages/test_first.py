"""The page of an empty log: the ways to append a first event, for each role, and the button of the demo."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events.access.tokens import hash_of
from events.models import Log, Role, Token
from eventsite import views
from eventsite.demo import seeding
from tests.support.factories import make_member
from tests.support.fixture_types import AppendEvents

HTMX = {"HX-Request": "true"}


@pytest.fixture
def admin(client: Client, log: Log, user: User) -> Client:
    make_member(log, user=user, role=Role.ADMIN)
    client.force_login(user)
    return client


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_admin_gets_commands_with_a_token_in_them(admin: Client, log: Log, at: str, headers: dict[str, str]) -> None:
    assert "Make a token" in admin.get(at).content.decode()
    answer = admin.post(f"{at}first-token", headers=headers)
    page = html.unescape(answer.content.decode())
    tokens_shown = set(re.findall(r"evt_[\w-]+", page))
    assert len(tokens_shown) == 1
    (shown_token,) = tokens_shown
    assert f'-H "Authorization: Bearer {shown_token}"' in page
    assert ("<html" in page) is not bool(headers)
    assert "no-store" in answer["Cache-Control"]
    token = Token.objects.get(log=log)
    assert bytes(token.hash) == hash_of(shown_token)
    assert sorted(token.scopes) == ["append", "read"]
    assert token.expires_at
    assert shown_token not in admin.get(at).content.decode()


def test_the_python_agent_that_is_shown_has_ten_lines(admin: Client, at: str) -> None:
    page = html.unescape(admin.post(f"{at}first-token").content.decode())
    block = re.search(r'id="first-python"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert block
    compile(block[1], "agent.py", "exec")
    assert len([each for each in block[1].splitlines() if each.strip()]) == 10


def test_others_are_told_whom_to_ask_and_get_no_token(viewer: Client, log: Log, at: str) -> None:
    page = viewer.get(at).content.decode()
    assert "Make a token" not in page
    assert "by a token from an admin of this log" in page
    assert viewer.post(f"{at}first-token").status_code == 404
    assert not Token.objects.filter(log=log).exists()


def test_a_log_that_is_not_empty_makes_no_first_token(admin: Client, log: Log, append: AppendEvents, at: str) -> None:
    append("s", {})
    assert admin.post(f"{at}first-token")["Location"] == at
    assert admin.get(f"{at}first-token")["Location"] == at
    assert not Token.objects.filter(log=log).exists()


@pytest.mark.parametrize("role", Role)
def test_operators_run_the_demo_and_see_whether_it_runs_already(
    client: Client, user: User, log: Log, at: str, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Log] = []

    async def start(log: Log) -> bool:
        started.append(log)
        return len(started) == 1

    monkeypatch.setattr(views, "start_live", start)
    make_member(log, user=user, role=role)
    client.force_login(user)
    assert ("Run the demo agents</button>" in client.get(at).content.decode()) is (role != Role.VIEWER)
    answer = client.post(f"{at}demo", follow=True)
    if role == Role.VIEWER:
        assert (answer.status_code, started) == (404, [])
        return
    assert started == [log]
    assert "The demo agents are at work for" in answer.content.decode()
    again = client.post(f"{at}demo", follow=True).content.decode()
    assert "at work in this log already" in again
    assert "at work" not in client.get(at).content.decode()


def test_a_log_that_holds_real_events_gets_none_of_the_demos(
    admin: Client, log: Log, append: AppendEvents, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append("s", {})
    monkeypatch.setattr(views, "start_live", pytest.fail)
    answer = admin.post(f"{at}demo")
    assert answer.status_code == 409
    assert "has events of its own" in answer.content.decode()


def test_the_log_of_the_demo_gets_a_shift_each_time(
    admin: Client, log: Log, append: AppendEvents, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Log] = []

    async def start(log: Log) -> bool:
        started.append(log)
        return True

    append("s", {})
    monkeypatch.setattr(views, "start_live", start)
    monkeypatch.setattr(seeding, "LOG", log.name)
    assert admin.post(f"{at}demo")["Location"] == at
    assert started == [log]


def test_the_demo_starts_by_a_post_only(admin: Client, at: str) -> None:
    assert admin.get(f"{at}demo").status_code == 405
