"""The page of one state: at any moment, the difference between two moments, and the setter of each value."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urljoin

import pytest
from django.test import Client

from events import redaction
from events.models import Log
from projections.definition.projection import LOG, STREAM, WORKFLOW, Decoded, Key, Projection, pointer
from projections.jobs import queue
from projections.materialise import checkpoints
from projections.models import Job, JobStatus
from projections.states.fold import BLOCK
from projections.views.state.slider import Slider, slider
from tests.support.fixture_types import AppendEvents
from tests.support.odd_values import STREAM_NAMES
from tests.support.running import declare_only, live, settle, totals

ON_DEMAND = Projection("latest", about="For a test.")


@ON_DEMAND.on("*")
def merge(state: Any, happened: Decoded) -> Any:
    if happened.data.get("poison"):
        raise RuntimeError("poisoned")
    return state | (happened.data or {})


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    declare_only(monkeypatch, ON_DEMAND, totals(name="by_workflow", key=WORKFLOW), totals(name="whole", key=LOG))


@pytest.fixture
def url(at: str, append: AppendEvents) -> str:
    append("s", {"data": b'{"a": 1}', "agent": "ann"})
    append("other", {})
    append("s", {"data": b'{"b": {"c": "x"}}', "agent": "bob"}, {"data": b'{"a": 2}', "agent": "cat"})
    return f"{at}projections/latest/state?key=s"


def get(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status
    return answer.content.decode()


def values(page: str) -> dict[str, str]:
    """The leaves of the tree, by key."""
    pairs = re.findall(r'<span class="key"><bdi>([^<]*)</bdi></span>(?:.*?)<bdi class="val [^>]*>([^<]*)</bdi>', page)
    return {html.unescape(key): html.unescape(value) for key, value in pairs}


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("", {"a": "2", "c": '"x"'}),
        ("&at_version=0", {}),
        ("&at_version=1", {"a": "1"}),
        ("&at_position=2", {"a": "1"}),
        ("&at_position=3", {"a": "1", "c": '"x"'}),
        ("&at_time=2001-01-01", {}),
        ("&at_time=2999-01-01+00:00:00", {"a": "2", "c": '"x"'}),
    ],
)
def test_a_state_is_shown_at_any_moment(viewer: Client, url: str, moment: str, expected: dict[str, str]) -> None:
    page = get(viewer, url + moment)
    assert values(page) == expected
    assert ("Back to now" in page) == bool(moment)


@pytest.mark.parametrize(
    "moment", ["at_position=99", "at_version=9", "at_version=1&at_position=1", "at_time=x", "at_position=x", "key=%00"]
)
def test_a_moment_that_is_none_is_a_400_that_says_why(viewer: Client, url: str, moment: str) -> None:
    assert "There is no such moment" in get(viewer, f"{url}&{moment}", 400)


@pytest.mark.parametrize("name", STREAM_NAMES)
def test_a_key_may_be_any_text(viewer: Client, append: AppendEvents, at: str, name: str) -> None:
    append(name, {"data": b'{"n": 1}'})
    page = get(viewer, f"{at}projections/latest/state?{urlencode({'key': name, 'value': '/n'})}")
    assert values(page) == {"n": "1"}
    assert "<script>alert" not in page
    list_page = get(viewer, f"{at}projections/latest/states")
    link = re.findall(r'data-row href="([^"]+)"', list_page)[0]
    assert values(get(viewer, html.unescape(link))) == {"n": "1"}


def test_each_value_says_which_event_and_agent_set_it(viewer: Client, url: str, at: str) -> None:
    page = get(viewer, url)
    by = re.findall(r'<bdi>(\w)</bdi>.*?<a class="setby" href="([^"]+)".*?<bdi class="ag ellipsis" title="(\w+)"', page)
    assert by == [("a", f"{at}events/4", "cat"), ("c", f"{at}events/3", "bob")]


def test_the_history_of_a_value_has_each_event_that_changed_it(viewer: Client, url: str, at: str) -> None:
    page = get(viewer, f"{url}&value={quote('/a')}")
    assert re.findall(r'class="touch" href="([^"]+)"', page) == [f"{at}events/4", f"{at}events/1"]
    assert "This is the whole history" in page


def test_a_long_history_goes_on_where_it_stopped(
    viewer: Client, url: str, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.views.state.history_pane._MAX_EVENTS", 1)
    page, links = get(viewer, f"{url}&value=%2Fa"), list[str]()
    while True:
        links += re.findall(r'class="touch" href="([^"]+)"', page)
        next_link = re.search(r'rel="next" href="([^"]+)"', page)
        if not next_link:
            break
        page = get(viewer, f"{at}projections/latest/state{html.unescape(next_link[1])}")
        assert values(page) == {"a": "2", "c": '"x"'}
    assert links == [f"{at}events/4", f"{at}events/1"]


def test_two_moments_are_compared(viewer: Client, url: str) -> None:
    page = get(viewer, f"{url}&from=1&to=4")
    assert "1 changed, 1 added, 0 removed" in page
    assert "From #1 to now" in get(viewer, f"{url}&from=1")
    assert "There is no such moment" in get(viewer, f"{url}&from=1&to=99", 400)


def test_a_reducer_that_raises_shows_event_state_and_traceback(
    viewer: Client, url: str, append: AppendEvents, at: str
) -> None:
    append("s", {"data": b'{"poison": true}'}, {"data": b'{"a": 3}'})
    page = get(viewer, url)
    assert "The reducer raised at" in page
    assert f'href="{at}events/5"' in page
    assert "Traceback (most recent call last)" in page
    assert values(page) == {"a": "2", "c": '"x"'}
    assert values(get(viewer, f"{url}&at_position=4")) == {"a": "2", "c": '"x"'}


def test_a_long_fold_is_a_job_and_then_the_state(viewer: Client, url: str, log: Log, append: AppendEvents) -> None:
    append("s", *[{"data": b'{"n": %d}' % n} for n in range(3 * BLOCK + 100)])
    page = get(viewer, url)
    assert "Many events must be folded first" in page
    job = Job.objects.get(log=log)
    assert f'"X-Job": "{job.id}"' in page
    Job.objects.filter(pk=job.pk).update(status=JobStatus.FAILED, error="it broke")
    failed = viewer.get(url, headers={"X-Job": str(job.id)}).content.decode()
    assert "it broke" in failed
    assert "hx-trigger" not in failed.split('class="answer job"')[1].split("</main>")[0]
    Job.objects.filter(pk=job.pk).update(status=JobStatus.RUNNING, attempt=1)
    job.refresh_from_db()
    queue.do(job)
    assert values(get(viewer, url))["n"] == "3099"


def test_a_list_says_for_which_key_the_reducer_returned_no_state(
    viewer: Client, at: str, append: AppendEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = Projection("odd", about="For a test.")
    odd.on("*")(lambda state, happened: {"n": 0.5 if happened.data else 1})
    declare_only(monkeypatch, odd)
    append("bad", {"data": b'{"x": 1}'})
    append("good", {})
    page = get(viewer, f"{at}projections/odd/states")
    assert re.findall(r'data-row href="[^"]+" title="(\w+)"', page) == ["bad", "good"]
    assert page.count("/n: a float has lost digits") == 1


@pytest.mark.parametrize(("query", "key"), [("latest/state", "unknown"), ("by_workflow/state", "w")])
def test_a_key_without_events_is_not_said_to_be_a_state_of_now(viewer: Client, at: str, query: str, key: str) -> None:
    page = get(viewer, f"{at}projections/{query}?key={key}")
    assert "No event of this key yet" in page
    assert "</span>Now</span>" not in page
    assert "No events yet" in page


@pytest.mark.usefixtures("url")
def test_a_key_with_events_is_a_state_of_now(viewer: Client, at: str) -> None:
    page = get(viewer, f"{at}projections/latest/state?key=s")
    assert "</span>Now</span>" in page
    assert "No event of this key yet" not in page


@pytest.mark.parametrize(("query", "end"), [("latest/state?key=s", 4), ("whole/state?key=", 5)])
def test_no_state_lies_beyond_the_end_of_the_slider(
    viewer: Client, url: str, at: str, append: AppendEvents, monkeypatch: pytest.MonkeyPatch, query: str, end: int
) -> None:
    def and_the_log_grows(*args: Any) -> Slider:
        before = slider(*args)
        append("s", {"type": "A", "data": b'{"amount": 3}'})
        return before

    monkeypatch.setattr("projections.views.state.page.slider", and_the_log_grows)
    page = get(viewer, f"{at}projections/{query}")
    assert re.findall(r'<input type="range" [^>]*max="(\d+)" value="(\d+)"', page) == [(str(end), str(end))]


def test_a_page_that_has_the_state_is_told_so_by_an_empty_answer(
    viewer: Client, url: str, append: AppendEvents
) -> None:
    assert viewer.get(url, headers={"X-Seen": "4 4"}).status_code == 204
    append("s", {"data": b'{"a": 5}'})
    assert viewer.get(url, headers={"X-Seen": "4 4"}).status_code == 200


@pytest.mark.parametrize("query", ["by_workflow/state?key=w", "whole/state?key="])
def test_other_sources_are_known_to_be_as_they_were_seen(
    viewer: Client, at: str, append: AppendEvents, query: str
) -> None:
    append("s", {"type": "A", "correlation_id": "w", "data": b'{"amount": 3}'})
    assert viewer.get(f"{at}projections/{query}", headers={"X-Seen": "1 1"}).status_code == 204
    append("s", {"type": "A", "correlation_id": "w", "data": b'{"amount": 3}'})
    assert viewer.get(f"{at}projections/{query}", headers={"X-Seen": "1 1"}).status_code == 200


def test_a_page_that_follows_is_answered_without_looking_at_who_set_what(
    viewer: Client, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("projections.states.value_history.history")
    assert viewer.get(url, headers={"X-Seen": "4 4"}).status_code == 204


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("by_workflow/state?key=w&at_position=0", "0"),
        ("by_workflow/state?key=w&at_position=1", "1"),
        ("by_workflow/state?key=w", "3"),
        ("latest/state?key=s&at_position=2", "1"),
    ],
)
def test_the_slider_stands_where_the_state_was_asked_for(
    viewer: Client, at: str, append: AppendEvents, query: str, place: str
) -> None:
    append("s", {"type": "A", "correlation_id": "w", "data": b'{"amount": 3}'})
    append("other", {}, {})
    page = get(viewer, f"{at}projections/{query}")
    assert re.search(r'<input type="range"[^>]* value="(\d+)"', page)[1] == place  # type: ignore[index]


def test_states_of_workflows_and_of_the_whole_log_have_their_pages(
    viewer: Client, append: AppendEvents, at: str
) -> None:
    append("s", {"type": "A", "correlation_id": "w/1", "data": b'{"amount": 3}'})
    assert values(get(viewer, f"{at}projections/by_workflow/state?key=w%2F1&at_position=1"))["sum"] == "3"
    assert values(get(viewer, f"{at}projections/whole/state?at_position=1"))["sum"] == "3"
    assert "There is no such moment" in get(viewer, f"{at}projections/whole/state?at_version=1", 400)


def test_streams_workflows_and_events_link_to_their_states(viewer: Client, append: AppendEvents, at: str) -> None:
    append("a b#1", {"type": "A", "correlation_id": "w/1", "data": b'{"amount": 3}'})
    for page, links in (
        ("streams/a%20b%231/", ["latest/state?key=a+b%231"]),
        ("workflows/w/1/", ["by_workflow/state?key=w%2F1"]),
        (
            "events/1",
            [
                "latest/state?key=a+b%231&at_position=1",
                "by_workflow/state?key=w%2F1&at_position=1",
                "whole/state?key=&at_position=1",
            ],
        ),
    ):
        page_text = html.unescape(get(viewer, at + page))
        for link in links:
            assert f'href="{at}projections/{link}"' in page_text
            get(viewer, f"{at}projections/{link}")


def test_the_history_of_a_value_tells_what_led_to_its_last_change(
    viewer: Client, append: AppendEvents, at: str
) -> None:
    first = "00000000-0000-0000-0000-000000000001"
    append("ask-1", {"type": "Asked", "agent": "human", "id": first})
    append("order-1", {"type": "Set", "causation_id": first, "data": b'{"title": "x"}'})
    page = viewer.get(f"{at}projections/latest/state", {"key": "order-1", "value": "/title"}).content.decode()
    assert re.search(rf'class="chain".*?href="{at}events/1" title="Asked"', page, re.S)


def test_a_page_that_has_the_state_is_not_told_so_after_a_redaction(
    viewer: Client, url: str, log: Log, append: AppendEvents
) -> None:
    """After a redaction the page must not answer 304: the position is the same, the content is not."""
    polled = re.search(r'"X-Seen": "([^"]+)"', get(viewer, url))
    assert polled
    redaction.redact(log.pk, 4, reason="a secret", by="ada")
    again = viewer.get(url, headers={"X-Seen": polled[1]})
    assert again.status_code == 200
    assert values(again.content.decode()) == {"a": "1", "c": '"x"'}
    polled = re.search(r'"X-Seen": "([^"]+)"', again.content.decode())
    assert polled
    assert viewer.get(url, headers={"X-Seen": polled[1]}).status_code == 204


@pytest.mark.parametrize("key", [STREAM, pointer("/customer")], ids=["stream", "pointer"])
def test_a_long_text_of_the_state_before_a_failure_leads_to_that_whole_state(
    viewer: Client, at: str, log: Log, append: AppendEvents, monkeypatch: pytest.MonkeyPatch, key: Key
) -> None:
    fragile = Projection("fragile", about="For a test.", key=key, materialised=True, policy="park")
    fragile.on("Good")(lambda state, happened: {**state, **happened.data})
    fragile.on("Bad")(lambda state, happened: happened.data["missing"])
    declare_only(monkeypatch, fragile)
    note = "x" * 5_000
    append("s", {"type": "Good", "data": json.dumps({"customer": "s", "note": note}).encode()})
    append("s", {"type": "Bad", "data": b'{"customer": "s"}'}, {"type": "Good", "data": b'{"customer": "s", "n": 1}'})
    settle(log, fragile)
    for page in ("fragile/", "fragile/state?key=s&at_position=3"):
        text = viewer.get(f"{at}projections/{page}").content.decode()
        [url] = {html.unescape(href) for href in re.findall(r'href="([^"]+)">The whole as JSON', text)}
        answer = viewer.get(urljoin(f"{at}projections/{page}", url))
        target, parameters = answer["Location"].split("?")
        assert target == "/api/projections/fragile/state"
        assert parse_qs(parameters) == {"log": [log.name], "key": ["s"], "at_position": ["1"]}


def test_a_kept_state_says_how_far_behind_the_log_it_is_instead_of_now(
    viewer: Client, at: str, log: Log, append: AppendEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = totals(name="whole", key=LOG)
    declare_only(monkeypatch, whole)
    append("s", {"type": "A", "data": b"{}"})
    settle(log, whole)
    page = viewer.get(f"{at}projections/whole/state?key=").content.decode()
    assert "</span>Now</span>" in page
    tag = html.unescape(page.partition('"X-Seen": "')[2].partition('"')[0])
    assert viewer.get(f"{at}projections/whole/state?key=", headers={"X-Seen": tag}).status_code == 204
    append("s", *[{"type": "A", "data": b"{}"}] * 12)
    behind = viewer.get(f"{at}projections/whole/state?key=", headers={"X-Seen": tag})
    for text in (behind.content.decode(), viewer.get(f"{at}projections/whole/states").content.decode()):
        assert "As of #1" in text
        assert "12 events behind: the runner is catching up" in " ".join(text.split())
        assert "</span>Now</span>" not in text
    checkpoints.pause(log.pk, "whole", live(log, "whole").build)
    assert "the projection is paused" in viewer.get(f"{at}projections/whole/states").content.decode()
    checkpoints.resume(log.pk, "whole", live(log, "whole").build)
    settle(log, whole)
    assert "</span>Now</span>" in viewer.get(f"{at}projections/whole/state?key=").content.decode()
