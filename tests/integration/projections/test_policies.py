"""A reducer raises for an event: stop, park or skip, and the ways to go on."""

from __future__ import annotations

from typing import Any

import pytest

from events.models import Log
from projections.definition.projection import Key, Projection
from projections.errors import NoSuchBuild
from projections.materialise import checkpoints, parked_keys
from projections.materialise.parked_keys import Selection
from projections.models import Policy
from tests.support.running import (
    add,
    append,
    declare_only,
    expected,
    live,
    poisoned,
    rebuilt,
    settle,
    states,
    totals,
    varied,
)

POISONS = ("raise", "float")
"""An event for which the reducer raises, and one whose state can't be written as JSON."""


@pytest.fixture
def declared_totals(monkeypatch: pytest.MonkeyPatch) -> Projection:
    projection = totals()
    declare_only(monkeypatch, projection)
    return projection


def with_poison(log: Log, projection: Projection, policy: Policy, how: str) -> None:
    """Thirty events, the poisoned one at 31, then ten more in its stream and in others."""
    append(log, varied(30))
    settle(log, projection)
    checkpoints.set_policy(log.pk, projection.name, policy)
    append(log, [*varied(0), poisoned("order-1", how), *varied(40, first=30)])
    settle(log, projection)


@pytest.mark.parametrize("how", POISONS)
def test_a_projection_stops_before_the_event_that_fails(log: Log, declared_totals: Projection, how: str) -> None:
    with_poison(log, declared_totals, Policy.STOP, how)
    stopped = live(log)
    assert (stopped.state, stopped.position, stopped.error_position) == ("stopped", 30, 31)
    assert ("RuntimeError: poisoned" if how == "raise" else "NotAState: /Poisoned: a float") in stopped.error
    assert "Traceback" in stopped.traceback
    assert states(log) == expected(log, declared_totals, upto=30)


def test_a_stopped_projection_tries_the_event_again_or_goes_on_after_it(log: Log, declared_totals: Projection) -> None:
    with_poison(log, declared_totals, Policy.STOP, "raise")
    build = live(log).build
    checkpoints.retry(log.pk, "totals", build)
    settle(log, declared_totals)
    assert live(log).state == "stopped"
    checkpoints.skip(log.pk, "totals", build)
    settle(log, declared_totals)
    assert (live(log).state, live(log).position, live(log).skipped) == ("live", 71, 1)
    assert states(log) == without_position(log, declared_totals, 31)
    with pytest.raises(NoSuchBuild):
        checkpoints.skip(log.pk, "totals", build)


@pytest.mark.parametrize("how", POISONS)
def test_a_skipped_event_alone_is_left_out(log: Log, declared_totals: Projection, how: str) -> None:
    with_poison(log, declared_totals, Policy.SKIP, how)
    assert (live(log).state, live(log).position, live(log).skipped) == ("live", 71, 1)
    assert live(log).error_position == 31
    assert states(log) == without_position(log, declared_totals, 31)


@pytest.mark.parametrize("how", POISONS)
def test_a_parked_key_alone_stands_still(log: Log, declared_totals: Projection, how: str) -> None:
    with_poison(log, declared_totals, Policy.PARK, how)
    before, after = expected(log, declared_totals, upto=30), without_position(log, declared_totals, 31)
    assert (live(log).state, live(log).position, live(log).parked) == ("live", 71, 1)
    assert states(log) == {**after, "order-1": before["order-1"]}
    [parked] = parked_keys.parked(log.pk, "totals", live(log).build)
    assert (parked.key, parked.position, parked.state) == ("order-1", 31, before["order-1"][0])
    assert "Traceback" in parked.traceback


def test_a_parked_key_is_tried_again_or_goes_on_after_its_event(log: Log, declared_totals: Projection) -> None:
    with_poison(log, declared_totals, Policy.PARK, "raise")
    build = live(log).build
    parked_keys.retry(log.pk, "totals", build, selection=Selection("order-1"))
    settle(log, declared_totals)
    [parked] = parked_keys.parked(log.pk, "totals", build)
    assert (parked.position, parked.is_retried) == (31, False)
    parked_keys.skip(log.pk, "totals", build, selection=Selection("order-1"))
    settle(log, declared_totals)
    assert parked_keys.parked(log.pk, "totals", build) == []
    assert states(log) == without_position(log, declared_totals, 31)
    with pytest.raises(NoSuchBuild):
        parked_keys.retry(log.pk, "totals", build, selection=Selection("order-1"))


def test_a_key_that_fails_again_is_parked_at_the_later_event(log: Log, declared_totals: Projection) -> None:
    with_poison(log, declared_totals, Policy.PARK, "raise")
    append(log, [*varied(5), poisoned("order-1"), *varied(20)])
    settle(log, declared_totals)
    build = live(log).build
    parked_keys.skip(log.pk, "totals", build, selection=Selection("order-1"))
    settle(log, declared_totals)
    [parked] = parked_keys.parked(log.pk, "totals", build)
    assert parked.position == 77
    assert states(log)["order-1"] == without_position(log, declared_totals, 31, upto=76)["order-1"]


