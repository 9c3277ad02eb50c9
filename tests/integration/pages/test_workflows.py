"""Workflows: their list, and one workflow as a tree of causes and in order."""

from __future__ import annotations

import html
import re
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, unquote

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from events import redaction
from events.models import Log
from events.query.tree import Query
from events.reading import scan
from events.reading.scan import SearchResult
from events.views import workflows
from tests.support.fixture_types import AppendEvents

IDS = ("run/7 #1?x=1&w=2", "(-> X)", "100%", "%2F", "/lead", "trail/", "a//b", "..", ".", "a/../b", "a/./b", "ünï <b>")


def get(client: Client, url: str) -> str:
    answer = client.get(url.replace("&amp;", "&"))
    assert answer.status_code == 200
    return answer.content.decode()


def positions(page: str) -> list[int]:
    return [int(each.replace(",", "")) for each in re.findall(r'<span class="pos">#([\d,]+)</span>', page)]


def between(page: str, tag: str) -> str:
    """The first element of a kind in a page."""
    match = re.search(rf"<{tag}\b.*?</{tag}>", page, re.DOTALL)
    assert match
    return match[0]


def link(page: str, text: str) -> str:
    match = re.search(rf'href="([^"]+)"[^>]*>{text}', page)
    assert match, f"no link {text}"
    return match[1]


@pytest.mark.parametrize("id", IDS)
def test_a_workflow_of_any_id_has_its_page(viewer: Client, append: AppendEvents, at: str, id: str) -> None:
    append("s", {"correlation_id": id}, {"correlation_id": id}, {"correlation_id": f"{id}-other"})
    urls = re.findall(r'data-row href="([^"]+)"', get(viewer, f"{at}workflows/"))
    assert len(urls) == 2
    # The path holds nothing that a browser would resolve.
    assert not any(part in (".", "..") for part in urls[1].partition("?")[0].split("/"))
    pages = {tuple(positions(get(viewer, url))) for url in urls}
    assert pages == {(1, 2), (3,)}
    answer = viewer.get(f"{at}workflows/", {"id": id}, follow=True)
    assert positions(answer.content.decode()) == [1, 2]
    assert positions(get(viewer, f"{at}workflows/{quote(id, safe='')}/")) == [1, 2]


def test_workflows_are_listed_by_their_last_event_and_page_on(
    viewer: Client, append: AppendEvents, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "ROWS", 2)
    for name in "abcdea":
        append("s", {"correlation_id": name, "agent": f"agent-{name}"})
    first = get(viewer, f"{at}workflows/")
    second = get(viewer, f"{at}workflows/{link(first, 'Last event before #5')}")
    assert re.findall(r"/workflows/(.)/", first + second) == ["a", "e", "d", "c"]
    assert "agent-e" in first


def test_events_stand_below_their_causes(viewer: Client, append: AppendEvents, at: str) -> None:
    w = {"correlation_id": "w"}
    append(
        "s",
        {"id": "1", **w},
        {"id": "2", "causation_id": "1", **w},
        {"id": "3", "causation_id": "1", **w},
        {"id": "4", "causation_id": "2", **w},
        {"id": "5", **w},
        {"id": "6", "causation_id": "4", **w},
    )
    page = get(viewer, f"{at}workflows/w/")
    assert positions(page) == [1, 2, 4, 6, 3, 5]
    # An only effect has the depth of its cause.
    assert re.findall(r'class="what d(\d+)"', page) == ["0", "1", "1", "1", "1", "0"]
    assert positions(get(viewer, f"{at}workflows/w/?order=log")) == [1, 2, 3, 4, 5, 6]


def test_causes_that_are_elsewhere_missing_or_newer_are_said(viewer: Client, append: AppendEvents, at: str) -> None:
    append(
        "s",
        {"id": "out"},
        {"id": "2", "causation_id": "out", "correlation_id": "w"},
        {"id": "3", "causation_id": "nowhere", "correlation_id": "w"},
        {"id": "4", "causation_id": "5", "correlation_id": "w"},
        {"id": "5", "causation_id": "4", "correlation_id": "w"},
        {"id": "6", "causation_id": "6", "correlation_id": "w"},
    )
    page = get(viewer, f"{at}workflows/w/")
    assert positions(page) == [2, 3, 4, 5, 6]
    assert "← #1, elsewhere" in page
    assert page.count("cause not in the log") == 1
    assert "has the id nowhere" in page


