"""The right of each person to each page, as one table. A page that a person may not see is a 404."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events.models import Log, Role
from tests.support.factories import make_log, make_member
from tests.support.fixture_types import AppendEvents

PAGES = (
    "", "events/1", "streams/", "streams/order-1/", "workflows/", "workflows/w/", "seen/correlation_id", "completions",
    "replay/stream/order-1/1", "projections/", "projections/latest/", "projections/latest/states",
    "projections/latest/state",
)  # fmt: skip
OPERATOR_PAGES = ("pause?agent=a", "resume?workflow=w")
ADMIN_PAGES = ("tokens/",)


@pytest.mark.parametrize("page", [*PAGES, *ADMIN_PAGES])
def test_a_visitor_is_asked_to_sign_in_and_comes_back(client: Client, at: str, page: str) -> None:
    answer = client.get(at + page)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={at}{page}")


@pytest.mark.parametrize("page", [*PAGES, *OPERATOR_PAGES, *ADMIN_PAGES])
def test_to_an_outsider_a_log_is_not_there(
    client: Client, user: User, append: AppendEvents, at: str, page: str
) -> None:
    append("order-1", {"correlation_id": "w"})
    client.force_login(user)
    assert client.get(at + page).status_code == 404


@pytest.mark.parametrize("role", Role)
def test_members_see_the_pages_and_only_admins_the_tokens(
    client: Client, user: User, log: Log, append: AppendEvents, at: str, role: Role
) -> None:
    append("order-1", {"correlation_id": "w"})
    make_member(log, user=user, role=role)
    client.force_login(user)
    assert {client.get(at + page).status_code for page in PAGES} == {200}
    operates = role != Role.VIEWER
    assert {client.get(at + page).status_code for page in OPERATOR_PAGES} == {200 if operates else 404}
    assert {client.get(at + page).status_code for page in ADMIN_PAGES} == {200 if role == Role.ADMIN else 404}


@pytest.mark.parametrize("page", [*PAGES, "events/99", "replay/stream/nope/1"])
def test_no_cache_keeps_a_page_of_a_log(viewer: Client, append: AppendEvents, at: str, page: str) -> None:
    append("order-1", {"correlation_id": "w"})
    for headers in ({}, {"HX-Request": "true"}):
        assert viewer.get(at + page, headers=headers)["Cache-Control"] == "private, no-store"


def test_no_cache_keeps_the_list_of_logs_or_the_way_in(viewer: Client, user: User) -> None:
    make_member(make_log(), user=user)
    assert "no-store" in viewer.get("/")["Cache-Control"]
    assert "no-store" in viewer.get("/login/")["Cache-Control"]
    assert "no-store" in viewer.get("/nothing")["Cache-Control"]


def test_an_event_of_another_log_is_not_there(viewer: Client, append: AppendEvents) -> None:
    append("order-1", {})
    assert viewer.get(f"/logs/{make_log().name}/events/1").status_code == 404


@pytest.mark.parametrize(
    "page", ["events/0", "events/9", f"events/{10**17}", f"events/{10**30}", "streams/nope/", "replay/stream/nope/2"]
)
def test_a_page_that_does_not_exist_is_a_404(viewer: Client, append: AppendEvents, at: str, page: str) -> None:
    append("order-1", {})
    assert viewer.get(at + page).status_code == 404


def test_a_member_is_told_what_is_not_there_and_a_stranger_is_not(
    viewer: Client, append: AppendEvents, at: str
) -> None:
    append("order-1", {})
    for page, words in (
        ("streams/order-2/", "There is no stream &#39;order-2&#39;."),
        ("workflows/w/", "There is no workflow &#39;w&#39;."),
        ("events/2", "has no event at position 2."),
    ):
        page_text = viewer.get(at + page).content.decode()
        assert words in page_text
        assert f'href="{at}streams/"' in page_text
        assert words not in viewer.get(f"/logs/nobodys/{page}").content.decode()


def test_home_leads_to_the_only_log(viewer: Client, at: str) -> None:
    assert viewer.get("/")["Location"] == at


def test_home_lists_several_logs(viewer: Client, user: User, log: Log) -> None:
    other = make_member(make_log(), user=user).log
    page = viewer.get("/").content.decode()
    assert log.name in page
    assert other.name in page


def test_home_says_so_when_there_is_no_log(client: Client, user: User) -> None:
    client.force_login(user)
    assert "not a member of any log" in client.get("/").content.decode()
