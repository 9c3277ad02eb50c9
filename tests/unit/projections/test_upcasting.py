"""Upcasting: old events are read as new ones; broken chains refuse to start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from projections.definition import upcasting
from projections.definition.fold import ReducerFailed, fold
from projections.definition.projection import Projection
from projections.definition.upcasting import Chains, Upcaster, UpcastFailed, upcaster
from projections.testing import event
from tests.unit.projections.events import happened


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
    stored = event("OrderPlaced", data, schema_version=schema_version)
    assert (CHAINS.read(stored), CHAINS.read_as(stored)) == (read_as, 3)


def test_a_type_without_upcasters_is_read_as_it_is_stored() -> None:
    stored = event("OrderPaid", {"amount": 1}, schema_version=7)
    assert (CHAINS.read(stored), CHAINS.read_as(stored)) == ({"amount": 1}, 7)


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
        ([step("A", 1, 2), step("A", 2, 1)], ["A v2 → v1 leads back: a chain only goes forward."]),
        ([step("A", 1, 1)], ["A v1 → v1 leads back: a chain only goes forward."]),
        ([step("A", 1, 2), step("A", 1, 2)], ["A v1 → v2 is declared twice."]),
    ],
)
def test_gaps_cycles_and_duplicates_are_named(steps: list[Upcaster], problems: list[str]) -> None:
    assert Chains(steps).problems() == problems


def test_a_chain_that_leads_back_ends() -> None:
    looping = Chains([step("A", 1, 2), step("A", 2, 1)])
    assert [each.to for each in looping.chain("A", 1)] == [2]
