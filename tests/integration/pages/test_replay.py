"""The replay of one stream."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from events.models import Log
from events.reading.db_work import run
from projections.definition.projection import Decoded, Projection
from projections.jobs import queue
from projections.registry import PROJECTIONS
from projections.replay.address import MAX_QUERY_CHARACTERS
from projections.replay.step import steps_after
from projections.replay.views.template_functions import replay_url
from projections.states.fold import Fold, Pace
from projections.states.sources.indexed import StreamSource
from tests.support.fixture_types import AppendEvents


def page_of(client: Client, at: str, step: int) -> str:
    answer = client.get(f"{at}replay/stream/order-1/{step}")
    assert answer.status_code == 200
    return answer.content.decode()


def ways(page: str) -> dict[str, str]:
    return dict(re.findall(r'data-step="(\w+)" href="[^"]*/(\d+)"', page))


@pytest.fixture
def order(append: AppendEvents) -> None:
    append(
        "order-1",
        {"type": "Placed", "data": b'{"sku": "A-7", "quantity": 2}'},
        {"type": "Paid", "data": b'{"status": "paid"}'},
        {"type": "Changed", "data": b'{"quantity": 3}'},
    )


@pytest.mark.usefixtures("order")
def test_each_step_leads_to_the_others(viewer: Client, at: str) -> None:
    assert ways(page_of(viewer, at, 0)) == {"next": "1", "last": "3"}
    assert ways(page_of(viewer, at, 2)) == {"first": "0", "previous": "1", "next": "3", "last": "3"}
    assert ways(page_of(viewer, at, 3)) == {"first": "0", "previous": "2"}


@pytest.mark.usefixtures("order")
def test_a_step_shows_the_state_and_what_changed(viewer: Client, at: str) -> None:
    page = page_of(viewer, at, 3)
    assert '<bdi class="old val">2</bdi>' in page
    assert re.search(r'<bdi class="val v-n new"[^>]*>3</bdi>', page)
    assert "&#34;paid&#34;" in page


@pytest.mark.usefixtures("order")
def test_the_cursor_is_marked_and_the_rest_is_ahead(viewer: Client, at: str) -> None:
    page = page_of(viewer, at, 2)
    assert page.count('aria-current="step"') == 1
    assert (page.count('class="step now"'), page.count('class="step ahead"')) == (1, 1)
    assert (page.count('class="column now"'), page.count('class="column ahead"')) == (1, 1)


@pytest.mark.usefixtures("order")
def test_step_0_is_the_state_before_anything_happened(viewer: Client, at: str) -> None:
    assert "before the first event" in page_of(viewer, at, 0)
    assert "No event yet" in page_of(viewer, at, 0)


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize(("typed", "step"), [("1", 1), ("99", 3), ("x", 2), ("-1", 2), ("", 2)])
def test_the_box_goes_to_a_step_of_the_stream(viewer: Client, at: str, typed: str, step: int) -> None:
    answer = viewer.get(f"{at}replay/stream/order-1/2", {"step": typed})
    assert answer["Location"].endswith(f"/replay/stream/order-1/{step}")


def test_a_long_stream_lists_the_steps_around(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", *[{}] * 450)
    page = page_of(viewer, at, 225)
    assert page.count('<li class="step') == 120
    assert "160 earlier" in page
    assert "170 later" in page


def test_the_steps_listed_stay_while_one_steps_among_them(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", *[{}] * 450)
    step_lists = [re.findall(r'<span class="n">(\d+)</span>', page_of(viewer, at, step)) for step in (200, 239, 240)]
    assert step_lists[0] == step_lists[1] == [str(n) for n in range(161, 281)]
    assert step_lists[2] == [str(n) for n in range(201, 321)]


def test_a_step_too_far_to_fold_is_a_job_and_its_events_show_at_once(
    viewer: Client, append: AppendEvents, at: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Fold.to, "__kwdefaults__", {**(Fold.to.__kwdefaults__ or {}), "pace": Pace(chunk_events=50, max_events=100)}
    )
    append("order-1", *[{"data": b'{"n": %d}' % n} for n in range(1, 451)])
    page = page_of(viewer, at, 400)
    assert "Many events must be folded first" in page
    assert 'aria-current="step"' in page
    while (job := queue.claim(["replay"])) and job.log_id != log.pk:
        pass  # this one may be of another test
    assert job
    queue.do(job)
    page = page_of(viewer, at, 400)
    assert "Many events must be folded first" not in page
    assert re.search(r'<bdi class="old val">399</bdi>.*>400</bdi>', page)


LONG = " and no" * 100


@pytest.fixture
def broken(append: AppendEvents, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream whose reducer raises at step 2 of 3."""

    def picky(state: Any, happened: Decoded) -> Any:
        if happened.event.version == 2:
            raise ValueError("<b>no</b>" + LONG)
        return happened.data

    failing = Projection("latest", about="")
    failing.on("*")(picky)
    monkeypatch.setitem(PROJECTIONS, "latest", failing)
    append("order-1", {"data": b'{"good": 1}'}, {"type": "Odd", "agent": "bot"}, {})


