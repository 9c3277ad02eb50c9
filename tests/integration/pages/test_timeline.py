"""The timeline: pages in both directions, queries, and the message of an empty page."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from events.reading import scan
from events.views import timeline
from events.views.timeline import ROWS
from tests.support.fixture_types import AppendEvents
from tests.support.pages import positions


def link(page: str, rel: str) -> str:
    match = re.search(rf'rel="{rel}" href="([^"]+)"', page)
    assert match, f"no {rel} link"
    return match[1].replace("&amp;", "&")


def get(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_pages_older_and_newer_show_every_event_once(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", *[{}] * (2 * ROWS + 30))
    pages = [get(viewer, at)]
    for _ in range(2):
        pages.append(get(viewer, at + link(pages[-1], "next")))
    assert [position for page in pages for position in positions(page)] == list(range(2 * ROWS + 30, 0, -1))
    back = get(viewer, at + link(pages[-1], "prev"))
    assert positions(back) == positions(pages[1])


def test_going_newer_ends_at_the_head_where_rows_are_live(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", *[{}] * (ROWS + 5))
    head = get(viewer, f"{at}?after={ROWS - 10}")
    assert "data-at-head" in head
    assert positions(head)[0] == ROWS + 5
    assert "data-at-head" not in get(viewer, f"{at}?before=50")


def test_the_page_says_up_to_where_it_has_seen_the_log(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", {"type": "A"}, {"type": "B"})
    assert 'data-seen="2"' in get(viewer, f"{at}?q=type:A")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type:OrderPlaced", [1]),
        ("type:Order*", [2, 1]),
        ("agent:router", [3, 1]),
        ("stream:order-2", [3]),
        ("workflow:w1", [2]),
        ("type:Order* agent:router", [1]),
        ("-agent:router OR data.amount>4", [2, 1]),
        ("data.amount>5", []),
    ],
)
def test_a_query_shows_what_fits(
    viewer: Client, append: AppendEvents, at: str, query: str, expected: list[int]
) -> None:
    append(
        "order-1",
        {"type": "OrderPlaced", "agent": "router", "data": b'{"amount": 5}'},
        {"type": "OrderPaid", "agent": "till", "correlation_id": "w1"},
    )
    append("order-2", {"type": "Sent", "agent": "router"})
    answer = viewer.get(at, {"q": query})
    assert positions(answer.content.decode()) == expected


def test_a_cursor_keeps_the_query(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", *[{"type": "A"}, {"type": "B"}] * (ROWS + 1))
    assert link(get(viewer, f"{at}?q=type:A"), "next") == "?q=type%3AA&before=3"


@pytest.mark.parametrize("query", ["before=x", "before=-1", f"after={2**63}", "q=%00", "q=(", "q=state.a:1"])
def test_an_address_that_can_not_be_read_is_a_400_that_says_why(viewer: Client, at: str, query: str) -> None:
    answer = viewer.get(f"{at}?{query}")
    assert answer.status_code == 400
    assert "can’t be read" in answer.content.decode()


def test_nothing_yet_and_nothing_matches_are_different_answers(viewer: Client, append: AppendEvents, at: str) -> None:
    assert "Append the first event" in get(viewer, at)
    append("order-1", {})
    nothing = get(viewer, f"{at}?q=type:Nope")
    assert "Nothing matches" in nothing
    assert "Clear the query" in nothing


def test_htmx_gets_the_part_that_changes_and_history_the_whole(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", {})
    part = viewer.get(at, headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()
    assert "HX-Request" in part["Vary"]
    whole = viewer.get(at, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in whole.content.decode()


def test_a_time_of_another_year_shows_the_year(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", {"occurred_at": "2021-07-21T06:00:01Z"})
    page = get(viewer, at)
    assert '<span class="day">2021-07-21</span> 06:00:01' in page
    assert 'datetime="2021-07-21T06:00:01Z"' in page
    append("order-1", {"occurred_at": f"{datetime.now(UTC).year}-01-02T03:04:05.678Z"})
    assert '<span class="day">01-02</span> 03:04:05<span class="ms">.678</span>' in get(viewer, at)


def test_the_number_of_queries_does_not_grow_with_the_rows(
    viewer: Client, append: AppendEvents, at: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    append("order-1", *[{"agent": "a"}] * ROWS)
    # session, user, membership with its log and its head; letters to decide; one slice of events; the most frequent
    # values; what is held; once a process: the numbers of types
    with django_assert_num_queries(8):
        viewer.get(at)
    with django_assert_num_queries(7):
        viewer.get(f"{at}?before=50&q=type:Placed")
    # the session's cache is per request; a newer page searches twice where it meets the head
    with django_assert_num_queries(8):
        viewer.get(f"{at}?after=50")


def test_a_row_says_which_tools_a_model_called(viewer: Client, append: AppendEvents, at: str) -> None:
    calls = (
        b'{"tool_calls": [{"name": "reserve_van", "arguments": {"van": "V1"}}], "input_tokens": 9, "output_tokens": 4}'
    )
    append("run-1", {"type": "model.replied", "data": calls})
    row = get(viewer, at).partition('id="rows"')[2]
    assert '<bdi class="v-call">reserve_van(van=&#34;V1&#34;)</bdi>' in row
    assert '<bdi class="v-fact">9 + 4 tokens</bdi>' in row


def chips(page: str) -> list[tuple[str, str]]:
    """The text of each chip, and the address of its link."""
    pairs = re.findall(r'<bdi title="[^"]*">([^<]*)</bdi><a href="([^"]*)"', page)
    return [(html.unescape(text), html.unescape(url)) for text, url in pairs]


def test_each_term_is_a_chip_whose_link_leaves_it_out(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", {})
    page = viewer.get(at, {"q": 'type:"Order placed" -agent:a,b (stream:x OR data.n>5)'}).content.decode()
    assert [text for text, _ in chips(page)] == ['type:"Order placed"', "-agent:a,b", "stream:x OR data.n>5"]
    without_the_type = parse_qs(urlsplit(chips(page)[0][1]).query)["q"]
    assert without_the_type == ["-agent:a,b (stream:x OR data.n>5)"]
    assert page.count('class="chip not"') == 1
    assert chips(viewer.get(at, {"q": "agent:a"}).content.decode()) == [("agent:a", f"{at}?")]


@pytest.mark.parametrize(
    ("q", "label", "time"),
    [
        ("since:2026-11-29", "since:<time 2026-11-29 00:00:00 UTC", "2026-11-29T00:00:00Z"),
        ('-until:"2026-11-29 01:55"', "-until:<time 2026-11-29 01:55:00 UTC", "2026-11-29T01:55:00Z"),
        ("since:2026-11-29T01:55+02:00", "since:<time 2026-11-28 23:55:00 UTC", "2026-11-28T23:55:00Z"),
    ],
)
def test_the_chip_of_a_moment_says_in_which_zone_it_is(viewer: Client, at: str, q: str, label: str, time: str) -> None:
    page = viewer.get(at, {"q": q}).content.decode()
    assert f'class="zoned" datetime="{time}"' in page
    assert label in re.sub(r"<time [^>]*>", "<time ", page)


def test_relative_times_are_shown_as_written_and_pinned_in_links(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", *[{"type": "A"}] * (ROWS + 1))
    page = get(viewer, f"{at}?q=since:2h+type:A")
    assert [text for text, _ in chips(page)] == ["since:2h", "type:A"]
    (query,) = parse_qs(urlsplit(link(page, "next")).query)["q"]
    since = re.fullmatch(r"since:(\S+Z) type:A", query)
    assert since
    age = datetime.now(UTC) - datetime.fromisoformat(since[1])
    assert timedelta(hours=2) <= age < timedelta(hours=2, minutes=1)
    socket = re.search(r'data-socket="([^"]+)"', page)
    assert socket
    assert query in unquote_plus(socket[1])
    assert query.split()[0] in unquote_plus(chips(page)[1][1])


@pytest.mark.parametrize(
    ("query", "marked", "message"),
    [
        ("type:A agnet:router x", "type:A <mark>agnet:router</mark> x", "Did you mean agent:?"),
        ("(type:A", "(type:A<mark> </mark>", "a ) is missing"),
        ("<b>:1", "<mark>&lt;b&gt;:1</mark>", "is not allowed here"),
        ("state.a:1", None, "a list of events has no state"),
        ("50%:1", "50%<mark>:1</mark>", "a field&#39;s name is missing before the colon"),
    ],
)
def test_a_mistake_is_marked_and_said_in_words(
    viewer: Client, at: str, query: str, marked: str | None, message: str
) -> None:
    answer = viewer.get(at, {"q": query})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert message in page
    mistake = re.search(r'<pre class="mistake"><bdi>(.*?)</bdi></pre>', page)
    assert (mistake and mistake[1]) == marked
    assert f'value="{html.escape(query)}"' in page
    assert 'aria-invalid="true"' in page


def test_the_part_of_a_long_query_around_its_mistake_is_shown(viewer: Client, at: str) -> None:
    page = viewer.get(at, {"q": "a " * 100 + "b:1" * 100 + " c" * 100}).content.decode()
    part = re.search(r"<bdi>(…(?:a ){30}<mark>(?:b:1){20}…</mark>(?: c){30}…)</bdi>", page)
    assert part, re.search(r"<bdi>.*?</bdi>", page)


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search stops after its first slice."""
    search = scan.search_events
    monkeypatch.setattr(scan, "search_events", partial(search, budget=0))


