"""The built-in projections find the faults that are planted in the demo."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from events.reading import store
from events.types import Event
from eventsite.demo.seeding import play_finished
from projections.catalog.collisions import collisions
from projections.catalog.lifecycle import lifecycle
from projections.catalog.orders import orders
from tests.support.factories import make_log
from tests.support.histories import by_key


@pytest.fixture(scope="module")
def demo(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[list[Event]]:
    """The events of the finished run, to be read only."""
    with django_db_blocker.unblock():
        log = make_log()
        play_finished(log)
        yield store.events(log.pk, limit=1_000).fetch()


def test_the_planted_lost_update_is_found_and_no_other(demo: list[Event]) -> None:
    states = by_key(collisions, demo)
    lost = [each for state in states.values() for each in state["lost_updates"]]
    [stops] = [each for each in lost if each["key"] == "stops"]
    assert (stops["stream"], stops["overwritten"]["agent"], stops["by"]["agent"]) == (
        "assignment-depot-2",
        "router",
        "optimizer",
    )
    assert stops["overwritten"]["value"] == ["pickup-422", "order-1003", "order-1004"]
    assert stops["by"]["value"] == ["order-1003", "pickup-422"]
    assert lost == [stops]


def test_a_payment_without_an_outcome_is_unfinished_until_the_notifier_is_back(demo: list[Event]) -> None:
    [crash] = [event for event in demo if event.type == "agent.crashed"]
    before = by_key(lifecycle, [event for event in demo if event.position <= crash.position])["order-1005"]
    [started] = before["unfinished"]["payment-1005"]["started"].values()
    assert (started["type"], started["agent"]) == ("payment.initiated", "notifier")
    after = by_key(lifecycle, demo)
    assert after["order-1005"]["finished"] == {"payment-1005": "Completed", "order-1005": "Completed"}
    assert {name: state["state"] for name, state in after.items() if name in ("order-1004", "order-1006")} == {
        "order-1004": "Completed",
        "order-1006": "Failed",
    }
    assert sum(state["illegal"] for state in after.values()) == 0


def test_after_a_shift_nobody_is_at_work_and_nothing_is_unfinished(demo: list[Event]) -> None:
    states = by_key(lifecycle, demo)
    assert {name: state["unfinished"] for name, state in states.items() if state["unfinished"]} == {}
    at_work = {"Processing", "AwaitingInput"}
    assert {name for name, state in states.items() if at_work & {state["state"], *state["agents"].values()}} == set()
    assert states["shift-1"]["agents"]["router"] == "Completed"


def test_the_lost_order_was_on_the_list_and_not_on_the_van(demo: list[Event]) -> None:
    states = by_key(orders, demo)
    lost = states["order-1004"]
    assert (lost["listed"]["in"], lost["on_board"]["van"]) == ("assignment-depot-2", "bike-2")
    assert [each["why"] for each in lost["problems"]] == ["paid, but not on the list of van-7 when it left"]
    assert {name: state["status"] for name, state in states.items()} == {
        **{f"order-{1000 + n}": "dispatched" for n in range(1, 8)},
        "order-1006": "cancelled",
    }
    assert states["order-1003"]["payment"]["attempts"] == 2
    assert states["order-1005"]["payment"]["charged_before"] is True
