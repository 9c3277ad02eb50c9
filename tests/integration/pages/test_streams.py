"""Streams: their list, and one stream read from either end."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from events.models import Log, LogHead
from events.sql.lists import MOST_FRESH_EVENTS
from events.views.streams import ROWS
from tests.support.fixture_types import AppendEvents
from tests.support.odd_values import STREAM_NAMES


@pytest.mark.parametrize("name", STREAM_NAMES)
def test_a_stream_of_any_name_has_its_pages(viewer: Client, append: AppendEvents, at: str, name: str) -> None:
    append(name, {}, {})
    encoded = quote(name, safe="")
    links = re.findall(r'data-row href="([^"]+)"', viewer.get(f"{at}streams/").content.decode())
    assert len(links) == 1
    for url in (links[0], f"{at}streams/{encoded}/", f"{at}replay/stream/{encoded}/2"):
        answer = viewer.get(url.replace("&amp;", "&"))
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode()


@pytest.mark.parametrize(("type", "shape"), [("payment.failed", "error"), ("payment.captured", "1")])
def test_the_list_draws_a_failed_last_event_as_failed(
    viewer: Client, append: AppendEvents, at: str, type: str, shape: str
) -> None:
    append("order-1", {"type": type})
    table = viewer.get(f"{at}streams/").content.decode().partition("<tbody>")[2].partition("</tbody>")[0]
    (drawn_shape,) = re.findall(r'<use href="#t-(\w+)"', table)
    assert drawn_shape == shape


@pytest.mark.parametrize("name", ["streams", "workflows"])
def test_a_list_that_nobody_keeps_says_how_many_events_it_does_not_count(
    viewer: Client, append: AppendEvents, log: Log, at: str, name: str
) -> None:
    append("order-1", {"correlation_id": "run-1"})
    assert "not counted" not in viewer.get(f"{at}{name}/").content.decode()
    LogHead.objects.filter(log=log).update(head=MOST_FRESH_EVENTS + 12)
    page = " ".join(viewer.get(f"{at}{name}/").content.decode().split())
    assert "The newest 12 events of the log are not counted here yet." in page


def test_streams_of_the_server_are_listed_if_they_are_asked_for(viewer: Client, append: AppendEvents, at: str) -> None:
    for name in ("order-1", "eventsite", "eventsite-redactions"):
        append(name, {})

    def names(query: str) -> list[str]:
        return re.findall(
            r'data-row href="[^"]+/streams/([^"/]+)/"', viewer.get(f"{at}streams/{query}").content.decode()
        )

    for order in ("", "&order=name"):
        assert sorted(names(f"?{order}")) == ["eventsite", "order-1"]
        assert names(f"?category=eventsite{order}") == names(f"?prefix=eventsite-{order}") == ["eventsite-redactions"]
    assert viewer.get(f"{at}streams/eventsite-redactions/").status_code == 200
    assert "eventsite-redactions" in viewer.get(at).content.decode()


def versions(page: str) -> list[int]:
    return [int(each) for each in re.findall(r'<span class="pos">(\d+)</span>', page)]


def link(page: str, label: str) -> str:
    match = re.search(rf'href="([^"]+)"[^>]*>{label}</a>', page)
    return match[1].replace("&amp;", "&") if match else ""


@pytest.mark.parametrize(
    ("start", "onward", "expected"),
    [("", "Older", range(2 * ROWS + 30, 0, -1)), ("?direction=forward", "Newer", range(1, 2 * ROWS + 31))],
)
def test_a_stream_is_read_from_either_end(
    viewer: Client, append: AppendEvents, at: str, start: str, onward: str, expected: range
) -> None:
    append("s", *[{}] * (2 * ROWS + 30))
    base, numbers, query = f"{at}streams/s/", [], start
    while True:
        page = viewer.get(base + query).content.decode()
        numbers += versions(page)
        if not (query := link(page, onward)):
            break
    assert numbers == list(expected)
    back = link(page, "Newer" if onward == "Older" else "Older")
    # The page before this one ends exactly where this one begins.
    step = numbers[1] - numbers[0]
    assert versions(viewer.get(base + back).content.decode())[-1] == versions(page)[0] - step


def names(page: str) -> list[str]:
    return re.findall(r"data-row [^>]*><bdi>([^<]+)</bdi></a>", page)


def get(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def streams(append: AppendEvents) -> None:
    for name in ("order-1", "till-1", "order-0", "order-2", "order-1", "order"):
        append(name, {})


@pytest.mark.usefixtures("streams")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["order", "order-1", "order-2", "order-0", "till-1"]),
        ("?order=name", ["order", "order-0", "order-1", "order-2", "till-1"]),
        ("?prefix=order-", ["order-1", "order-2", "order-0"]),
        ("?category=till", ["till-1"]),
        ("?category=order&order=name", ["order-0", "order-1", "order-2"]),
        ("?prefix=order&order=name&after=order-0", ["order-1", "order-2"]),
        ("?before=4", ["order-0", "till-1"]),
    ],
)
def test_streams_are_listed_by_last_event_or_by_name(viewer: Client, at: str, query: str, expected: list[str]) -> None:
    assert names(get(viewer, f"{at}streams/{query}")) == expected


@pytest.mark.parametrize("order", ["", "&order=name"])
def test_streams_page_on_to_the_last_one(
    viewer: Client, append: AppendEvents, at: str, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.views.streams.ROWS", 3)
    for n in range(8):
        append(f"s-{n}", {})
    query, names_shown = f"?category=s{order}", []
    while query:
        page = get(viewer, f"{at}streams/{query}")
        names_shown += names(page)
        next_link = re.search(r'rel="next" href="([^"]+)"', page)
        query = next_link[1].replace("&amp;", "&") if next_link else ""
    assert sorted(names_shown) == [f"s-{n}" for n in range(8)]
    assert names_shown == sorted(names_shown, reverse=not order)


@pytest.mark.parametrize(("direction", "pages"), [("", [[5, 4], [3, 2], [1]]), ("forward", [[1, 2], [3, 4], [5]])])
def test_a_stream_of_large_events_is_bounded_in_bytes_and_leads_on(
    viewer: Client,
    append: AppendEvents,
    at: str,
    monkeypatch: pytest.MonkeyPatch,
    direction: str,
    pages: list[list[int]],
) -> None:
    monkeypatch.setattr("events.views.streams.ROOM_BYTES", 1_000)
    append("s", *[{"data": b'"%b"' % (b"x" * 600)}] * 5)

    def follow(query: str, rel: str) -> tuple[list[list[int]], str]:
        versions = []
        while True:
            page = viewer.get(f"{at}streams/s/{query}").content.decode()
            versions.append([int(version) for version in re.findall(r'<span class="pos">(\d+)</span>', page)])
            way_on = re.search(rf'rel="{rel}" href="([^"]+)"', page)
            if way_on is None:
                return versions, query
            query = way_on[1].replace("&amp;", "&")

    forth, query = follow(f"?direction={direction}", "next")
    assert forth == pages
    assert follow(query, "prev")[0] == pages[::-1]


def test_a_list_says_what_its_streams_last_events_are(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", {"type": "Placed"}, {"type": "Sent", "occurred_at": "2021-07-21T06:00:01Z"})
    page = get(viewer, f"{at}streams/")
    assert f'href="{at}events/2">#2<' in page
    assert ">Sent<" in page
    assert "2021-07-21" in page


@pytest.mark.parametrize("query", ["before=x", "order=sideways", "category=%00"])
def test_a_list_that_can_not_be_read_is_a_400_that_says_why(viewer: Client, at: str, query: str) -> None:
    answer = viewer.get(f"{at}streams/?{query}")
    assert answer.status_code == 400
    assert "can’t be read" in answer.content.decode()


def test_no_streams_and_no_match_are_different_answers(viewer: Client, append: AppendEvents, at: str) -> None:
    assert "No streams yet" in viewer.get(f"{at}streams/").content.decode()
    append("order-1", {})
    assert "Nothing matches" in viewer.get(f"{at}streams/?prefix=nope").content.decode()


def test_lists_cost_a_fixed_number_of_queries(
    viewer: Client, append: AppendEvents, at: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    append("s", *[{}] * 50)
    # session, user, membership with its log; letters to decide; streams, their last events, the events that the list
    # does not count; once a process: the numbers of types
    with django_assert_num_queries(8):
        viewer.get(f"{at}streams/")
    # the stream, its events; two folds for the faults in it, from a snapshot and the events after it
    with django_assert_num_queries(10):
        viewer.get(f"{at}streams/s/")
