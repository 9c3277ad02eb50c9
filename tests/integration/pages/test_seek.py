"""Seeks by a form and by links, without a script."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from events.models import Log, Role
from projections.definition.projection import Decoded, Projection
from projections.jobs import queue
from projections.models import Job, JobStatus
from projections.registry import PROJECTIONS
from projections.replay.seek import look, search
from projections.states.fold import Pace
from tests.support.factories import make_member, make_user
from tests.support.fixture_types import AppendEvents


@pytest.fixture
def replay(append: AppendEvents, at: str) -> str:
    """A stream with the steps 1 to 9; each third is a `Paid` that changes `status`."""
    for n in range(1, 10):
        agent = ("router", "packer")[n % 2]
        if n % 3:
            append("order-1", {"type": "Changed", "agent": agent, "data": b'{"quantity": %d}' % n})
        else:
            append("order-1", {"type": "Paid", "agent": agent, "data": b'{"status": "paid %d"}' % n})
    return f"{at}replay/stream/order-1/"


def landing(client: Client, replay: str, step: int, **parameters: Any) -> tuple[int, dict[str, list[str]]]:
    """The step that a seek leads to, and the query of its address."""
    answer = client.get(f"{replay}{step}", parameters)
    assert answer.status_code == 302, message_of(answer.content.decode())
    to = urlsplit(answer["Location"])
    return int(to.path.rpartition("/")[2]), parse_qs(to.query)


def message(client: Client, replay: str, step: int, **parameters: Any) -> str:
    """The message of a seek that leads to no step."""
    answer = client.get(f"{replay}{step}", parameters)
    assert answer.status_code == 200
    return message_of(answer.content.decode())


def message_of(page: str) -> str:
    match = re.search(r'id="seek-said"[^>]*>(.*?)</div>\s*</div>', page, re.DOTALL)
    return html.unescape(" ".join(re.sub(r"<[^>]+>", "", match[1]).split())) if match else ""


@pytest.mark.parametrize(
    ("step", "way", "to", "expected_step"),
    [
        (1, "next", "type:Paid", 3),
        (3, "next", "type:Paid", 6),
        (3, "previous", "agent:router", 2),
        (9, "previous", "state.quantity<5", 4),
        (0, "next", 'state.status:"paid 6" state.quantity:8', 8),
        (1, "next", "changed:/status", 3),
        (8, "previous", "changed:/status", 6),
    ],
)
def test_one_runs_to_the_next_or_previous_step_that_fits(
    viewer: Client, replay: str, step: int, way: str, to: str, expected_step: int
) -> None:
    assert landing(viewer, replay, step, way=way, to=to) == (expected_step, {"to": [to]})
    page = viewer.get(f"{replay}{expected_step}", {"to": to}).content.decode()
    assert f'name="to" value="{to}"'.replace('"paid 6"', "&#34;paid 6&#34;").replace("<5", "&lt;5") in page


def test_one_runs_to_what_failed_by_its_type_or_its_data(viewer: Client, replay: str, append: AppendEvents) -> None:
    append("order-1", {"type": "Sent", "data": b'{"error": "no van"}'}, {"type": "Sent"}, {"type": "SendingFailed"})
    assert landing(viewer, replay, 1, way="next", failed="1", pin="/status") == (10, {"pin": ["/status"]})
    assert landing(viewer, replay, 10, way="next", failed="1") == (12, {})
    assert landing(viewer, replay, 12, way="previous", failed="1") == (10, {})
    assert "none fits" in message(viewer, replay, 10, way="previous", failed="1")


def test_to_run_on_the_steps_around_are_not_folded_first(
    viewer: Client, replay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def folded(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr("projections.replay.views.page.window_at", folded)
    assert landing(viewer, replay, 1, way="next", to="type:Paid")[0] == 3
    assert landing(viewer, replay, 4, way="previous", watch="/status")[0] == 3


def test_a_seek_keeps_the_other_parameters_of_the_page(viewer: Client, replay: str) -> None:
    step, query = landing(
        viewer, replay, 1, way="next", to="type:Paid", by="latest", pin="/status", **{"break": "type:X"}
    )
    assert (step, query) == (3, {"by": ["latest"], "pin": ["/status"], "break": ["type:X"], "to": ["type:Paid"]})


def test_a_search_without_a_match_says_how_much_it_searched(viewer: Client, replay: str) -> None:
    assert message(viewer, replay, 2, way="next", to="type:Nothing") == "Searched 7 steps, 3 to 9: none fits."
    assert message(viewer, replay, 5, way="previous", to="state.quantity>100") == "Searched 4 steps, 1 to 4: none fits."
    assert message(viewer, replay, 9, way="next", to="type:*") == "There is no step after this one."


def test_in_a_workflow_the_search_is_said_in_positions_of_the_log(
    viewer: Client, append: AppendEvents, at: str
) -> None:
    for _ in range(3):
        append("a", {"type": "A", "correlation_id": "w"})
        append("b", {"type": "B"})
    where = f"{at}replay/workflow/w/"
    assert landing(viewer, where, 1, way="next", to="type:A")[0] == 3
    assert message(viewer, where, 1, way="next", to="type:B") == (
        "Searched this workflow from #2 to #5 of the log: none fits."
    )


@pytest.mark.parametrize("way", ["next", "previous", "break"])
def test_a_query_that_cant_be_read_says_where_it_goes_wrong(viewer: Client, replay: str, way: str) -> None:
    words = message(viewer, replay, 2, way=way, to="tpye:Paid")
    assert "This condition can’t be read. Column 1:" in words
    assert "Did you mean type:?" in words
    assert "Write a condition to" in message(viewer, replay, 2, way=way, to=" ")


@pytest.mark.parametrize("way", ["", "nowhere", "next\0"])
def test_a_way_that_there_is_not_leads_nowhere(viewer: Client, replay: str, way: str) -> None:
    assert message(viewer, replay, 2, way=way, to="type:Paid") == "This is not a direction to run."


def test_relative_times_are_those_of_when_one_asked(viewer: Client, replay: str) -> None:
    _, query = landing(viewer, replay, 1, way="next", to="since:2h")
    assert re.fullmatch(r"since:20\S+", query["to"][0])


def test_a_pinned_value_leads_to_what_changes_it(viewer: Client, replay: str) -> None:
    page = viewer.get(f"{replay}4", {"pin": "/status"}).content.decode()
    ways = re.findall(r'href="([^"]*watch=%2Fstatus[^"]*)"', page)
    targets = [viewer.get(way.replace("&amp;", "&"))["Location"].partition("?")[0] for way in ways]
    assert targets == [f"{replay}3", f"{replay}6"]


def test_one_click_leads_to_the_same_type_agent_or_stream(viewer: Client, replay: str, at: str) -> None:
    page = viewer.get(f"{replay}4").content.decode()
    for title, step in (
        ("Next Changed", 5),
        ("Previous Changed", 2),
        ("Next router", 6),
        ("Previous router", 2),
    ):
        (href,) = re.findall(rf'<a href="([^"]*)"[^>]* aria-label="{title}"', page)
        assert viewer.get(href.replace("&amp;", "&"))["Location"].partition("?")[0] == f"{replay}{step}"
    assert "Next order-1" not in page
    assert "Next order-1" in viewer.get(f"{at}replay/log/4").content.decode()


def test_a_pinned_value_is_offered_as_a_change_and_not_as_the_same(viewer: Client, replay: str) -> None:
    page = viewer.get(f"{replay}4", {"pin": "/status"}).content.decode()
    groups = re.findall(r'id="quick-\d">(.*?)</span>(.*?)</ul>', page, re.DOTALL)
    names = [(words, re.findall(r'aria-label="Next ([^"]*)"', picks)) for words, picks in groups]
    assert names == [
        ("Same", ["Changed", "router"]),
        ("Any", ["step that failed"]),
        ("Change of", ["change of /status"]),
    ]


def test_a_breakpoint_stands_in_the_address_and_is_marked(viewer: Client, replay: str) -> None:
    step, query = landing(viewer, replay, 2, way="break", to="state.quantity>4", **{"break": "type:Paid"})
    assert (step, query) == (2, {"break": ["type:Paid", "state.quantity>4"]})
    page = viewer.get(f"{replay}2", {"break": query["break"]}).content.decode()
    marked = [int(n) for n in re.findall(r'data-break><a href="[^"?]*/(\d+)\?', page)]
    assert marked == [3, 5, 6, 7, 8, 9]
    assert page.count('<path class="break"') == len(marked)
    removed = re.findall(r'href="([^"]*)" aria-label="Remove the breakpoint', page)
    assert [parse_qs(urlsplit(href.replace("&amp;", "&")).query) for href in removed] == [
        {"break": ["state.quantity>4"]},
        {"break": ["type:Paid"]},
    ]


def test_one_continues_to_the_next_breakpoint_of_any(viewer: Client, replay: str) -> None:
    breaks = {"break": ["type:Nothing", "state.quantity:4", "type:Paid state.quantity>6"]}
    assert landing(viewer, replay, 0, way="continue", **breaks)[0] == 4
    assert landing(viewer, replay, 4, way="continue", **breaks)[0] == 9
    assert landing(viewer, replay, 9, way="reverse", **breaks)[0] == 4
    assert message(viewer, replay, 9, way="continue", **breaks) == "There is no step after this one."
    assert message(viewer, replay, 9, way="continue") == "There is no breakpoint to run to."


def test_a_wrong_condition_does_not_hinder_another_seek(viewer: Client, replay: str) -> None:
    assert landing(viewer, replay, 1, way="continue", to="(", **{"break": "type:Paid"})[0] == 3
    assert landing(viewer, replay, 1, way="next", to="(", watch="/status")[0] == 3


def test_a_breakpoint_that_cant_be_read_says_so_and_stops_nowhere(viewer: Client, replay: str) -> None:
    breaks = {"break": ["type:", "type:Paid"]}
    page = viewer.get(f"{replay}2", breaks).content.decode()
    assert 'class="chip wrong" title="Column ' in page
    assert landing(viewer, replay, 2, way="continue", **breaks)[0] == 3


def test_there_are_a_dozen_breakpoints_at_the_most(viewer: Client, replay: str) -> None:
    breaks = {"break": [f"type:T{n}" for n in range(12)]}
    assert message(viewer, replay, 2, way="break", to="type:X", **breaks) == ("There can be at most 12 breakpoints.")
    assert landing(viewer, replay, 2, way="break", to="type:T3", **breaks)[0] == 2


def test_a_failing_reducer_in_the_way_is_named_and_linked(
    viewer: Client, replay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def picky(state: Any, happened: Decoded) -> Any:
        if happened.version == 6:
            raise ValueError("<b>no</b>")
        return {"n": happened.version}

    failing = Projection("latest", about="")
    failing.on("*")(picky)
    monkeypatch.setitem(PROJECTIONS, "latest", failing)
    words = message(viewer, replay, 2, way="next", to="state.n>7")
    assert words.startswith(
        "Searched 3 steps, 3 to 5: none fits. The reducer raised, and the steps after that have no state"
    )
    assert words.endswith("Go to step 6")
    assert f'href="{replay}6?to=' in viewer.get(f"{replay}2", {"way": "next", "to": "state.n>7"}).content.decode()
    assert landing(viewer, replay, 2, way="next", to="type:Paid data.status:paid*")[0] == 3
    assert landing(viewer, replay, 8, way="previous", to="state.n>0")[0] == 5


def test_a_condition_that_raises_is_said_with_the_step(
    viewer: Client, replay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(query: Any) -> Any:
        def fits(event: Any, state: Any, changed: Any) -> bool:
            raise ZeroDivisionError("<b>oh</b>")

        return fits

    monkeypatch.setattr(look, "step_matcher", raising)
    assert message(viewer, replay, 2, way="next", to="state.n:1") == (
        "The condition raised ZeroDivisionError: <b>oh</b>. Go to step 3"
    )


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request folds at most two events before it leaves the rest to a job."""
    monkeypatch.setattr(
        search.seek,
        "__kwdefaults__",
        {**(search.seek.__kwdefaults__ or {}), "pace": Pace(chunk_events=2, max_events=2)},
    )


