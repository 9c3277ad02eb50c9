"""Sign-in links: once, for a quarter of an hour, never through a proxy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import CommandError, call_command
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from events import sign_in
from events.models import SignInLink


@pytest.fixture
def request_with() -> Callable[..., HttpRequest]:
    def make(**headers: str) -> HttpRequest:
        request = RequestFactory().post("/sign-in/x/", headers=headers)
        request.session = SessionStore()
        return request

    return make


def test_a_link_signs_its_person_in(user: User, request_with: Callable[..., HttpRequest]) -> None:
    request = request_with()
    assert sign_in.consume(request, sign_in.create_link(user)) == user
    assert request.session["_auth_user_id"] == str(user.pk)


def test_a_link_works_once(user: User, request_with: Callable[..., HttpRequest]) -> None:
    token = sign_in.create_link(user)
    assert sign_in.consume(request_with(), token)
    assert sign_in.consume(request_with(), token) is None


def test_looking_at_a_link_does_not_use_it_up(user: User, request_with: Callable[..., HttpRequest]) -> None:
    token = sign_in.create_link(user)
    assert sign_in.link_user(token) == user
    assert sign_in.link_user(token) == user
    assert sign_in.consume(request_with(), token) == user


def test_a_link_ends_after_a_quarter_of_an_hour(user: User, request_with: Callable[..., HttpRequest]) -> None:
    token = sign_in.create_link(user)
    link = SignInLink.objects.get(user=user)
    assert timedelta(minutes=14) < link.expires_at - timezone.now() <= timedelta(minutes=15)
    SignInLink.objects.filter(pk=link.pk).update(expires_at=timezone.now())
    assert sign_in.consume(request_with(), token) is None


@pytest.mark.parametrize(
    "header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Anything"]
)
def test_a_forwarded_request_is_refused_and_the_link_kept(
    user: User, request_with: Callable[..., HttpRequest], header: str
) -> None:
    token = sign_in.create_link(user)
    assert sign_in.consume(request_with(**{header: "x"}), token) is None
    assert sign_in.consume(request_with(), token) == user


def test_a_person_who_was_shut_out_has_no_way_in(user: User, request_with: Callable[..., HttpRequest]) -> None:
    token = sign_in.create_link(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert sign_in.consume(request_with(), token) is None


def test_only_the_links_hash_is_kept(user: User) -> None:
    token = sign_in.create_link(user)
    assert token.encode() not in bytes(SignInLink.objects.get(user=user).hash)


def test_the_command_prints_a_link(user: User, request_with: Callable[..., HttpRequest]) -> None:
    out = StringIO()
    call_command("sign_in_link", user=user.get_username(), url="http://host:1/", stdout=out)
    start, token, end = out.getvalue().strip().rsplit("/", 2)
    assert (start, end) == ("http://host:1/sign-in", "")
    assert sign_in.consume(request_with(), token) == user


def test_a_link_for_nobody_is_an_error(database: None) -> None:
    with pytest.raises(CommandError, match="no active user named nobody-here"):
        call_command("sign_in_link", user="nobody-here")
