"""The parts of a replay's page that stay from step to step, and the track of the whole replay."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from django.test import Client

from events.models import Log
from projections import registry
from projections.replay.window import HOP
from tests.support.fixture_types import AppendEvents
from tests.support.running import BY_TYPE, settle

STEPS = 130


@pytest.fixture
def counted(append: AppendEvents) -> None:
    events = (
        {"type": "Counted", "agent": "a", "correlation_id": "job", "data": b'{"n": %d}' % n} for n in range(STEPS)
    )
    append("count-1", *events)


def window_of(page: str) -> str:
    match = re.search(r'data-window="([^"]*)"', page)
    assert match
    return match[1]


def partial(client: Client, url: str, window: str = "") -> str:
    answer = client.get(url, headers={"HX-Request": "true", "X-Window": window}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.usefixtures("counted")
def test_a_step_of_the_window_that_is_shown_comes_without_list_and_strip(viewer: Client, at: str) -> None:
    url = f"{at}replay/stream/count-1/"
    whole = partial(viewer, f"{url}50")
    part = partial(viewer, f"{url}51", window_of(whole))
    assert '<div id="steps"></div>' in part
    assert '<div id="strip"></div>' in part
    assert 'class="step ' not in part
    assert 'value="51"' in part
    assert window_of(part) == window_of(whole)


@pytest.mark.usefixtures("counted")
def test_the_first_steps_have_one_window(viewer: Client, at: str) -> None:
    windows = {window_of(partial(viewer, f"{at}replay/stream/count-1/{n}")) for n in (0, 1, 17, 18, 39)}
    assert len(windows) == 1
    assert windows != {""}


@pytest.mark.parametrize(("first", "last"), [(88, 103), (112, 143)])
def test_steps_of_a_query_that_nobody_counted_have_one_window(
    viewer: Client, at: str, append: AppendEvents, first: int, last: int
) -> None:
    append("count-1", *({"type": "Counted"} for _ in range(250)))
    url = f"{at}replay/query/%s?q=type%%3ACounted"
    whole = partial(viewer, url % first)
    windows = {window_of(partial(viewer, url % n)) for n in (first, first + 1, last - 1, last)}
    assert windows == {window_of(whole)} != {""}
    places = [int(n.replace(",", "")) for n in re.findall(r'<span class="n">#([\d,]+)</span>', whole)]
    assert places == list(range(places[0], places[-1] + 1))
    assert places[0] <= first - HOP < last + HOP <= places[-1]


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(
    ("shown_step", "next_step"),
    [
        ("79", "80"),
        ("50", "51?why=%2Fn"),
        ("50", "51?pin=%2Fn"),
        ("50", "51?break=type%3AX"),
        ("50", "51?by=lifecycle"),
    ],
)
def test_a_step_of_another_window_comes_whole(viewer: Client, at: str, shown_step: str, next_step: str) -> None:
    url = f"{at}replay/stream/count-1/"
    assert 'class="step now"' in partial(viewer, url + next_step, window_of(partial(viewer, url + shown_step)))


@pytest.mark.usefixtures("counted")
def test_a_window_that_more_has_come_to_is_another(viewer: Client, at: str, append: AppendEvents) -> None:
    url = f"{at}replay/stream/count-1/"
    window = window_of(partial(viewer, f"{url}{STEPS}"))
    append("count-1", {"type": "Counted"})
    assert f'/{STEPS + 1}"' in partial(viewer, f"{url}{STEPS}", window)


@pytest.mark.usefixtures("counted")
def test_steps_that_are_compared_come_whole(viewer: Client, at: str) -> None:
    page = partial(viewer, f"{at}replay/stream/count-1/50?from=48")
    assert window_of(page) == ""
    assert '<li class="step now' in page


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(
    ("place", "step"), [("0", 0), ("99", 99), ("9999", STEPS), ("-1", 50), ("x", 50), ("9" * 30, 50)]
)
def test_a_place_of_the_whole_leads_to_its_step(viewer: Client, at: str, place: str, step: int) -> None:
    answer = viewer.get(f"{at}replay/stream/count-1/50", {"place": place, "by": "latest"})
    assert answer["Location"] == f"{at}replay/stream/count-1/{step}?by=latest"


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("source", ["stream/count-1/", "workflow/job/", "agent/a/", "log/"])
def test_the_track_of_the_whole_says_where_the_window_is(viewer: Client, at: str, source: str) -> None:
    page = partial(viewer, f"{at}replay/{source}50")
    match = re.search(r'<rect x="([\d.]+)%" width="([\d.]+)%"', page)
    assert match
    x, width = map(float, match.groups())
    assert 0 <= x < x + width < 100
    assert f'max="{STEPS}" value="50"' in page


@pytest.mark.usefixtures("counted")
def test_a_replay_that_is_drawn_whole_has_no_track(viewer: Client, at: str, append: AppendEvents) -> None:
    append("short", {}, {})
    assert 'id="overview"' not in partial(viewer, f"{at}replay/stream/short/1")


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(
    ("source", "query"),
    [
        ("stream/count-1/1", "q=stream:count-1"),
        ("workflow/job/1", "q=correlation:job+system:false"),
        ("agent/a/1", "q=agent:a"),
        ("query/1?q=type%3ACounted", "q=type:Counted"),
        ("log/1", ""),
    ],
)
def test_a_replay_follows_the_events_of_its_source(viewer: Client, at: str, source: str, query: str) -> None:
    match = re.search(r'data-follow="/ws/logs/[^/]+/\?([^"]*)"', partial(viewer, f"{at}replay/{source}"))
    assert match
    assert unquote(match[1]) == query


@pytest.mark.usefixtures("counted")
def test_a_kept_state_is_not_followed_since_the_log_tells_of_others_too(
    viewer: Client, at: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.PROJECTIONS, BY_TYPE.name, BY_TYPE)
    settle(log, BY_TYPE)
    page = partial(viewer, f"{at}replay/key/{STEPS}?by=by-type&name=type%3ACounted")
    assert 'data-follow=""' in page
