"""The state of a step: pinned values, the setter of each value, folded branches, the difference between two steps."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from events.models import Log
from projections.jobs import queue
from projections.models import Job
from projections.states.fold import Fold, Pace
from tests.support.fixture_types import AppendEvents


@pytest.fixture(autouse=True)
def order(append: AppendEvents) -> None:
    append(
        "order-1",
        {"type": "Placed", "agent": "shop", "data": b'{"sku": "A-7", "quantity": 2, "to": {"city": "Leeds"}}'},
        {"type": "Paid", "agent": "till", "data": b'{"status": "paid"}'},
        {"type": "Changed", "agent": "shop", "data": b'{"quantity": 3}'},
    )


def state_of(page: str) -> str:
    return page[page.index('id="state"') : page.index('id="event"')]


def setters_of(page: str) -> dict[str, str]:
    """The setter of each value, by key, as the tree shows it."""
    setters = {}
    for row in re.split(r"<li\b", state_of(page)):
        key = re.search(r'<span class="key"><bdi>([^<]*)</bdi>', row)
        setter = re.search(r'class="by"[^>]*>([^<]*?)(?: <bdi>(\w*)</bdi>)?</a>', row)
        if key and setter:
            setters[key[1]] = " ".join(filter(None, setter.groups()))
    return setters


def test_each_value_says_which_step_set_it(viewer: Client, at: str) -> None:
    page = viewer.get(f"{at}replay/stream/order-1/3", {"by": "latest"}).content.decode()
    setters = setters_of(page)
    assert setters["sku"] == "1 shop"
    assert setters["status"] == "2 till"
    assert setters["quantity"] == "3 shop"


def test_an_unchanged_part_is_closed_and_says_since_when(viewer: Client, at: str) -> None:
    page = viewer.get(f"{at}replay/stream/order-1/3").content.decode()
    assert "{ 1 } unchanged since 1<" in state_of(page)
    folded = re.search(r'<details([^>]*)><summary[^>]*>(?:(?!</summary>).)*?"key"><bdi>to<', state_of(page), re.S)
    assert folded
    assert " open" not in folded[1]
    opened = viewer.get(f"{at}replay/stream/order-1/3", {"open": "all"}).content.decode()
    assert "<details open" in state_of(opened)
    assert "Leeds" in state_of(opened)
    assert "/replay/stream/order-1/2?open=all" in opened


def test_only_what_changed_is_shown_where_that_is_wanted(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", {"data": b'{"quantity": 3}'})
    page = viewer.get(f"{at}replay/stream/order-1/3", {"open": "changed"}).content.decode()
    assert re.findall(r'class="key"><bdi>(\w+)<', state_of(page)) == ["quantity"]
    same = viewer.get(f"{at}replay/stream/order-1/4", {"open": "changed"}).content.decode()
    assert "This step changed nothing here." in same


def test_a_pinned_value_is_followed_over_the_steps(viewer: Client, at: str) -> None:
    page = viewer.get(f"{at}replay/stream/order-1/2", {"pin": "/quantity"}).content.decode()
    track = re.findall(r'<svg class="segment[^"]*" x="([^"]*)" [^>]*width="([^"]*)"[^>]*>.*?<text[^>]*>([^<]*)<', page)
    assert track == [("0.000%", "66.667%", "2"), ("66.667%", "33.333%", "3")]
    assert re.search(r'class="pinned".*?<bdi>quantity</bdi>.*?>2</bdi>', page)
    assert f'href="{at}replay/stream/order-1/2" aria-current="true" aria-label="Unpin quantity"' in page


def test_pins_add_up_and_go_one_by_one(viewer: Client, at: str) -> None:
    page = viewer.get(f"{at}replay/stream/order-1/3", {"pin": ["/sku", "/gone"]}).content.decode()
    assert 'href="?pin=%2Fsku&amp;pin=%2Fgone&amp;pin=%2Fquantity"' in page
    assert f'href="{at}replay/stream/order-1/3?pin=%2Fgone" aria-label="Unpin sku"' in page
    assert "no value" in page
    assert page.count('class="pin-label"') == 2
    assert f'{at}replay/stream/order-1/2?pin=%2Fsku&amp;pin=%2Fgone"' in page  # in links to steps, too


def test_only_so_many_values_are_pinned(viewer: Client, at: str) -> None:
    def page(pins: int) -> str:
        answer = viewer.get(f"{at}replay/stream/order-1/3", {"pin": ["/sku", *[f"/{n}" for n in range(pins - 1)]]})
        assert answer.status_code == 200
        return answer.content.decode()

    assert page(11).count('class="pin-label"') == 11
    assert 'aria-label="Pin status"' in page(11)
    assert page(12).count('class="pin-label"') == 12
    assert 'aria-label="Pin status"' not in page(12)
    assert 'aria-label="Unpin sku"' in page(12)


def test_a_part_of_the_state_is_shown_alone(viewer: Client, at: str) -> None:
    page = state_of(viewer.get(f"{at}replay/stream/order-1/3", {"in": "/to"}).content.decode())
    assert "Leeds" in page
    assert ">sku<" not in page
    nothing = state_of(viewer.get(f"{at}replay/stream/order-1/3", {"in": "/nothing"}).content.decode())
    assert "There is no value at <code>/nothing</code>" in nothing


def test_a_large_part_comes_when_it_is_opened(viewer: Client, append: AppendEvents, at: str) -> None:
    items = ", ".join(f'"k{n}": {n}' for n in range(300))
    append("big-1", {"data": b'{"big": {%s}, "n": 1}' % items.encode()}, {"data": b'{"n": 2}'})
    url = f"{at}replay/stream/big-1/2"
    page = state_of(viewer.get(url).content.decode())
    assert ">k7<" not in page
    assert f'hx-get="{url}?part=%2Fbig"' in page
    assert 'href="?in=%2Fbig"' in page
    part = viewer.get(url, {"part": "/big"}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert (part.count('class="key"'), ">k7<" in part, "200 more not shown" in part) == (100, True, True)
    more = viewer.get(url, {"part": "/big", "skip": "200"}, headers={"HX-Request": "true"}).content.decode()
    assert (">k250<" in more, "more not shown" in more) == (True, False)


@pytest.mark.parametrize("compared", [{}, {"from": "1"}])
def test_a_large_new_part_is_not_called_unchanged(
    viewer: Client, append: AppendEvents, at: str, compared: dict[str, str]
) -> None:
    many = ", ".join(f'"k{n}": {n}' for n in range(1_000))
    append("big-1", {"data": b"{}"}, {"data": b'{"huge": {"in": {%s}}}' % many.encode()}, {"data": b'{"n": 2}'})
    url = f"{at}replay/stream/big-1/"
    page = viewer.get(f"{url}2", compared).content.decode()
    part = viewer.get(f"{url}2", compared | {"part": "/huge"}, headers={"HX-Request": "true"}).content.decode()
    assert "{ 1 }" in page
    assert "{ 1,000 }" in part
    assert "unchanged since" not in page + part
    assert "{ 1 } unchanged since 2<" in viewer.get(f"{url}3").content.decode()


def test_a_change_is_shown_however_many_stand_before_it(viewer: Client, append: AppendEvents, at: str) -> None:
    items = ", ".join(f'"k{n}": {n}' for n in range(300))
    append("big-1", {"data": b"{%s}" % items.encode()}, {"data": b'{"k299": "new"}'})
    page = state_of(viewer.get(f"{at}replay/stream/big-1/2").content.decode())
    assert re.search(r'>k299<.*?<bdi class="old val">299</bdi>', page)
    assert ">k298<" not in page


def test_two_steps_are_compared(viewer: Client, at: str) -> None:
    page = state_of(viewer.get(f"{at}replay/stream/order-1/3", {"from": "1"}).content.decode())
    assert "1…3, 2 events" in page
    assert re.search(r'>quantity<.*?<bdi class="old val">2</bdi>.*?>3</bdi>', page)
    assert setters_of(page + 'id="event"')["status"] == "2 till"
    assert setters_of(page + 'id="event"')["quantity"] == "3 shop"
    assert setters_of(page + 'id="event"')["sku"] == "≤ 1"


def test_a_value_that_was_set_before_the_last_block_is_not_dated_before_both_steps(
    viewer: Client, append: AppendEvents, at: str
) -> None:
    append(
        "long-1",
        {"data": b'{"quantity": 0}'},
        {"data": b'{"status": "paid"}'},
        *[{"data": b'{"quantity": %d}' % n} for n in range(1, 1_101)],
    )
    viewer.get(f"{at}replay/stream/long-1/600")  # The job leaves a snapshot, so that the next fold is short.
    page = state_of(viewer.get(f"{at}replay/stream/long-1/1102", {"from": "1"}).content.decode())
    assert setters_of(page + 'id="event"')["status"] == "earlier"


def test_the_difference_is_the_same_from_either_end(viewer: Client, at: str) -> None:
    for here, other in ((1, 3), (3, 1)):
        page = viewer.get(f"{at}replay/stream/order-1/{here}", {"from": other}).content.decode()
        assert re.findall(r'class="step[^"]* between".*?class="n">(\d)<', page) == ["2", "3"]
        assert "1…3, 2 events" in state_of(page)
        assert re.search(r'<bdi class="old val">2</bdi>.*?>3</bdi>', state_of(page))


def test_step_0_and_a_step_far_away_are_compared(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", *[{"agent": "loop", "data": b'{"n": %d}' % n} for n in range(400)])
    page = state_of(viewer.get(f"{at}replay/stream/order-1/0", {"from": "403"}).content.decode())
    assert "0…403, 403 events" in page
    assert setters_of(page + 'id="event"')["n"] == "403 loop"
    assert setters_of(page + 'id="event"')["sku"] == "1 shop"


def test_one_step_is_nothing_to_compare(viewer: Client, at: str) -> None:
    page = viewer.get(f"{at}replay/stream/order-1/2", {"from": "2"}).content.decode()
    assert "Go to another step" in page
    assert f'href="{at}replay/stream/order-1/2" id="compare"' in page
    for wrong in ("x", "-1", "9" * 30, ""):
        assert viewer.get(f"{at}replay/stream/order-1/2", {"from": wrong}).status_code == 200


def test_a_step_that_is_too_far_to_compare_with_is_a_job(
    viewer: Client, append: AppendEvents, at: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    append("order-1", *[{"data": b'{"n": %d}' % n} for n in range(4, 451)])
    monkeypatch.setattr(
        Fold.to, "__kwdefaults__", {**(Fold.to.__kwdefaults__ or {}), "pace": Pace(chunk_events=50, max_events=100)}
    )
    url = f"{at}replay/stream/order-1/1"
    assert "must be folded" in viewer.get(url, {"from": "400"}).content.decode()
    while (job := queue.claim(["replay"])) and job.log_id != log.pk:
        pass  # this one may be of another test
    assert job
    queue.do(job)
    assert "1…400, 399 events" in viewer.get(url, {"from": "400"}).content.decode()


def history(viewer: Client, at: str, step: int, pointer: str) -> str:
    page = viewer.get(f"{at}replay/stream/list-1/{step}", {"why": pointer}).content.decode()
    return page[page.index('id="why-h"') : page.index("</section>", page.index('id="why-h"'))]


def test_the_causes_of_a_change_are_shown_up_to_the_first_one(viewer: Client, append: AppendEvents, at: str) -> None:
    first, second = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
    append("ask-1", {"type": "Asked", "agent": "human", "id": first})
    append("list-1", {"type": "Planned", "agent": "planner", "id": second, "causation_id": first})
    append("list-1", {"type": "Set", "causation_id": second, "data": b'{"title": "Wonder Woman"}'})
    append("list-1", {"type": "Noted", "data": b'{"note": 1}'})
    causes = history(viewer, at, 3, "/title")
    chain = re.findall(r'<dd><a class="linked" href="([^"]*)" title="(\w+)"', causes)
    assert chain == [(f"{at}replay/stream/list-1/1?why=%2Ftitle", "Planned"), (f"{at}events/4", "Asked")]
    assert "not in this log" not in causes


def test_a_cause_that_is_not_in_the_log_is_named(viewer: Client, append: AppendEvents, at: str) -> None:
    unknown = "00000000-0000-0000-0000-00000000abcd"
    append("list-1", {"causation_id": unknown, "data": b'{"title": "x"}'})
    assert f"{unknown}, not in this log" in history(viewer, at, 1, "/title")


def test_an_equal_value_just_before_is_offered_and_no_more_than_that(
    viewer: Client, append: AppendEvents, at: str
) -> None:
    append("list-1", {"data": b'{"draft": {"title": "Wonder Woman"}, "n": 1}'})
    append("list-1", {"data": b'{"title": "Wonder Woman", "m": 1}'})
    append("list-1", {"data": b'{"copy": "Wonder Woman"}'})
    chain = history(viewer, at, 3, "/title")
    assert "Just before, an equal value was at" in chain
    assert re.findall(r'/list-1/1\?why=([^"]*)"><bdi>([^<]*)<', chain) == [("%2Fdraft%2Ftitle", "/draft/title")]
    assert "an equal value" not in history(viewer, at, 3, "/m")
    assert "an equal value" not in history(viewer, at, 1, "/draft/title")


def test_a_job_that_was_cancelled_is_said_to_be_and_not_begun_again(
    viewer: Client, append: AppendEvents, at: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    append("order-1", *[{}] * 450)
    monkeypatch.setattr(
        Fold.to, "__kwdefaults__", {**(Fold.to.__kwdefaults__ or {}), "pace": Pace(chunk_events=50, max_events=100)}
    )
    url = f"{at}replay/stream/order-1/400"
    page = viewer.get(url).content.decode()
    assert "/cancel" not in page  # a viewer may not cancel it
    [job] = Job.objects.filter(log=log, kind="replay", status="queued", arguments__projection="latest")
    queue.cancel(log.pk, job.id)
    headers = {"HX-Request": "true", "X-Job": str(job.id)}
    page = viewer.get(url, headers=headers).content.decode()
    assert "The fold was cancelled" in page
    assert "every 1s" not in page
    assert Job.objects.filter(log=log, kind="replay", arguments__projection="latest").count() == 1
    assert "must be folded" in viewer.get(url).content.decode()  # a new look begins the job again


def test_a_removed_value_is_shown_as_removed(viewer: Client, append: AppendEvents, at: str) -> None:
    append("list-1", {"data": b'{"stops": ["a", "b"]}'}, {"agent": "optimizer", "data": b'{"stops": ["a"]}'})
    page = viewer.get(f"{at}replay/stream/list-1/2").content.decode()
    assert re.search(r'class="tree-row d1 del"><span class="tail"><a class="by"[^>]*>2 <bdi>optimizer</bdi>', page)
    assert 'aria-label="Pin 1"' not in page


def test_a_step_is_compared_with_the_last_one_where_the_other_is_beyond_it(
    viewer: Client, at: str, append: AppendEvents
) -> None:
    append("order-9", *[{"data": b'{"n": %d}' % n} for n in range(3)])
    append("other-1", *[{}] * 20)
    beyond = state_of(viewer.get(f"{at}replay/stream/order-9/1", {"from": "9"}).content.decode())
    assert "1…3, 2 events" in beyond
    assert '<bdi class="old val">0</bdi>' in beyond
