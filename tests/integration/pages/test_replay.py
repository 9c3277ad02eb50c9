"""The replay of one stream."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from events.models import Log
from events.types import StreamInfo
from projections import replay
from projections.registry import PROJECTIONS
from projections.types import Decoded, Projection
from tests.integration.pages.conftest import Append


def page_of(client: Client, at: str, step: int) -> str:
    answer = client.get(f"{at}replay/stream/order-1/{step}")
    assert answer.status_code == 200
    return answer.content.decode()


def ways(page: str) -> dict[str, str]:
    return dict(re.findall(r'data-step="(\w+)" href="[^"]*/(\d+)"', page))


@pytest.fixture
def order(append: Append) -> None:
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
    assert "&quot;paid&quot;" in page


@pytest.mark.usefixtures("order")
def test_the_cursor_is_marked_and_the_rest_is_ahead(viewer: Client, at: str) -> None:
    page = page_of(viewer, at, 2)
    assert page.count('aria-current="step"') == 1
    assert (page.count('class="step now"'), page.count('class="step ahead"')) == (1, 1)


@pytest.mark.usefixtures("order")
def test_step_0_is_the_state_before_anything_happened(viewer: Client, at: str) -> None:
    assert "before anything happened" in page_of(viewer, at, 0)
    assert "No event yet" in page_of(viewer, at, 0)


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize(("typed", "step"), [("1", 1), ("99", 3), ("x", 2), ("-1", 2), ("", 2)])
def test_the_box_goes_to_a_step_of_the_stream(viewer: Client, at: str, typed: str, step: int) -> None:
    answer = viewer.get(f"{at}replay/stream/order-1/2", {"step": typed})
    assert answer["Location"].endswith(f"/replay/stream/order-1/{step}")


def test_folding_in_blocks_gives_the_state_of_folding_at_once(log: Log, append: Append) -> None:
    append("s", *[{"data": b'{"n": %d, "k%d": true}' % (n, n % 7)} for n in range(1, 1203)])
    found = replay.replay_stream(log.pk, StreamInfo("s", None, 1202, 1202), n=1201, projection=PROJECTIONS["latest"])
    assert found.step
    assert found.step.after == {"n": 1201, **{f"k{n}": True for n in range(7)}}
    assert found.step.before == {"n": 1200, **{f"k{n}": True for n in range(7)}}


def test_a_long_stream_lists_the_events_around_the_step(viewer: Client, append: Append, at: str) -> None:
    append("order-1", *[{}] * 450)
    page = page_of(viewer, at, 225)
    assert page.count('<li class="step') == 201
    assert "124 earlier" in page
    assert "125 later" in page


def test_beyond_the_limit_the_page_says_that_it_does_not_fold(
    viewer: Client, append: Append, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "FOLD_LIMIT", 5)
    append("order-1", *[{"data": b'{"n": 1}'}] * 6)
    page = page_of(viewer, at, 6)
    assert "Too many events to fold here" in page
    assert "#6" in page


def test_a_reducer_that_raises_shows_where_and_the_last_good_state(
    viewer: Client, append: Append, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def picky(state: Any, happened: Decoded) -> Any:
        if happened.event.version == 2:
            raise ValueError("<b>no</b>")
        return happened.data

    failing = Projection("latest", about="")
    failing.on("*")(picky)
    monkeypatch.setitem(PROJECTIONS, "latest", failing)
    append("order-1", {"data": b'{"good": 1}'}, {}, {})
    page = page_of(viewer, at, 3)
    assert "The reducer stopped at step 2" in page
    assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in page
    assert ">good<" in page


@pytest.mark.usefixtures("order")
def test_a_step_costs_a_fixed_number_of_queries(
    viewer: Client, at: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # session, user, membership with its log; the stream, the events around the step, one block to fold
    with django_assert_num_queries(6):
        page_of(viewer, at, 3)
