"""The timeline: keyset pages both ways, filters, and what it says when there is nothing to show."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from events.views.timeline import ROWS
from tests.integration.pages.conftest import Append


def positions(page: str) -> list[int]:
    return [int(each) for each in re.findall(r'data-position="(\d+)"', page)]


def link(page: str, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', page)
    assert found, f"no {rel} link"
    return found[1].replace("&amp;", "&")


def get(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_pages_older_and_newer_show_every_event_once(viewer: Client, append: Append, at: str) -> None:
    append("order-1", *[{}] * (2 * ROWS + 30))
    pages = [get(viewer, at)]
    for _ in range(2):
        pages.append(get(viewer, at + link(pages[-1], "next")))
    assert [position for page in pages for position in positions(page)] == list(range(2 * ROWS + 30, 0, -1))
    back = get(viewer, at + link(pages[-1], "prev"))
    assert positions(back) == positions(pages[1])


def test_going_newer_ends_at_the_head_where_rows_are_live(viewer: Client, append: Append, at: str) -> None:
    append("order-1", *[{}] * (ROWS + 5))
    head = get(viewer, f"{at}?after={ROWS - 10}")
    assert "data-at-head" in head
    assert positions(head)[0] == ROWS + 5
    assert "data-at-head" not in get(viewer, f"{at}?before=50")


def test_the_page_says_up_to_where_it_has_seen_the_log(viewer: Client, append: Append, at: str) -> None:
    append("order-1", {"type": "A"}, {"type": "B"})
    assert 'data-seen="2"' in get(viewer, f"{at}?type=A")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type=OrderPlaced", [1]),
        ("type=Order*", [2, 1]),
        ("agent=router", [3, 1]),
        ("stream=order-2", [3]),
        ("correlation_id=w1", [2]),
        ("type=Order*&agent=router", [1]),
    ],
)
def test_a_filter_shows_what_fits(viewer: Client, append: Append, at: str, query: str, expected: list[int]) -> None:
    append(
        "order-1",
        {"type": "OrderPlaced", "agent": "router"},
        {"type": "OrderPaid", "agent": "till", "correlation_id": "w1"},
    )
    append("order-2", {"type": "Sent", "agent": "router"})
    assert positions(get(viewer, f"{at}?{query}")) == expected


def test_a_cursor_keeps_the_filter(viewer: Client, append: Append, at: str) -> None:
    append("order-1", *[{"type": "A"}, {"type": "B"}] * (ROWS + 1))
    assert link(get(viewer, f"{at}?type=A"), "next") == "?type=A&before=3"


@pytest.mark.parametrize("query", ["before=x", "before=-1", f"after={2**63}", "type=" + "x" * 201, "type=%00"])
def test_a_query_that_can_not_be_read_is_a_400_that_says_why(viewer: Client, at: str, query: str) -> None:
    answer = viewer.get(f"{at}?{query}")
    assert answer.status_code == 400
    assert "can’t be read" in answer.content.decode()


def test_nothing_yet_and_nothing_matches_are_different_answers(viewer: Client, append: Append, at: str) -> None:
    assert "Append the first event" in get(viewer, at)
    append("order-1", {})
    nothing = get(viewer, f"{at}?type=Nope")
    assert "Nothing matches" in nothing
    assert "Clear the filter" in nothing


def test_htmx_gets_the_part_that_changes_and_history_the_whole(viewer: Client, append: Append, at: str) -> None:
    append("order-1", {})
    part = viewer.get(at, headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()
    assert "HX-Request" in part["Vary"]
    whole = viewer.get(at, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in whole.content.decode()


def test_a_time_of_another_year_shows_the_year(viewer: Client, append: Append, at: str) -> None:
    append("order-1", {"occurred_at": "2021-07-21T06:00:01Z"})
    page = get(viewer, at)
    assert '<span class="day">2021-07-21</span> 06:00:01' in page
    assert 'datetime="2021-07-21T06:00:01Z"' in page
    append("order-1", {"occurred_at": f"{datetime.now(UTC).year}-01-02T03:04:05.678Z"})
    assert '<span class="day">01-02</span> 03:04:05<span class="ms">.678</span>' in get(viewer, at)


def test_the_number_of_queries_does_not_grow_with_the_rows(
    viewer: Client, append: Append, at: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    append("order-1", *[{"agent": "a"}] * ROWS)
    # session, user, membership with its log, events
    with django_assert_num_queries(4):
        viewer.get(at)
    # the session's cache is per request; paging older costs the same, and newer one more where it meets the head
    with django_assert_num_queries(4):
        viewer.get(f"{at}?before=50")
    with django_assert_num_queries(5):
        viewer.get(f"{at}?after=50")
