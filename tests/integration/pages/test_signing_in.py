"""The pages to sign in and out."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from events.access.network import network_of
from events.access.passwords import (
    MAX_ATTEMPTS_FOR_NAME,
    MAX_ATTEMPTS_OF_NETWORK,
    WINDOW,
    Attempt,
    TooManyAttempts,
    UnconnectedHasher,
)
from events.access.sign_in import create_link
from events.models import SignInAttempts
from eventsite.settings import PASSWORD_HASHERS as HASHERS  # the hashes of the tests' settings are quicker
from tests.support.factories import make_user


def test_a_link_shows_a_button_and_the_post_uses_it_up(client: Client, user: User) -> None:
    url = f"/sign-in/{create_link(user)}/"
    for _ in range(2):
        page = client.get(url)
        assert page.status_code == 200
        assert "_auth_user_id" not in client.session
    assert client.post(url)["Location"] == "/"
    assert client.session["_auth_user_id"] == str(user.pk)
    client.logout()
    again = client.post(url)
    assert again.status_code == 403
    assert "used already" in again.content.decode()


def test_a_link_through_a_proxy_is_refused_in_words(client: Client, user: User) -> None:
    answer = client.post(f"/sign-in/{create_link(user)}/", headers={"X-Forwarded-For": "10.0.0.1"})
    assert answer.status_code == 403
    assert "through a proxy" in answer.content.decode()


def test_a_password_signs_in_and_leads_back(client: Client, database: None) -> None:
    user = make_user(password="correct horse")
    answer = client.post(
        "/login/?next=/logs/x/", {"username": user.get_username(), "password": "correct horse", "next": "/logs/x/"}
    )
    assert answer["Location"] == "/logs/x/"


def test_a_wrong_password_says_so_and_tells_nothing_else(client: Client, user: User) -> None:
    page_of_user = client.post("/login/", {"username": user.get_username(), "password": "wrong"}).content.decode()
    unknown = client.post("/login/", {"username": "nobody", "password": "wrong"}).content.decode()
    assert 'role="alert"' in page_of_user
    assert page_of_user.count("Please enter a correct") == unknown.count("Please enter a correct") == 1


def test_login_never_leads_to_another_site(client: Client, database: None) -> None:
    user = make_user(password="correct horse")
    answer = client.post(
        "/login/", {"username": user.get_username(), "password": "correct horse", "next": "https://elsewhere.example/"}
    )
    assert answer["Location"] == "/"


def test_signing_out_is_a_post(client: Client, user: User) -> None:
    client.force_login(user)
    assert client.get("/logout/").status_code == 405
    client.post("/logout/")
    assert "_auth_user_id" not in client.session


@pytest.fixture
def address() -> str:
    """An address from which no other test comes."""
    return f"10.{'.'.join(str(secrets.randbelow(256)) for _ in range(3))}"


def post(client: Client, name: str, password: str, address: str) -> Any:
    return client.post("/login/", {"username": name, "password": password}, REMOTE_ADDR=address)


def test_after_too_many_wrong_passwords_no_password_of_a_network_is_looked_at(
    client: Client, database: None, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_user(password="correct horse")
    for n in range(MAX_ATTEMPTS_OF_NETWORK):
        assert post(client, f"nobody-{n}-{address}", "wrong", address).status_code == 200
    with monkeypatch.context() as patched:
        patched.setattr("django.contrib.auth.forms.authenticate", pytest.fail)
        answer = post(client, user.get_username(), "correct horse", address)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= WINDOW.total_seconds()
    assert "Too many attempts to sign in. Try again in 15 minutes." in answer.content.decode()
    assert post(client, user.get_username(), "correct horse", "10.255.255.255").status_code == 302


def test_after_too_many_wrong_passwords_for_a_name_none_is_looked_at_from_anywhere(
    client: Client, database: None
) -> None:
    user = make_user(password="correct horse")
    name = user.get_username()
    for n in range(MAX_ATTEMPTS_FOR_NAME):
        assert post(client, name, "wrong", f"10.254.{n}.{secrets.randbelow(256)}").status_code == 200
    assert post(client, name, "correct horse", "10.254.254.254").status_code == 429
    other = make_user(password="correct horse")
    assert post(client, other.get_username(), "correct horse", "10.254.254.254").status_code == 302


def test_a_person_who_signs_in_is_not_counted_and_starts_anew(client: Client, database: None, address: str) -> None:
    user = make_user(password="correct horse")
    for _ in range(MAX_ATTEMPTS_OF_NETWORK + 1):
        assert post(client, user.get_username(), "correct horse", address).status_code == 302
        client.logout()
    for _ in range(MAX_ATTEMPTS_OF_NETWORK - 1):
        assert post(client, user.get_username(), "wrong", address).status_code == 200
    assert post(client, user.get_username(), "correct horse", address).status_code == 302


def test_attempts_are_forgotten_after_a_while(client: Client, database: None, address: str) -> None:
    for n in range(MAX_ATTEMPTS_OF_NETWORK + 1):
        post(client, f"nobody-{n}-{address}", "wrong", address)
    assert post(client, "nobody", "wrong", address).status_code == 429
    for attempts in SignInAttempts.objects.all():
        attempts.since -= WINDOW
        attempts.save()
    assert post(client, "nobody", "wrong", address).status_code == 200


def test_attempts_at_the_same_time_are_all_counted(database: None, address: str) -> None:
    def attempt(n: int) -> bool:
        try:
            Attempt(address, f"somebody-{n}-{address}").count()
        except TooManyAttempts:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(3 * MAX_ATTEMPTS_OF_NETWORK))) == MAX_ATTEMPTS_OF_NETWORK


def test_an_ipv6_customer_is_one_network() -> None:
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::1") != network_of("2001:db8:1:3::4")
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1") != network_of("10.0.0.2")


def test_a_password_is_hashed_while_no_connection_is_held(database: None, settings: LazySettings) -> None:
    settings.PASSWORD_HASHERS = HASHERS
    encoded = UnconnectedHasher().encode("correct horse", "salt", UnconnectedHasher.iterations)
    User.objects.exists()
    assert connection.connection is not None
    assert check_password("correct horse", encoded)
    assert connection.connection is None
    assert HASHERS == ["events.access.passwords.UnconnectedHasher"]
