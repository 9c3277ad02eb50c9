"""Upcasting: old events are read as new ones, and a broken chain refuses the start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from events.errors import SchemaTooNew, UpcastFailed
from projections.definition import upcasting
from projections.definition.fold import ReducerFailed, fold
from projections.definition.projection import Projection, decode
from projections.definition.upcasting import Chains, Upcaster, upcaster
from projections.testing import event
from tests.support.decoded import happened


@upcaster("OrderPlaced", 1)
def with_currency(data: Any) -> Any:
    return {**data, "currency": "EUR"}


@upcaster("OrderPlaced", 2)
def with_cents(data: Any) -> Any:
    return {"cents": data["amount"] * 100, "currency": data["currency"]}


CHAINS = Chains([with_cents, with_currency])


@pytest.fixture
def chains() -> Iterator[None]:
    before = upcasting.current()
    upcasting.use(CHAINS)
    yield
    upcasting.use(before)


def step(type: str, version: int, to: int) -> Upcaster:
    return Upcaster(type, version, to, lambda data: data)


@pytest.mark.parametrize(
    ("schema_version", "data", "read_as"),
    [
        (1, {"amount": 2}, {"cents": 200, "currency": "EUR"}),
        (2, {"amount": 2, "currency": "USD"}, {"cents": 200, "currency": "USD"}),
        (3, {"cents": 5, "currency": "USD"}, {"cents": 5, "currency": "USD"}),
    ],
)
def test_an_event_of_any_version_is_read_as_the_newest(schema_version: int, data: Any, read_as: Any) -> None:
    stored_event = event("OrderPlaced", data, schema_version=schema_version)
    assert (CHAINS.read(stored_event), CHAINS.read_as(stored_event)) == (read_as, 3)


def test_a_type_without_upcasters_is_read_as_it_is_stored() -> None:
    stored_event = event("OrderPaid", {"amount": 1}, schema_version=7)
    assert (CHAINS.read(stored_event), CHAINS.read_as(stored_event)) == ({"amount": 1}, 7)


@pytest.mark.parametrize(
    ("schema_version", "data", "text"),
    [
        (1, {"amount": 20}, '{"cents":2000,"currency":"EUR"}'),
        (2, {"amount": 2**80, "currency": "USD"}, f'{{"cents":{2**80 * 100},"currency":"USD"}}'),
    ],
)
def test_the_text_of_the_newest_version_is_exact(schema_version: int, data: Any, text: str) -> None:
    stored_event = event("OrderPlaced", data, schema_version=schema_version)
    newest = CHAINS.as_newest(stored_event)
    assert (newest.data, newest.schema_version) == (text, 3)
    assert (newest.position, newest.id, newest.metadata) == (
        stored_event.position,
        stored_event.id,
        stored_event.metadata,
    )


def test_an_event_of_the_newest_version_keeps_its_text() -> None:
    for type, version in (("OrderPlaced", 3), ("OrderPaid", 7)):
        stored_event = event(type, {"a": 1}, schema_version=version)
        assert CHAINS.as_newest(stored_event) is stored_event


def test_a_version_that_no_upcaster_knows_is_named_with_its_event(chains: None) -> None:
    stored_event = event("OrderPlaced", {"total": 2}, stream="order-7", version=4, schema_version=9)
    projection = Projection("cents", about="")
    projection.on("*")(lambda state, happened: happened.data["cents"])
    message = (
        r"The event '4' of the stream 'order-7' \(OrderPlaced, position 4\)"
        r" has schema_version 9; the newest that the upcasters here know is 3\."
    )
    for read_event in (CHAINS.read, CHAINS.as_newest):
        with pytest.raises(SchemaTooNew, match=message) as refusal:
            read_event(stored_event)
        assert refusal.value.fields == {
            "stream": "order-7",
            "position": 4,
            "event": "4",
            "event_type": "OrderPlaced",
            "schema_version": 9,
            "newest_schema_version": 3,
        }
    with pytest.raises(ReducerFailed, match=f"SchemaTooNew: {message}"):
        fold(projection, [decode(stored_event)], None)


def test_the_result_of_an_upcaster_must_be_json() -> None:
    inexact = Chains([Upcaster("A", 1, 2, lambda data: {"rate": 0.5})])
    with pytest.raises(UpcastFailed, match="A as v2: /rate: a float has lost digits"):
        inexact.as_newest(event("A", {}))


def test_an_event_without_data_that_cannot_be_read_stays_as_it_is() -> None:
    for version in (1, 9):
        redacted = event("OrderPlaced", None, schema_version=version)
        assert CHAINS.as_newest(redacted) is redacted


def test_handlers_see_the_newest_version(chains: None) -> None:
    projection = Projection("cents", about="")
    projection.on("*")(lambda state, happened: [happened.data["cents"], happened.schema_version])
    assert fold(projection, [happened("OrderPlaced", {"amount": 2})], None) == [200, 3]


def test_an_upcaster_that_raises_stops_the_fold_at_its_event(chains: None) -> None:
    projection = Projection("cents", about="")
    projection.on("*")(lambda state, happened: happened.data["cents"])
    with pytest.raises(ReducerFailed, match="OrderPlaced v1 → v2: TypeError") as failed:
        fold(projection, [happened("OrderPlaced", {"amount": 1}), happened("OrderPlaced", 5, version=2)], None)
    assert (failed.value.at.version, failed.value.state) == (2, 100)
    assert isinstance(failed.value.__cause__, UpcastFailed)


@pytest.mark.parametrize(
    ("steps", "problems"),
    [
        ([step("A", 1, 2), step("A", 2, 3), step("B", 4, 5)], []),
        ([step("A", 1, 3), step("A", 2, 3)], []),
        ([step("A", 1, 2), step("A", 3, 4)], ["A has no upcaster from v2, on the way to v4."]),
        ([step("A", 1, 3)], ["A has no upcaster from v2, on the way to v3."]),
        ([step("A", 1, 2), step("A", 2, 1)], ["A v2 → v1 goes back: upcasters lead to later versions."]),
        ([step("A", 1, 1)], ["A v1 → v1 goes back: upcasters lead to later versions."]),
        ([step("A", 1, 2), step("A", 1, 2)], ["A v1 → v2 is declared twice."]),
    ],
)
def test_gaps_cycles_and_duplicates_are_named(steps: list[Upcaster], problems: list[str]) -> None:
    assert Chains(steps).problems() == problems


def test_a_chain_that_leads_back_ends() -> None:
    looping = Chains([step("A", 1, 2), step("A", 2, 1)])
    assert [each.to for each in looping.chain("A", 1)] == [2]