def test_other_keys_of_a_parked_event_go_on(log: Log) -> None:
    """An event with several keys; the reducer raises for one of them."""
    projection = Projection(
        "totals",
        about="For a test.",
        key=Key("both", lambda happened: ("all", happened.stream)),
        initial={"sum": 0},
        materialised=True,
    )

    @projection.on("A")
    def count(state: dict[str, int], happened: object) -> dict[str, int]:
        if state["sum"] >= 2:
            raise OverflowError("enough")
        return {"sum": state["sum"] + 1}

    append(log, [("one", {"type": "Other", "data": b"{}"})])
    settle(log, projection)
    checkpoints.set_policy(log.pk, "totals", Policy.PARK)
    append(log, [(stream, {"type": "A", "data": b"{}"}) for stream in ("one", "two", "one", "two")])
    settle(log, projection)
    stored = {key: (state, events) for key, (state, events, _) in states(log).items()}
    assert stored == {"all": ('{"sum":2}', 2), "one": ('{"sum":2}', 2), "two": ('{"sum":2}', 2)}


def test_an_event_whose_key_is_none_stops_or_is_left_out(log: Log) -> None:
    projection = totals(key=Key("broken", lambda happened: happened.data["absent"]), policy="stop")
    append(log, varied(3))
    settle(log, projection)
    checkpoints.set_policy(log.pk, "totals", Policy.PARK)
    assert (live(log).position, live(log).error_position) == (0, 1)
    checkpoints.retry(log.pk, "totals", live(log).build)
    settle(log, projection)
    assert (live(log).position, live(log).skipped) == (3, len([1 for each in varied(3) if each[1]["type"] != "C"]))


def test_an_event_without_data_has_no_key_where_that_raises(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = totals(key=Key("sku", lambda happened: happened.data["sku"]), policy="stop")
    declare_only(monkeypatch, projection)
    append(log, [("one", {"type": "A", "data": b"null"}), ("one", {"type": "A", "data": b'{"sku": "a"}'})])
    settle(log, projection)
    assert (live(log).state, live(log).position, list(states(log))) == ("live", 2, ["a"])


@pytest.mark.parametrize("policy", Policy.values)
def test_the_declared_policy_holds_until_an_operator_chooses_another(
    log: Log, policy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    projection = totals(policy=policy)
    declare_only(monkeypatch, projection)
    append(log, [*varied(3), poisoned("order-1"), *varied(3)])
    settle(log, projection)
    stands = {"stop": ("stopped", 3, 0, 0), "park": ("live", 7, 0, 1), "skip": ("live", 7, 1, 0)}
    build = live(log)
    assert (build.state, build.position, build.skipped, build.parked) == stands[policy]
    assert (build.chosen_policy, build.error_position or 4) == (None, 4)
    other = next(each for each in Policy if each != policy)
    checkpoints.set_policy(log.pk, "totals", other)
    rebuilt(log, projection)
    assert live(log).policy == other
    checkpoints.set_policy(log.pk, "totals", None)
    assert live(log).policy == policy


def test_peoples_own_projections_park_unless_they_declare_otherwise() -> None:
    assert (totals().policy, totals(policy="stop").policy) == ("park", "stop")
    with pytest.raises(ValueError, match="'pray' is not a policy: use one of stop, park, skip"):
        totals(policy="pray")


def test_a_projection_that_fails_for_too_many_keys_stops(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.materialise.build.MAX_PARKED_KEYS", 2)
    projection = totals()
    declare_only(monkeypatch, projection)
    append(log, [poisoned("order-1")])
    settle(log, projection)
    append(log, [*varied(1), *(poisoned(f"order-{n}") for n in range(1, 5)), *varied(1)])
    settle(log, projection)
    stopped = live(log)
    assert (stopped.state, stopped.parked, stopped.position, stopped.error_position) == ("stopped", 2, 4, 5)
    assert stopped.error == "Too many keys are parked for one more: RuntimeError: poisoned"


def without_position(
    log: Log, projection: Projection, position: int, *, upto: int | None = None
) -> dict[str, tuple[str, int, int]]:
    """The states that a fold from zero gives if it leaves out one event."""
    tolerant = totals()
    tolerant.handlers.clear()
    tolerant.on("A", "B*", "Poisoned")(
        lambda state, happened: state if happened.position == position else add(state, happened)
    )
    return {
        key: (text, events - 1 if key == "order-1" and last > position else events, last)
        for key, (text, events, last) in expected(log, tolerant, upto=upto).items()
    }
