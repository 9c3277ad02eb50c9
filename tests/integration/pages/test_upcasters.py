"""Upcasters on the page of an event, in the command that tries them on all events, and in a materialised projection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from events.models import Log
from projections.definition import upcasting
from projections.definition.projection import Projection
from projections.definition.upcasting import Chains, Upcaster
from projections.models import Parked
from tests.support.fixture_types import AppendEvents
from tests.support.running import settle


def with_currency(data: Any) -> Any:
    return {**data, "currency": "EUR"}


def in_cents(data: Any) -> Any:
    return {"cents": data["amount"] * 100, "currency": data["currency"]}


@pytest.fixture(autouse=True)
def chains() -> Iterator[None]:
    before = upcasting.current()
    upcasting.use(Chains([Upcaster("Placed", 1, 2, with_currency), Upcaster("Placed", 2, 3, in_cents)]))
    yield
    upcasting.use(before)


def placed(data: Any, *, version: int = 1) -> dict[str, Any]:
    return {"type": "Placed", "data": json.dumps(data).encode(), "schema_version": version}


def test_an_events_page_shows_what_is_stored_and_what_is_read(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", placed({"amount": 2}))
    page = viewer.get(f"{at}events/1").content.decode()
    assert "Read as v3" in page
    assert "stored as v1" in page
    assert '<pre tabindex="0" aria-label="Raw data">{&#34;amount&#34;: 2}</pre>' in page
    section = page.partition("Read as v3")[2].partition("</section>")[0]
    assert [word in section for word in ("cents", "200", "EUR", "amount")] == [True] * 4


def test_an_event_of_the_newest_version_is_shown_once(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", placed({"cents": 1, "currency": "EUR"}, version=3), {"type": "Paid"})
    assert "Read as" not in viewer.get(f"{at}events/1").content.decode()
    assert "Read as" not in viewer.get(f"{at}events/2").content.decode()


def test_an_event_that_cannot_be_upcast_says_why(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", placed({"total": 2}))
    page = viewer.get(f"{at}events/1").content.decode()
    assert "Placed v2 → v3: KeyError: &#39;amount&#39;" in page


def check(log: Log) -> str:
    out = StringIO()
    call_command("check_upcasters", log=log.name, stdout=out)
    return out.getvalue()


def test_the_command_counts_versions_and_tries_the_chain_on_all(log: Log, append: AppendEvents) -> None:
    append("order-1", *[placed({"amount": n}) for n in range(3)], placed({"amount": 1, "currency": "USD"}, version=2))
    append("order-2", placed({"cents": 1, "currency": "EUR"}, version=3), {"type": "Paid"})
    assert check(log).splitlines() == [
        "Paid  v1  1 events",
        "Placed  v1 → v2 → v3  3 events: 3 pass, 0 fail",
        "Placed  v2 → v3  1 events: 1 pass, 0 fail",
        "Placed  v3  1 events",
    ]


def test_the_command_fails_with_the_first_failures(log: Log, append: AppendEvents) -> None:
    append("order-1", placed({"amount": 1}), *[placed({"total": n}) for n in range(7)], placed([], version=2))
    out = StringIO()
    with pytest.raises(CommandError, match="8 events can't be read"):
        call_command("check_upcasters", log=log.name, stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "Placed  v1 → v2 → v3  8 events: 1 pass, 7 fail"
    assert lines[1:6] == [f"    #{n} order-1: Placed v2 → v3: KeyError: 'amount'" for n in range(2, 7)]
    assert lines[6] == "Placed  v2 → v3  1 events: 0 pass, 1 fail"


def test_a_version_older_than_any_upcaster_is_pointed_out(log: Log, append: AppendEvents) -> None:
    upcasting.use(Chains([Upcaster("Placed", 2, 3, in_cents)]))
    append("order-1", placed({"amount": 1}))
    assert check(log).splitlines() == ["Placed  v1  1 events  (no upcaster from v1: read as stored)"]


def test_an_unknown_log_is_an_error(database: None) -> None:
    with pytest.raises(CommandError, match="no log 'nowhere'"):
        call_command("check_upcasters", log="nowhere")


def test_a_version_that_no_upcaster_knows_is_named_on_its_page_and_by_the_command(
    viewer: Client, log: Log, append: AppendEvents, at: str
) -> None:
    append("order-1", placed({"total": 2}, version=9))
    problem = "has schema_version 9; the newest that the upcasters here know is 3."
    page = viewer.get(f"{at}events/1").content.decode()
    assert "Read as v3" in page
    assert problem in page
    out = StringIO()
    with pytest.raises(CommandError, match="1 events can't be read"):
        call_command("check_upcasters", log=log.name, stdout=out)
    first, second = out.getvalue().splitlines()
    assert first == "Placed  v9  1 events: 0 pass, 1 fail"
    assert second.endswith(problem)


def test_a_kept_projection_says_which_event_has_the_version_that_nobody_knows(log: Log, append: AppendEvents) -> None:
    cents = Projection("cents", about="For a test.", materialised=True)
    cents.on("*")(lambda state, happened: {"cents": happened.data["cents"]})
    append("order-1", placed({"amount": 2}), placed({"total": 2}, version=9))
    append("order-2", placed({"amount": 3}))
    settle(log, cents)
    [parked] = Parked.objects.filter(log=log, projection="cents")
    assert (parked.key, parked.position) == ("order-1", 2)
    assert parked.error.startswith("SchemaTooNew: The event ")
    assert "'order-1' (Placed, position 2) has schema_version 9; the newest" in parked.error