def do(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(status=JobStatus.RUNNING, attempt=1)
    queue.do(Job.objects.get(pk=job.pk))


@pytest.mark.usefixtures("narrow")
def test_a_long_search_is_a_job_that_leads_to_the_step(viewer: Client, replay: str) -> None:
    parameters = {"way": "next", "to": "state.quantity:8"}
    step, query = landing(viewer, replay, 1, **parameters)
    job = Job.objects.get(id=int(query.pop("job")[0]))
    assert (step, query) == (1, {"way": ["next"], "to": ["state.quantity:8"]})
    here: dict[str, Any] = {**parameters, "job": job.id}
    assert message(viewer, replay, 1, **here).startswith("Searching. A worker starts this within a second, if a")
    Job.objects.filter(pk=job.pk).update(status=JobStatus.RUNNING, progress=4, total=9)
    assert "4 of 9 done" in message(viewer, replay, 1, **here)
    partial = viewer.get(f"{replay}1", here, headers={"HX-Request": "true", "HX-Target": "seek-said"})
    assert partial.content.decode().strip().startswith('<div class="sought" id="seek-said" hx-get=')
    do(job)
    assert landing(viewer, replay, 1, **here) == (8, {"to": ["state.quantity:8"]})
    moved = viewer.get(f"{replay}1", here, headers={"HX-Request": "true", "HX-Target": "seek-said"})
    assert f'"path": "{replay}8?to=' in moved["HX-Location"]


@pytest.mark.usefixtures("narrow")
def test_a_breakpoint_with_a_relative_time_is_sought_by_one_job(viewer: Client, replay: str) -> None:
    _, query = landing(viewer, replay, 0, way="continue", **{"break": ["since:2000d state.nothing<0", "type:Nothing"]})
    assert re.fullmatch(r"since:20\S+ state\.nothing<0", query["break"][0])
    assert query["break"][1] == "type:Nothing"
    assert message(viewer, replay, 0, **query).startswith("Searching.")
    job = Job.objects.get(id=int(query["job"][0]))
    do(job)
    assert message(viewer, replay, 0, **query) == "Searched 9 steps, 1 to 9: none fits."


@pytest.mark.usefixtures("narrow")
def test_a_job_that_found_none_says_how_much_it_searched(viewer: Client, replay: str) -> None:
    parameters = {"way": "previous", "to": "state.quantity>8"}
    _, query = landing(viewer, replay, 9, **parameters)
    do(Job.objects.get(id=int(query["job"][0])))
    assert message(viewer, replay, 9, **parameters, job=query["job"][0]) == "Searched 8 steps, 1 to 8: none fits."


@pytest.mark.usefixtures("narrow")
def test_every_viewer_of_a_search_may_cancel_it(viewer: Client, replay: str, at: str) -> None:
    parameters = {"way": "next", "to": "state.quantity:7"}
    _, query = landing(viewer, replay, 1, **parameters)
    here = f"{replay}1?way=next&to=state.quantity:7&job={query['job'][0]}"
    answer = viewer.post(f"{at}seeks/{query['job'][0]}/cancel", {"back": here})
    assert answer["Location"] == here
    assert message(viewer, replay, 1, **parameters, job=query["job"][0]) == "The search was cancelled. Search again"
    for back in ("https://example.com/", "//example.com", ""):
        answer = viewer.post(f"{at}seeks/{query['job'][0]}/cancel", {"back": back})
        assert answer["Location"] == at


def test_no_other_job_is_cancelled_as_a_search(viewer: Client, log: Log, at: str) -> None:
    other = Job.objects.create(log_id=log.pk, kind="rebuild", key="k", arguments={})
    assert viewer.post(f"{at}seeks/{other.id}/cancel").status_code == 404
    assert not Job.objects.get(pk=other.pk).is_cancel_requested
    outsider = Client()
    user = make_user()
    make_member(Log.objects.create(name=f"{log.name}-x"), user=user, role=Role.ADMIN)
    outsider.force_login(user)
    assert outsider.post(f"{at}seeks/{other.id}/cancel").status_code == 404


@pytest.mark.usefixtures("narrow")
def test_another_searchs_job_answers_nothing(viewer: Client, replay: str) -> None:
    _, query = landing(viewer, replay, 1, way="next", to="state.quantity:8")
    _, other = landing(viewer, replay, 1, way="next", to="state.quantity:7", job=query["job"][0])
    assert other["job"] != query["job"]
    assert landing(viewer, replay, 1, way="next", to="state.quantity:8", job=2**62)[1]["job"] == query["job"]


@pytest.mark.parametrize(("pointer", "step"), [("/status", 3), ("", 2)])
def test_the_history_of_a_value_offers_to_break_on_its_change(
    viewer: Client, replay: str, pointer: str, step: int
) -> None:
    def offers(parameters: dict[str, Any]) -> dict[str, list[str]]:
        page = viewer.get(f"{replay}1", parameters).content.decode()
        [href] = re.findall(r'id="why-break" href="([^"]*)"', page)
        return parse_qs(urlsplit(href.replace("&amp;", "&")).query, keep_blank_values=True)

    parameters = offers({"why": pointer})
    assert landing(viewer, replay, 1, way="continue", **parameters)[0] == step
    assert "break" not in offers(parameters)


def test_an_empty_breakpoint_says_nothing(viewer: Client, replay: str) -> None:
    assert message(viewer, replay, 2, way="continue", **{"break": ["", " "]}) == "There is no breakpoint to run to."