def test_a_huge_workflow_shows_both_ends_and_what_is_between_by_and_by(
    viewer: Client, append: AppendEvents, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "PART_EVENTS", 3)
    append("s", *[{"correlation_id": "w"}] * 10, {"correlation_id": "other"})
    base = f"{at}workflows/w/"
    page = get(viewer, base)
    assert positions(page) == [1, 2, 3, 8, 9, 10]
    assert "4 events not shown" in page
    middle = get(viewer, base + link(page, "Read on after #3"))
    assert positions(middle) == [4, 5, 6]
    on = get(viewer, base + link(middle, "After #6"))
    assert positions(on) == [7, 8, 9]
    back = get(viewer, base + link(middle, "Before #4"))
    assert positions(back) == [1, 2, 3]
    assert positions(get(viewer, base + link(middle, "First and last events"))) == [1, 2, 3, 8, 9, 10]
    assert "No events this way" in get(viewer, f"{base}?after=10")


def test_a_redaction_is_shown_on_the_page_of_its_workflow_but_is_no_event_of_it(
    viewer: Client, append: AppendEvents, log: Log, at: str
) -> None:
    w = {"correlation_id": "w", "agent": "router"}
    append("s", {"id": "1", "occurred_at": "2021-07-21T06:00:00Z", **w})
    append("s", {"id": "2", "occurred_at": "2021-07-21T06:04:25Z", **w}, {"correlation_id": "v"})
    before = between(get(viewer, f"{at}workflows/"), "tbody"), between(get(viewer, f"{at}workflows/w/"), "dl")
    assert "4 min 25 s" in before[1]
    redaction.redact(log.pk, 1, reason="a secret", by="ada")
    page = get(viewer, f"{at}workflows/w/")
    assert (between(get(viewer, f"{at}workflows/"), "tbody"), between(page, "dl")) == before
    assert positions(page) == [1, 4, 2]
    assert "event.redacted" in page
    assert positions(get(viewer, f"{at}workflows/w/?order=log")) == [1, 2, 4]


def test_system_events_stand_between_the_events_of_a_workflow_on_every_page_of_it(
    viewer: Client, append: AppendEvents, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "PART_EVENTS", 2)
    w = {"correlation_id": "w"}
    for stream in (
        "eventsite-a",
        "s",
        "eventsite-a",
        "s",
        "s",
        "eventsite-a",
        "s",
        "s",
        "eventsite-a",
        "s",
        "eventsite-a",
    ):
        append(stream, w)
    base = f"{at}workflows/w/"
    page = get(viewer, f"{base}?order=log")
    assert positions(page) == [1, 2, 3, 4, 8, 9, 10, 11]
    assert "2 events not shown" in page
    assert "<dt>Events</dt><dd>6</dd>" in page
    pages, url = [], f"{base}?order=log&after=0"
    while url:
        page = get(viewer, url)
        pages.append(positions(page))
        more = re.search(r'href="([^"]+)"[^>]*>After #', page)
        url = base + more[1] if more else ""
    assert pages == [[1, 2, 3, 4], [5, 6, 7], [8, 9, 10, 11]]
    pages, url = [], f"{base}?order=log&before=12"
    while url:
        page = get(viewer, url)
        pages.append(positions(page))
        more = re.search(r'href="([^"]+)"[^>]*>Before #', page)
        url = base + more[1] if more else ""
    assert pages == [[8, 9, 10, 11], [5, 6, 7], [1, 2, 3, 4]]


def test_a_workflow_of_system_events_alone_leads_to_the_timeline(viewer: Client, append: AppendEvents, at: str) -> None:
    append("eventsite-a", {"correlation_id": "w/1"})
    assert "No workflows yet" in get(viewer, f"{at}workflows/")
    answer = viewer.get(f"{at}workflows/w/1/")
    assert (answer.status_code, unquote(answer["Location"])) == (302, f"{at}?q=correlation:w/1")
    assert '<span class="pos">1</span>' in get(viewer, answer["Location"])


def test_a_workflow_of_large_events_is_bounded_in_bytes_and_leads_on(
    viewer: Client, append: AppendEvents, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "ROOM_BYTES", 1_000)
    large = {"correlation_id": "w", "data": b'"%b"' % (b"x" * 600)}
    append("s", *[large] * 3)
    base = f"{at}workflows/w/"
    page = get(viewer, base)
    assert positions(page) == [1, 2, 3]
    assert "not shown" not in page
    append("s", *[large] * 4)
    page = get(viewer, base)
    assert positions(page) == [1, 2, 6, 7]
    assert "3 events not shown" in page
    middle = get(viewer, base + link(page, "Read on after #2"))
    assert positions(middle) == [3, 4]
    assert positions(get(viewer, base + link(middle, "After #4"))) == [5, 6]
    assert positions(get(viewer, base + link(middle, "Before #3"))) == [1, 2]


