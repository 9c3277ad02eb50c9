"""The pages of projections: their progress, their states by key, and the orders of an operator."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from events.models import Log, Role
from projections.catalog.lifecycle import lifecycle
from projections.jobs import queue
from projections.materialise import checkpoints, standing
from projections.models import Checkpoint, Job, Parked, Policy, Status
from tests.support.factories import make_log, make_member
from tests.support.fixture_types import AppendEvents
from tests.support.running import append as append_all
from tests.support.running import declare_only, live, poisoned, settle, totals, varied

BY_ORDER = totals(name="totals", policy="stop")


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    declare_only(monkeypatch, BY_ORDER)


@pytest.fixture
def built(log: Log) -> None:
    append_all(log, varied(22))
    settle(log, BY_ORDER)


@pytest.fixture
def operator(client: Client, log: Log, user: User) -> Client:
    make_member(log, user=user, role=Role.OPERATOR)
    client.force_login(user)
    return client


def get(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status
    return answer.content.decode()


@pytest.mark.usefixtures("built")
def test_the_list_says_where_each_projection_stands(viewer: Client, at: str, log: Log) -> None:
    assert "Live" in get(viewer, f"{at}projections/")
    checkpoints.pause(log.pk, "totals", live(log).build)
    assert "Paused" in get(viewer, f"{at}projections/")


def test_one_that_nobody_built_says_so(viewer: Client, at: str) -> None:
    assert "Not built" in get(viewer, f"{at}projections/")
    assert "A projection runner begins the build" in get(viewer, f"{at}projections/totals/")


@pytest.mark.usefixtures("built")
def test_one_that_has_events_to_fold_and_does_not_advance_for_minutes_is_stalled(
    viewer: Client, at: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    Checkpoint.objects.filter(log=log).update(advanced_at="2026-01-01T00:00Z")
    append_all(log, varied(1))
    assert "Stalled" not in get(viewer, f"{at}projections/")  # the event has only just come
    monkeypatch.setattr(standing, "_STALLED", timedelta(0))
    assert "Stalled" in get(viewer, f"{at}projections/")


@pytest.mark.usefixtures("built")
def test_one_that_is_far_behind_the_log_is_not_called_live(
    viewer: Client, at: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_all(log, varied(3))
    assert "Live" in get(viewer, f"{at}projections/")
    monkeypatch.setattr(standing, "_MAX_LIVE_LAG", 2)
    page = get(viewer, f"{at}projections/")
    assert "Catching up" in page
    assert "Live" not in page


@pytest.mark.usefixtures("built")
def test_other_code_asks_for_a_rebuild(viewer: Client, at: str, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    declare_only(monkeypatch, totals(name="totals", marker=2))
    assert "Code changed: rebuild" in get(viewer, f"{at}projections/totals/")


@pytest.mark.usefixtures("built")
def test_a_projection_shows_its_declaration_and_source(viewer: Client, at: str) -> None:
    page = get(viewer, f"{at}projections/totals/")
    assert "For a test." in page
    assert "A, B*, Poisoned" in page


@pytest.mark.usefixtures("built")
def test_a_viewer_orders_nothing_and_an_operator_pauses_and_resumes(
    client: Client, user: User, at: str, log: Log
) -> None:
    member = make_member(log, user=user)
    client.force_login(user)
    order, build = f"{at}projections/totals/orders/pause", {"build": live(log).build}
    assert "Pause" not in get(client, f"{at}projections/totals/")
    assert client.post(order, build).status_code == 404
    assert client.get(f"{at}projections/totals/rebuild").status_code == 404
    member.role = Role.OPERATOR
    member.save()
    assert "The projection is paused" in client.post(order, build, follow=True).content.decode()
    assert live(log).state == "paused"
    assert "is running" in client.post(order, build, follow=True).content.decode()
    client.post(f"{at}projections/totals/orders/resume", build)
    assert live(log).state == "live"


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("order", "body"), [("nope", {}), ("pause", {}), ("pause", {"build": "x"}), ("policy", {"policy": "pray"})]
)
def test_an_order_that_is_none_changes_nothing(
    operator: Client, at: str, log: Log, order: str, body: dict[str, str]
) -> None:
    answer = operator.post(f"{at}projections/totals/orders/{order}", body, follow=True)
    assert answer.status_code == 200
    assert "There is no such action." in answer.content.decode()
    assert live(log).state == "live"


def test_a_stopped_build_shows_the_event_and_goes_on_behind_it(operator: Client, at: str, log: Log) -> None:
    append_all(log, [*varied(3), poisoned("order-1"), *varied(3)])
    settle(log, BY_ORDER)
    page = get(operator, f"{at}projections/totals/")
    assert "The projection stopped" in page
    assert f'href="{at}events/4"' in page
    assert "RuntimeError: poisoned" in page
    operator.post(f"{at}projections/totals/orders/skip", {"build": live(log).build})
    settle(log, BY_ORDER)
    assert (live(log).state, live(log).skipped, live(log).lag) == ("live", 1, 0)


def test_parked_keys_show_state_event_and_traceback_and_are_skipped(operator: Client, at: str, log: Log) -> None:
    append_all(log, varied(3))
    settle(log, BY_ORDER)
    operator.post(f"{at}projections/totals/orders/policy", {"policy": Policy.PARK})
    append_all(log, [poisoned("order-<b>"), *varied(3)])
    settle(log, BY_ORDER)
    page = get(operator, f"{at}projections/totals/")
    assert "Traceback (most recent call last)" in page
    assert "order-&lt;b&gt;" in page
    assert f'href="{at}events/4"' in page
    state = get(operator, f"{at}projections/totals/state?key=order-%3Cb%3E")
    assert "Parked at" in state
    assert 'hx-get="?part=parked"' not in page
    Parked.objects.filter(log=log).update(is_retried=True)
    part = operator.get(f"{at}projections/totals/?part=parked", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<section class="parked" id="parked"')
    assert 'hx-get="?part=parked"' in part
    Parked.objects.filter(log=log).update(is_retried=False)
    operator.post(f"{at}projections/totals/orders/skip-parked", {"build": live(log).build, "key": "order-<b>"})
    settle(log, BY_ORDER)
    assert live(log).parked == 0
    emptied_part = operator.get(f"{at}projections/totals/?part=parked", headers={"HX-Request": "true"})
    assert emptied_part.content.strip() == b""


@pytest.mark.usefixtures("built")
def test_a_rebuild_is_tried_on_five_keys_first(
    operator: Client, at: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_only(monkeypatch, totals(name="totals", marker=2))
    tried = operator.post(f"{at}projections/totals/rebuild")["Location"]
    assert "A worker starts this" in get(operator, tried)
    job = Job.objects.get(log=log)
    Job.objects.filter(pk=job.pk).update(status=Status.RUNNING, attempt=1)
    job.refresh_from_db()
    queue.do(job)
    page = get(operator, tried)
    assert page.count("value would change") == 5
    assert "/marker" in page
    operator.post(f"{at}projections/totals/orders/rebuild")
    assert {build.state for build in checkpoints.progress(log)} == {"code changed", "building"}
    operator.post(f"{at}projections/totals/orders/cancel")
    assert {build.state for build in checkpoints.progress(log)} == {"code changed"}


@pytest.mark.parametrize("page", ["", "states", "state?key=x", "rebuild", "orders/pause"])
def test_a_projection_that_is_not_declared_is_a_404(operator: Client, at: str, page: str) -> None:
    url = f"{at}projections/nope/{page}"
    assert (operator.post(url) if "orders" in page else operator.get(url)).status_code == 404


def keys(page: str) -> list[str]:
    return re.findall(r'<th scope="row" class="mono key"><a [^>]*title="([^"]*)"', page)


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("prefix=order-1", ["order-1", "order-10"]),
        ("after=order-7", ["order-8", "order-9"]),
        ("q=state.sum%3C-1e9", []),
        ("prefix=order-1&q=has:state.marker", ["order-1", "order-10"]),
    ],
)
def test_states_are_listed_by_prefix_and_query(viewer: Client, at: str, query: str, expected: list[str]) -> None:
    assert keys(get(viewer, f"{at}projections/totals/states?{query}")) == expected


@pytest.mark.parametrize("page", ["workflows/", "agents/"])
def test_unfinished_work_is_found_from_the_lists(
    viewer: Client, at: str, log: Log, append: AppendEvents, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_only(monkeypatch, lifecycle)
    for workflow, types in (("done", ["PaymentInitiated", "PaymentCaptured"]), ("open", ["PaymentInitiated"])):
        append(f"payment-{workflow}", *({"type": type, "correlation_id": workflow} for type in types))
    settle(log, lifecycle)
    link = re.search(r'href="([^"]+)">\s*Begun, not finished', get(viewer, f"{at}{page}"))
    assert link
    assert keys(get(viewer, link[1])) == ["open"]


@pytest.mark.usefixtures("built")
def test_states_page_on_to_the_last_one(viewer: Client, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.views.states.ROWS", 4)
    query, keys_shown = "?", list[str]()
    while query:
        page = get(viewer, f"{at}projections/totals/states{query}")
        keys_shown += keys(page)
        link = re.search(r'rel="next" href="([^"]+)"', page)
        query = link[1].replace("&amp;", "&") if link else ""
    assert keys_shown == sorted(f"order-{n}" for n in range(11))


@pytest.mark.parametrize("q", ["type:A", "state.sum>(", "state."])
def test_a_query_that_can_not_be_read_is_a_400_that_says_why(viewer: Client, at: str, q: str) -> None:
    answer = viewer.get(f"{at}projections/totals/states", {"q": q})
    assert answer.status_code == 400
    assert "can’t be read" in answer.content.decode()


def test_twins_are_the_answers_of_the_api(viewer: Client, at: str, log: Log) -> None:
    for page, address in (
        ("", "/api/projections?"),
        ("totals/", "/api/projections/totals?"),
        ("totals/states", "/api/projections/totals/states?"),
        ("totals/state?key=a%26b", "/api/projections/totals/state?"),
    ):
        to = viewer.get(f"{at}projections/{page}{'&' if '?' in page else '?'}format=json")["Location"]
        assert to.startswith(f"{address}log={log.name}")
    assert "key=a%26b" in to
    location = viewer.get(f"{at}projections/totals/states?prefix=a%26&q=has:state.sum&format=json")["Location"]
    assert location.endswith("&prefix=a%26&q=has%3Astate.sum")


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("", "- `totals` v1: live, at #22, 0 events behind, 0 keys parked"),
        ("totals/", "- build 1 of v1: live, at #22 of 22"),
        ("totals/states?prefix=order-1", "- `order-10`: 2 events to #"),
        ("totals/state?key=order-1", '"marker":1'),
        ("totals/state?key=order-1&from=1", "## From #1 to #"),
        ("totals/state?key=order-1&at_version=2", "- `/sum`: #"),
        ("totals/state?key=order-1&value=/sum", "## History of `/sum`"),
        ("totals/state?key=order-1&at_version=99", "has no version 99"),
    ],
)
def test_pages_have_twins_in_markdown(viewer: Client, at: str, page: str, words: str) -> None:
    answer = viewer.get(f"{at}projections/{page}{'&' if '?' in page else '?'}format=md")
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert words in answer.content.decode()
    accepted = viewer.get(f"{at}projections/{page}", headers={"Accept": "text/markdown"})
    assert accepted["Content-Type"] == answer["Content-Type"]


def test_accept_asks_for_a_twin_and_a_browser_gets_the_page(viewer: Client, at: str) -> None:
    assert viewer.get(f"{at}projections/", headers={"Accept": "application/json"}).status_code == 302
    for accept in ("text/html,application/xhtml+xml,*/*;q=0.8", "*/*", ""):
        assert viewer.get(f"{at}projections/", headers={"Accept": accept})["Content-Type"].startswith("text/html")


def test_a_job_of_another_log_is_not_cancelled(operator: Client, at: str, append: AppendEvents) -> None:
    job = Job.objects.create(log=make_log(), kind="fold", key="k", arguments={})
    assert operator.post(f"{at}jobs/{job.id}/cancel").status_code == 404
    job.refresh_from_db()
    assert not job.is_cancel_requested


def test_work_that_goes_on_is_listed_and_cancelled(operator: Client, at: str, log: Log) -> None:
    arguments = {"projection": "totals", "key": "order-<1>"}
    job = Job.objects.create(log=log, kind="fold", key="k", arguments=arguments, progress=5, total=10)
    assert "order-&lt;1&gt;" in get(operator, f"{at}projections/")
    operator.post(f"{at}jobs/{job.id}/cancel")
    assert "order-&lt;1&gt;" not in get(operator, f"{at}projections/")


@pytest.mark.usefixtures("built")
def test_pages_cost_a_fixed_number_of_queries(
    viewer: Client, at: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # session, user, membership with its log; letters to decide; builds with the head and their parked keys; lags; jobs
    with django_assert_num_queries(7):
        viewer.get(f"{at}projections/")
    # the same three; progress, the end of the slice, its states, the versions of their last events, their faults
    with django_assert_num_queries(9):
        viewer.get(f"{at}projections/totals/states")