@pytest.mark.usefixtures("no_time")
def test_a_search_that_runs_out_of_time_says_how_far_it_came_and_goes_on(
    viewer: Client, append: AppendEvents, at: str
) -> None:
    for _ in range(5):
        append("order-1", *[{"type": "A"}] * 1_000)
    append("order-1", {"type": "Rare"})
    page = get(viewer, f"{at}?q=-type:A")
    assert positions(page) == [5_001]
    assert "Searched back to #3,002: go on" in page
    page = get(viewer, at + link(page, "next"))
    assert positions(page) == []
    assert "The search went back to #1,002" in page
    page = get(viewer, at + link(page, "next"))
    assert "No events this way" in page
    assert 'rel="next"' not in page


@pytest.mark.usefixtures("no_time")
def test_nothing_found_yet_is_not_nothing_matches(viewer: Client, append: AppendEvents, at: str) -> None:
    for _ in range(3):
        append("order-1", *[{"type": "A"}] * 1_000)
    page = get(viewer, f"{at}?q=-type:A")
    assert "Nothing found yet" in page
    assert "The search went back from #3,000 to #1,001" in page
    assert "Nothing matches" not in page
    assert "data-at-head" in page
    # and the last link ends with an answer
    assert "No events this way" in get(viewer, at + link(page, "next"))