@pytest.mark.usefixtures("broken")
def test_a_reducer_that_raises_shows_event_state_and_traceback_at_that_step(viewer: Client, at: str) -> None:
    page = page_of(viewer, at, 2)
    assert "The reducer raised at this step" in page
    assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in page
    assert re.search(r'<pre class="traceback"[^>]*>Traceback.*in picky', page, re.S)
    assert ">good<" in page
    assert "<b>The reducer raised</b>" in page[page.index('id="event"') :]
    assert page.count(LONG) == 1


@pytest.mark.usefixtures("order")
def test_a_page_stands_though_a_projection_that_finds_faults_fails(
    viewer: Client, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Projection("lifecycle", about="")
    failing.on("*")(lambda state, happened: state["no"])
    monkeypatch.setattr("projections.replay.findings.lifecycle", failing)
    words = 'title="lifecycle raised KeyError: &#39;no&#39;">events out of order not known'
    assert words in page_of(viewer, at, 2)
    page = viewer.get(f"{at}streams/order-1/").content.decode()
    assert f'<a class="link" href="{at}replay/stream/order-1/0?by=lifecycle">the replay</a> shows where' in page


@pytest.mark.usefixtures("broken")
def test_steps_behind_one_that_failed_say_so_and_lead_to_it(viewer: Client, at: str) -> None:
    page = page_of(viewer, at, 3)
    assert "The state of this step can’t be computed" in page
    assert f'<a class="link" href="{at}replay/stream/order-1/2">step 2</a>' in page
    assert "Odd by <bdi>bot</bdi>" in page
    assert ">good<" in page
    assert 'class="traceback"' not in page


@pytest.mark.usefixtures("broken")
def test_a_step_compared_with_one_that_failed_is_not_said_to_have_failed(viewer: Client, at: str) -> None:
    page = viewer.get(f"{at}replay/stream/order-1/1", {"from": "3"}).content.decode()
    assert "The state of this step can’t be computed" not in page
    assert "The state of the compared step can’t be computed: the reducer raised at" in page


@pytest.mark.usefixtures("broken")
def test_steps_before_one_that_failed_are_as_ever_and_it_is_marked(viewer: Client, at: str) -> None:
    page = page_of(viewer, at, 1)
    assert "can’t be computed" not in page
    assert re.search(r'class="step ahead wrong"[^>]*><a href="[^"]*/2"', page)
    assert page.count('class="glyph found"') == 1


@pytest.mark.usefixtures("order")
def test_a_step_costs_a_fixed_number_of_queries(
    viewer: Client, at: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # session, user, membership with its log; letters to decide; the types of the first events; the stream, its events
    # before and after the step; effects; for two projections that find faults: a snapshot and a block; once a process:
    # the numbers of types
    with django_assert_num_queries(14):
        page_of(viewer, at, 3)


def test_any_source_is_replayed_by_any_projection(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", {"agent": "a b", "correlation_id": "run/1", "data": b'{"n": 1}'}, {"data": b'{"n": 2}'})
    append("order-2", {"agent": "a b", "correlation_id": "run/1", "data": b'{"n": 3}'})
    for source in ("workflow/run%2F1/3", "agent/a%20b/3", "query/3?q=correlation:run/1", "log/3"):
        page = viewer.get(f"{at}replay/{source}").content.decode()
        assert re.search(r'<bdi class="old val">\d</bdi>.*<bdi class="val v-n new"[^>]*>3</bdi>', page), source
        by = viewer.get(f"{at}replay/{source}{'&' if '?' in source else '?'}by=counts")
        assert by.status_code == 200, source
    # A position between two steps is the step before it; the address holds the query with its times pinned.
    assert viewer.get(f"{at}replay/workflow/run%2F1/2")["Location"].endswith("/1")
    assert "since%3A20" in viewer.get(f"{at}replay/query/3", {"q": "since:1h"})["Location"]


@pytest.mark.parametrize("source", ["stream/run-1/1", "workflow/order-1/1", "agent/router/2"])
def test_a_run_of_agents_is_replayed_by_its_own_projection(
    viewer: Client, append: AppendEvents, at: str, source: str
) -> None:
    run = {"correlation_id": "order-1"}
    append("run-1", {"type": "workflow.started", "data": b'{"name": "depot", "task": "Go"}', **run})
    append("run-1", {"type": "agent.started", "agent": "router", **run}, *[{"type": "Noted", **run}] * 30)
    page = viewer.get(f"{at}replay/{source}").content.decode()
    assert '<span class="mono">agent_run</span>' in page
    last = viewer.get(f"{at}replay/stream/run-1/32").content.decode()
    assert '<span class="mono">agent_run</span>' in last
    chosen = viewer.get(f"{at}replay/{source}", {"by": "latest"}).content.decode()
    assert '<span class="mono">latest</span>' in chosen


@pytest.mark.parametrize(
    ("path", "leads_to", "words", "number"),
    [
        ("stream/order-1/9", "stream/order-1/3", "Stream order-1 has no step at 9: this is the last step.", ""),
        ("stream/order-1/999999999999999999", "stream/order-1/3", "this is the last step", ""),
        ("log/99", "log/7", "The whole log has no step at 99: this is the last step.", ""),
        ("workflow/w/2", "workflow/w/0", "Workflow w has no step at #2: this is step 0, before the first event.", "2"),
        ("workflow/w/5", "workflow/w/4", "this is the step before, at #4.", ""),
        ("workflow/w/99", "workflow/w/7", "this is the step before, at #7.", ""),
        ("agent/packer/3", "agent/packer/0", "Agent packer has no step at #3: this is step 0", "3"),
        ("query/6?q=type:Packed", "query/4?q=type%3APacked", "this is the step before, at #4.", "6"),
    ],
)
def test_an_address_that_names_no_step_leads_to_the_one_before_it_and_says_so(
    viewer: Client, append: AppendEvents, at: str, path: str, leads_to: str, words: str, number: str
) -> None:
    append("order-1", {}, {}, {})
    packed = {"type": "Packed", "correlation_id": "w", "agent": "packer"}
    append("box-1", packed, {}, {}, {"type": "Sent", "correlation_id": "w"})
    answer = viewer.get(f"{at}replay/{path}")
    assert answer["Location"] == f"{at}replay/{leads_to}"
    page = viewer.get(answer["Location"]).content.decode()
    [message] = re.findall(r'<p class="said warning" role="status">(.*?)</p>', page, re.DOTALL)
    assert words in message
    assert ("Go to step number" in message) is bool(number)
    assert '<p class="said warning" role="status">' not in viewer.get(answer["Location"]).content.decode()


def test_a_step_number_that_was_taken_for_a_position_is_one_click_away(
    viewer: Client, append: AppendEvents, at: str
) -> None:
    append("order-1", *[{}] * 5, *[{"correlation_id": "w"}] * 4)
    page = viewer.get(f"{at}replay/workflow/w/3", {"by": "counts"}, follow=True).content.decode()
    url = re.search(r'href="([^"]*)">Go to step number 3', page)
    assert url
    assert viewer.get(unescape(url[1]))["Location"] == f"{at}replay/workflow/w/8?by=counts"


def test_an_odd_name_is_a_source(viewer: Client, append: AppendEvents, at: str) -> None:
    for name in ("a/../b", "<i>", "5", "x/7"):
        append("order-1", {"correlation_id": name})
        url = replay_url(at.split("/")[2], "workflow", name, 1_000)
        page = viewer.get(url, follow=True)
        assert page.status_code == 200
        assert "<i>" not in page.content.decode()
        assert 'aria-current="step"' in page.content.decode()


@pytest.mark.parametrize(
    "path", ["replay/nothing/1", "replay/workflow/1", "replay/workflow/x/1", "replay/query/1?q=(", "replay/log/1?by=x"]
)
def test_a_replay_that_does_not_exist_is_not_found(viewer: Client, at: str, path: str) -> None:
    assert viewer.get(f"{at}replay/{path}").status_code == 404


@pytest.mark.parametrize(("typed", "place"), [("2", 3), ("3", 5), ("9", 5), ("0", 0), ("2000", 5), ("x", 3)])
def test_the_box_of_a_query_goes_by_the_numbers_that_it_shows(
    viewer: Client, append: AppendEvents, at: str, typed: str, place: int
) -> None:
    append("order-1", *[{"type": ("Told", "Counted")[n % 2]} for n in range(1, 7)])
    url = f"{at}replay/query/3?q=type:Counted"
    page = viewer.get(url).content.decode()
    assert re.search(r'id="step" name="step" value="2"', page)
    to = viewer.get(f"{url}&step={typed}")["Location"]
    assert to.partition("?")[0] == f"{at}replay/query/{place}"


def test_the_box_takes_places_if_steps_have_no_numbers(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", *[{}] * 300)
    page = viewer.get(f"{at}replay/query/250?q=type:*").content.decode()
    assert re.search(r'id="step" name="place" value="250"', page)
    to = viewer.get(f"{at}replay/query/250?q=type:*&place=7")["Location"]
    assert to.partition("?")[0] == f"{at}replay/query/7"


def test_a_source_without_events_says_so(viewer: Client, append: AppendEvents, at: str) -> None:
    assert "There is no event yet" in viewer.get(f"{at}replay/log/0").content.decode()
    append("order-1", {"agent": "bot"})
    assert "No event yet" in viewer.get(f"{at}replay/agent/bot/0").content.decode()
    assert "No event fits this query" in viewer.get(f"{at}replay/query/0?q=type:Nothing").content.decode()
    for step in (0, 1):
        nobody = viewer.get(f"{at}replay/agent/nope/{step}")
        assert nobody.status_code == 404
        assert "There are no events of an agent" in nobody.content.decode()


@pytest.mark.usefixtures("order")
def test_a_value_says_which_steps_set_it(viewer: Client, at: str) -> None:
    page = viewer.get(f"{at}replay/stream/order-1/3", {"why": "/quantity"}).content.decode()
    history = page[page.index('class="history"') :]
    assert re.findall(r'<span class="st">(\d+)</span>', history) == ["3", "1"]
    assert re.search(r'id="why-previous" href="[^"]*/1\?why=%2Fquantity"', page)
    first = viewer.get(f"{at}replay/stream/order-1/1", {"why": "/quantity"}).content.decode()
    assert re.search(r'id="why-next" href="[^"]*/3\?why=%2Fquantity"', first)


def test_a_lost_update_is_marked_and_listed(viewer: Client, append: AppendEvents, at: str) -> None:
    append("list-1", {"agent": "router", "data": b'{"stops": [1]}'}, read_position=0)
    append("list-1", {"agent": "optimizer", "data": b'{"stops": [2]}'}, read_position=0)
    page = viewer.get(f"{at}replay/stream/list-1/1").content.decode()
    assert "1 fault" in page
    assert re.search(r'/replay/stream/list-1/2"><b>Lost update</b>', page)
    assert 'class="glyph found"' in page


@pytest.mark.parametrize("name", ["pin", "break"])
def test_an_address_that_names_too_much_is_refused_in_words(
    viewer: Client, append: AppendEvents, at: str, name: str
) -> None:
    append("s", {})
    twelve = "&".join(f"{name}=/{n}" for n in range(12))
    assert viewer.get(f"{at}replay/stream/s/1?{twelve}").status_code == 200
    answer = viewer.get(f"{at}replay/stream/s/1?{twelve}&{name}=/12")
    assert answer.status_code == 400
    assert f"“{name}” 13 times; a replay takes at most 12" in answer.content.decode()


@pytest.mark.parametrize(
    "query",
    ["pin=" + "/a" * 2_000, "why=" + "/a" * 2_000, "break=" + "x" * 1_001, "to=" + "x" * 1_001, "junk=" + "x" * 4_001],
)
def test_an_address_that_is_too_long_is_refused_in_words(
    viewer: Client, append: AppendEvents, at: str, query: str
) -> None:
    append("s", {})
    answer = viewer.get(f"{at}replay/stream/s/1?{query}")
    assert answer.status_code == 414
    page = answer.content.decode()
    assert "This address is too long" in page
    assert len(page) < 40_000


def test_the_longest_address_makes_no_huge_page(viewer: Client, append: AppendEvents, at: str) -> None:
    append("s", *[{"data": json.dumps({f"k{n}": n}).encode()} for n in range(200)])
    pin = "/a" * ((MAX_QUERY_CHARACTERS - len("pin=")) // len(quote("/a", safe="")))
    answer = viewer.get(f"{at}replay/stream/s/100", {"pin": pin})
    assert answer.status_code == 200
    assert len(answer.content) < 800_000
    assert viewer.get(f"{at}replay/stream/s/100", {"pin": pin + "/a"}).status_code == 414


def test_the_name_of_what_is_replayed_may_be_as_long_as_a_name_can_be(
    viewer: Client, append: AppendEvents, at: str
) -> None:
    name = "🚚" * 197 + "/.a"
    append(name, {})
    assert viewer.get(f"{at}replay/stream/1", {"name": f"{name}"}, follow=True).status_code == 200


def test_a_value_can_be_pinned_before_anything_happened(viewer: Client, at: str) -> None:
    assert viewer.get(f"{at}replay/log/0", {"pin": "/total"}).status_code == 200


@pytest.mark.parametrize(
    "query",
    ["", "&format=pytest", "&format=md", "&why=%2Fn", "&from=130", "&way=next&to=state.n:7"],
    ids=["page", "test", "markdown", "why", "difference", "seek"],
)
def test_a_state_that_is_not_json_is_refused_with_the_reason(
    viewer: Client, append: AppendEvents, at: str, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    odd = Projection("odd", about="For a test.")
    odd.on("*")(lambda state, happened: {"n": 0.5 if happened.version >= 120 else 1})
    monkeypatch.setitem(PROJECTIONS, "odd", odd)
    append("order-1", *[{} for _ in range(320)])
    answer = viewer.get(f"{at}replay/stream/order-1/310?by=odd{query}")
    assert answer.status_code == 409
    assert "/n: a float has lost digits" in answer.content.decode()


@pytest.mark.parametrize("odd_value", [0.5, {1, 2}], ids=["float", "set"])
def test_a_state_that_is_not_json_fails_at_its_step_and_the_steps_before_it_are_shown(
    viewer: Client, append: AppendEvents, at: str, log: Log, monkeypatch: pytest.MonkeyPatch, odd_value: object
) -> None:
    odd = Projection("odd", about="For a test.")
    odd.on("*")(lambda state, happened: {"n": {"value": odd_value if happened.version >= 3 else happened.version}})
    monkeypatch.setitem(PROJECTIONS, "odd", odd)
    append("order-1", *[{} for _ in range(5)])
    before, failing, after = (
        viewer.get(f"{at}replay/stream/order-1/{step}?by=odd&why=%2Fn&from=1") for step in (2, 3, 4)
    )
    assert (before.status_code, failing.status_code, after.status_code) == (200, 200, 200)
    assert "/n/value: a " in failing.content.decode()
    assert "/n/value: a " in after.content.decode()
    steps = run(steps_after(Fold(log.pk, odd, StreamSource("order-1"), 5), after=0, limit=5))
    assert [step.changes is not None for step in steps.steps] == [True, True, False, False, False]
    assert steps.failure
    assert (steps.failure.at.version, steps.failure.state) == (3, {"n": {"value": 2}})
