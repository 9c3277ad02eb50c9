"""Sign-in links work once, for a quarter of an hour, on this machine only, and never through a proxy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import CommandError, call_command
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from events.access import sign_in
from events.models import SignInLink


@pytest.fixture
def request_with() -> Callable[..., HttpRequest]:
    def make(address: str = "127.0.0.1", **headers: str) -> HttpRequest:
        request = RequestFactory().post("/sign-in/x/", headers=headers, REMOTE_ADDR=address)
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


PROXY_HEADERS = (
    "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Anything", "X-Forwarded",
    "Via", "X-Via", "X-Real-IP", "X-RealIP", "Client-IP", "X-Client-IP", "X-ClientIP", "True-Client-IP",
    "X-Cluster-Client-IP", "Fastly-Client-IP", "Fly-Client-IP", "CF-Connecting-IP", "CF-Ray", "CDN-Loop",
    "X-Original-Host", "X-Originating-IP", "X-Remote-IP", "X-Remote-Addr", "X-Envoy-External-Address",
    "X-Amzn-Trace-Id", "X-Azure-ClientIP", "X-ProxyUser-Ip", "Proxy-Connection", "Tailscale-User-Login",
)  # fmt: skip


@pytest.mark.parametrize("header", PROXY_HEADERS)
def test_a_forwarded_request_is_refused_and_the_link_kept(
    user: User, request_with: Callable[..., HttpRequest], header: str
) -> None:
    token = sign_in.create_link(user)
    assert sign_in.consume(request_with(**{header: "x"}), token) is None
    assert sign_in.consume(request_with(), token) == user


@pytest.mark.parametrize("address", ["10.0.0.7", "192.168.1.2", "8.8.8.8", "::ffff:10.0.0.7", "fe80::1", "", "unix:"])
def test_a_link_is_refused_from_another_machine_and_kept(
    user: User, request_with: Callable[..., HttpRequest], address: str
) -> None:
    token = sign_in.create_link(user)
    assert sign_in.consume(request_with(address), token) is None
    assert sign_in.consume(request_with(), token) == user


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_a_link_is_good_from_any_loopback_address(
    user: User, request_with: Callable[..., HttpRequest], address: str
) -> None:
    assert sign_in.consume(request_with(address), sign_in.create_link(user)) == user


def test_the_usual_headers_of_a_browser_are_no_sign_of_a_proxy(
    user: User, request_with: Callable[..., HttpRequest]
) -> None:
    headers = {
        "Accept": "text/html", "Accept-Encoding": "gzip", "Accept-Language": "en", "Cache-Control": "max-age=0",
        "Connection": "keep-alive", "Cookie": "csrftoken=x", "DNT": "1", "Origin": "http://127.0.0.1:8000",
        "Referer": "http://127.0.0.1:8000/", "Sec-Fetch-Site": "same-origin", "Sec-CH-UA-Platform": "Linux",
        "Upgrade-Insecure-Requests": "1", "User-Agent": "Mozilla/5.0", "Priority": "u=0, i",
    }  # fmt: skip
    assert sign_in.consume(request_with(**headers), sign_in.create_link(user)) == user


@pytest.mark.parametrize("reached", [("10.0.0.7", {}), ("127.0.0.1", {"X-Forwarded-For": "10.0.0.7"})])
def test_a_setting_lets_links_pass_from_elsewhere(
    user: User, request_with: Callable[..., HttpRequest], settings: LazySettings, reached: tuple[str, dict[str, str]]
) -> None:
    settings.REMOTE_SIGN_IN_LINKS = True
    address, headers = reached
    assert sign_in.consume(request_with(address, **headers), sign_in.create_link(user)) == user


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