@pytest.mark.usefixtures("no_time")
def test_a_search_for_newer_events_goes_on_until_the_head(viewer: Client, append: AppendEvents, at: str) -> None:
    for _ in range(3):
        append("order-1", *[{"type": "A"}] * 1_000)
    append("order-1", {"type": "Rare"})
    page = get(viewer, f"{at}?q=-type:A&after=0")
    assert positions(page) == []
    assert "Searched up to #2,000: go on" in page
    page = get(viewer, at + link(page, "prev"))
    assert positions(page) == [3_001]
    assert "data-at-head" in page


def test_a_link_elsewhere_asks_for_a_name_however_it_is_written(viewer: Client, append: AppendEvents, at: str) -> None:
    hard = 'a "b" *(c):d'
    append(hard, {"type": hard, "agent": hard, "correlation_id": hard}, {"type": "other"})
    page = get(viewer, f"{at}events/1")
    urls = {html.unescape(url) for url in re.findall(r'href="([^"]*[?]q=[^"]*)"', page)}
    urls_by_query = {parse_qs(urlsplit(url).query)["q"][0]: url for url in urls}
    for name in ("type", "agent", "correlation"):
        assert positions(get(viewer, urls_by_query[f'{name}:"a \\"b\\" *(c):d"'])) == [1]


@pytest.mark.parametrize(
    ("parameters", "query"),
    [
        ("agent=nobody", "agent:nobody"),
        ("tag=v*", "tag:v*"),
        ("type=Order*&stream=a+b&correlation_id=&agent=", 'type:Order* stream:"a b"'),
        ("correlation_id=run-1&q=a+OR+b&before=7", "correlation:run-1 (a OR b)"),
    ],
)
def test_parameters_beside_the_query_become_part_of_it(viewer: Client, at: str, parameters: str, query: str) -> None:
    answer = viewer.get(f"{at}?{parameters}")
    assert answer.status_code == 302
    url = urlsplit(answer["Location"])
    assert url.path == at
    assert parse_qs(url.query) == {"q": [query]} | ({"before": ["7"]} if "before" in parameters else {})


def test_a_page_of_large_events_is_bounded_in_bytes_and_leads_on(
    viewer: Client, append: AppendEvents, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "ROOM_BYTES", 1_000)
    append("order-1", *[{"data": b'"%b"' % (b"x" * 600)}] * 5)
    page = get(viewer, at)
    pages = [positions(page)]
    while 'rel="next"' in page:
        page = get(viewer, at + link(page, "next"))
        pages.append(positions(page))
    assert pages == [[5, 4], [3, 2], [1]]
    assert positions(get(viewer, f"{at}?after=0")) == [2, 1]
