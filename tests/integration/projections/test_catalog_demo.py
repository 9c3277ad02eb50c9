"""The built-in projections over the demo: they find what is planted in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from events import store
from events.types import Event
from eventsite.demo.seeding import play_finished
from projections.catalog.collisions import collisions
from tests.factories import make_log
from tests.unit.projections.histories import by_key


@pytest.fixture(scope="module")
def demo(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[list[Event]]:
    """The finished run's events. Only to be read."""
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
