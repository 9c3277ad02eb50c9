"""The page of tokens."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from events.access.tokens import hash_of
from events.models import Log, Role, Scope, Token
from tests.support.factories import make_log, make_member


@pytest.fixture
def admin(client: Client, log: Log, user: User) -> Client:
    make_member(log, user=user, role=Role.ADMIN)
    client.force_login(user)
    return client


def test_a_new_token_is_shown_once_and_kept_as_a_hash(admin: Client, log: Log, at: str) -> None:
    page = admin.post(
        f"{at}tokens/",
        {"name": "router", "scopes": ["append"], "stream_prefix": "order-", "agent": "router", "expires_in_days": "7"},
    ).content.decode()
    match = re.search(r'id="made-token"[^>]*>([^<]+)<', page)
    assert match
    token = Token.objects.get(log=log)
    assert bytes(token.hash) == hash_of(match[1])
    assert (token.scopes, token.stream_prefix, token.agent) == (["append"], "order-", "router")
    assert token.expires_at
    assert abs(token.expires_at - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    page = admin.get(f"{at}tokens/").content.decode()
    assert match[1] not in page
    assert f"<bdi>…{match[1][-4:]}</bdi>" in page


def test_a_token_whose_ending_was_not_kept_is_in_the_list(admin: Client, log: Log, at: str) -> None:
    Token.objects.create(log=log, name="older", hash=b"1" * 32, scopes=["append"])
    assert "not kept" in admin.get(f"{at}tokens/").content.decode()


@pytest.mark.parametrize("scope", Scope.values)
def test_the_page_offers_every_scope(admin: Client, log: Log, at: str, scope: str) -> None:
    assert f'name="scopes" value="{scope}"' in admin.get(f"{at}tokens/").content.decode()
    admin.post(f"{at}tokens/", {"name": "router", "scopes": [scope]})
    assert Token.objects.get(log=log).scopes == [scope]


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"scopes": []}, {"scopes": ["root"]}, {"expires_in_days": "0"}, {"expires_in_days": "x"}]
)
def test_a_form_that_is_not_right_makes_no_token(admin: Client, log: Log, at: str, wrong: dict[str, object]) -> None:
    answer = admin.post(f"{at}tokens/", {"name": "router", "scopes": ["append"], **wrong})
    assert answer.status_code == 400
    assert not Token.objects.filter(log=log).exists()


def test_a_token_for_streams_of_the_server_is_refused_with_the_reason(admin: Client, log: Log, at: str) -> None:
    fields = {"name": "router", "scopes": ["append"], "stream_prefix": "eventsite-redactions"}
    answer = admin.post(f"{at}tokens/", fields)
    assert answer.status_code == 400
    assert "belong to the server" in answer.content.decode()
    assert not Token.objects.filter(log=log).exists()


def test_a_revoked_token_stays_in_the_list(admin: Client, log: Log, at: str) -> None:
    admin.post(f"{at}tokens/", {"name": "router", "scopes": ["read"]})
    token = Token.objects.get(log=log)
    assert admin.post(f"{at}tokens/{token.pk}/revoke")["Location"] == f"{at}tokens/"
    token.refresh_from_db()
    assert token.revoked_at
    assert "revoked" in admin.get(f"{at}tokens/").content.decode()


def test_a_token_of_another_log_can_not_be_revoked_here(admin: Client, at: str) -> None:
    other = Token.objects.create(log=make_log(), name="x", hash=hash_of("other" + at), scopes=["read"])
    admin.post(f"{at}tokens/{other.pk}/revoke")
    other.refresh_from_db()
    assert other.revoked_at is None


def test_viewers_can_neither_make_nor_revoke_tokens(viewer: Client, log: Log, at: str) -> None:
    token = Token.objects.create(log=log, name="x", hash=hash_of("kept" + at), scopes=["read"])
    assert viewer.post(f"{at}tokens/", {"name": "y", "scopes": ["admin"]}).status_code == 404
    assert viewer.post(f"{at}tokens/{token.pk}/revoke").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None
    assert Token.objects.filter(log=log).count() == 1


def test_forms_without_a_csrf_token_are_refused(log: Log, user: User, at: str) -> None:
    make_member(log, user=user, role=Role.ADMIN)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    for url in (f"{at}tokens/", f"{at}tokens/1/revoke", "/logout/", "/login/", "/sign-in/x/"):
        answer = strict.post(url, {"name": "x", "scopes": ["read"]})
        assert answer.status_code == 403
        assert "That was refused" in answer.content.decode()
    assert not Token.objects.filter(log=log).exists()
