"""Streams: the list, and one stream read from either end."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from events.views.streams import ROWS
from tests.integration.pages.conftest import Append

NAMES = (
    "a/b c/7",
    "x#y?z=1&w=2",
    "(-> X)",
    "100%",
    "%2F",
    "ünï/ <script>alert(1)</script>",
    "/lead",
    "trail/",
    "a//b",
    "7",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_of_any_name_has_its_pages(viewer: Client, append: Append, at: str, name: str) -> None:
    append(name, {}, {})
    encoded = quote(name, safe="")
    listed = re.findall(r'data-row href="([^"]+)"', viewer.get(f"{at}streams/").content.decode())
    assert len(listed) == 1
    for url in (listed[0], f"{at}streams/{encoded}/", f"{at}replay/stream/{encoded}/2"):
        answer = viewer.get(url.replace("&amp;", "&"))
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode()


def versions(page: str) -> list[int]:
    return [int(each) for each in re.findall(r'<span class="pos">(\d+)</span>', page)]


def link(page: str, label: str) -> str:
    found = re.search(rf'href="([^"]+)"[^>]*>{label}</a>', page)
    return found[1].replace("&amp;", "&") if found else ""


@pytest.mark.parametrize(
    ("start", "onward", "expected"),
    [("", "Older", range(2 * ROWS + 30, 0, -1)), ("?direction=forward", "Newer", range(1, 2 * ROWS + 31))],
)
def test_a_stream_is_read_from_either_end(
    viewer: Client, append: Append, at: str, start: str, onward: str, expected: range
) -> None:
    append("s", *[{}] * (2 * ROWS + 30))
    base, seen, query = f"{at}streams/s/", [], start
    while True:
        page = viewer.get(base + query).content.decode()
        seen += versions(page)
        if not (query := link(page, onward)):
            break
    assert seen == list(expected)
    back = link(page, "Newer" if onward == "Older" else "Older")
    # The page before this one ends right where this one begins.
    step = seen[1] - seen[0]
    assert versions(viewer.get(base + back).content.decode())[-1] == versions(page)[0] - step


def test_streams_are_listed_by_name_and_page_on(viewer: Client, append: Append, at: str) -> None:
    for n in range(3):
        append(f"order-{n}", {})
    append("till-1", {})
    listed = re.findall(r"<bdi>([^<]+)</bdi></a>", viewer.get(f"{at}streams/?prefix=order").content.decode())
    assert listed == ["order-0", "order-1", "order-2"]
    after = viewer.get(f"{at}streams/?prefix=order&after=order-1").content.decode()
    assert re.findall(r"<bdi>([^<]+)</bdi></a>", after) == ["order-2"]


def test_no_streams_and_no_match_are_different_answers(viewer: Client, append: Append, at: str) -> None:
    assert "No streams yet" in viewer.get(f"{at}streams/").content.decode()
    append("order-1", {})
    assert "Nothing matches" in viewer.get(f"{at}streams/?prefix=nope").content.decode()


def test_lists_cost_a_fixed_number_of_queries(
    viewer: Client, append: Append, at: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    append("s", *[{}] * 50)
    # session, user, membership with its log; streams
    with django_assert_num_queries(4):
        viewer.get(f"{at}streams/")
    # the stream, its events
    with django_assert_num_queries(5):
        viewer.get(f"{at}streams/s/")
