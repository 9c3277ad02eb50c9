"""Signing in and out, as pages."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.test import Client

from events.access.sign_in import create_link
from tests.support.factories import make_user


def test_a_link_shows_a_button_and_the_post_uses_it_up(client: Client, user: User) -> None:
    url = f"/sign-in/{create_link(user)}/"
    for _ in range(2):
        shown = client.get(url)
        assert shown.status_code == 200
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
    known = client.post("/login/", {"username": user.get_username(), "password": "wrong"}).content.decode()
    unknown = client.post("/login/", {"username": "nobody", "password": "wrong"}).content.decode()
    assert 'role="alert"' in known
    assert known.count("Please enter a correct") == unknown.count("Please enter a correct") == 1


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