def test_a_search_that_found_no_event_of_a_workflow_in_its_time_goes_on(
    viewer: Client, append: AppendEvents, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append("s", {"correlation_id": "w"}, *[{}] * 5, {"correlation_id": "w"})
    search, starts = scan.search_events, list[int]()

    def cut_off_once(log_id: int, query: Query, *, after: int, **options: Any) -> Any:
        starts.append(after)
        if len(starts) == 1:
            return SimpleNamespace(fetch=lambda: SearchResult((), after, False, False))
        return search(log_id, query, after=after, **options)

    monkeypatch.setattr(scan, "search_events", cut_off_once)
    assert positions(get(viewer, f"{at}workflows/w/?order=log")) == [1, 7]
    assert starts == [0, 0]


def test_agents_have_a_lane_each_and_beyond_a_dozen_share_one(viewer: Client, append: AppendEvents, at: str) -> None:
    append("s", *[{"correlation_id": "w", "agent": f"agent-{n}"} for n in range(15)], {"correlation_id": "w"})
    page = get(viewer, f"{at}workflows/w/")
    lanes = re.findall(r"<li>.*?</li>", page[page.index("lane-names") :])
    assert "5 more" in lanes[11]
    assert "16 events in 12 lanes" in page


def test_how_long_it_took_is_read_off_one_clock(viewer: Client, append: AppendEvents, at: str) -> None:
    w = {"correlation_id": "w"}
    append(
        "s",
        {"occurred_at": "2021-07-21T06:00:00Z", **w},
        {"occurred_at": "2021-07-21T06:04:25Z", **w},
        w,  # recorded years later
    )
    page = get(viewer, f"{at}workflows/w/")
    assert "<dt>Duration</dt><dd>4 min 25 s</dd>" in page
    assert '<text class="idle-t"' in page


def test_a_run_that_was_recorded_in_bulk_has_no_durations(viewer: Client, append: AppendEvents, at: str) -> None:
    for _ in range(2):
        append("s", *[{"correlation_id": "w"}] * 3)
    page = get(viewer, f"{at}workflows/w/")
    assert "<dt>Duration, as recorded</dt>" in page
    assert '<span class="num">+' not in page


def test_a_timeline_of_a_workflow_leads_to_its_page(viewer: Client, append: AppendEvents, at: str) -> None:
    append("s", {"correlation_id": "w/1"})
    assert f'href="{at}workflows/w/1/"' in get(viewer, f"{at}?q=workflow:w/1")


def test_no_workflows_and_no_such_workflow_are_different_answers(viewer: Client, append: AppendEvents, at: str) -> None:
    append("s", {})
    assert "No workflows yet" in get(viewer, f"{at}workflows/")
    assert viewer.get(f"{at}workflows/nope/").status_code == 404
    assert viewer.get(f"{at}workflows/?before=x").status_code == 400
    assert viewer.get(f"{at}workflows/?id=..").status_code == 404


def test_workflows_cost_a_fixed_number_of_queries(
    viewer: Client, append: AppendEvents, at: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    append("s", *[{"correlation_id": "w", "causation_id": f"not-{n}", "agent": f"a{n}"} for n in range(50)])
    # session, user, membership with its log; letters to decide; workflows, the events that the list does not count,
    # what is held
    with django_assert_num_queries(7):
        viewer.get(f"{at}workflows/")
    # the workflow, its events, the system events among them, the positions of their causes; for the faults in it two
    # folds, of a snapshot and the events after it, and the findings of the runner in its streams, and the changes of
    # two kinds of rules; what is held of it; once a process: the numbers of types
    with django_assert_num_queries(18):
        viewer.get(f"{at}workflows/w/")


def test_a_run_without_a_clock_took_no_known_time(viewer: Client, at: str, append: AppendEvents) -> None:
    append("run-1", {"correlation_id": "bulk"}, {"correlation_id": "bulk"})
    append("run-2", {"correlation_id": "single"})
    page = viewer.get(f"{at}workflows/").content.decode()
    assert page.count("no times") == 1
    assert "no times" in viewer.get(f"{at}workflows/bulk/").content.decode()
    assert "no times" not in viewer.get(f"{at}workflows/single/").content.decode()


def test_a_workflow_leads_to_the_states_of_its_last_run_of_agents(
    viewer: Client, append: AppendEvents, at: str
) -> None:
    def states() -> list[tuple[str, str]]:
        page = viewer.get(f"{at}workflows/order-1/").content.decode()
        said = page.partition("States:")[2].partition("</span>")[0]
        return re.findall(r"projections/([^/]+)/state\?key=([^\"]+)", html.unescape(said))

    workflow = {"correlation_id": "order-1"}
    append("order-1", {"type": "OrderPlaced", **workflow})
    assert states() == [("lifecycle", "order-1"), ("transcript", "order-1")]
    for run in ("run-1", "run-2"):
        append(run, {"type": "agent.started", **workflow}, {"type": "state.snapshot", **workflow})
    append("order-1", {"type": "OrderPacked", **workflow})
    assert states() == [
        ("lifecycle", "order-1"),
        ("transcript", "order-1"),
        ("agent_run", "run-2"),
        ("agent_state", "run-2"),
    ]
