"""What becomes of an event that a reducer raises for: stop, park, skip; and how to go on."""

from __future__ import annotations

import pytest

from events.models import Log
from projections.definition.projection import Key, Projection
from projections.errors import NoSuchBuild
from projections.materialise import checkpoints, parked_keys
from projections.materialise.parked_keys import Which
from projections.models import Policy
from tests.integration.projections.running import (
    add,
    append,
    expected,
    known_as,
    live,
    poisoned,
    settle,
    states,
    totals,
    varied,
)

POISONS = ("raise", "float")
"""An event that the reducer raises for, and one after which the state is none: only its text tells."""


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Projection:
    projection = totals()
    known_as(monkeypatch, projection)
    return projection


def with_poison(log: Log, projection: Projection, policy: Policy, how: str) -> None:
    """Thirty events, the poisoned one at 31, ten more in its stream and others."""
    append(log, varied(30))
    settle(log, projection)
    checkpoints.set_policy(log.pk, projection.name, policy)
    append(log, [*varied(0), poisoned("order-1", how), *varied(40, first=30)])
    settle(log, projection)


@pytest.mark.parametrize("how", POISONS)
def test_it_stops_before_the_event(log: Log, known: Projection, how: str) -> None:
    with_poison(log, known, Policy.STOP, how)
    stopped = live(log)
    assert (stopped.state, stopped.position, stopped.error_position) == ("stopped", 30, 31)
    assert ("RuntimeError: poisoned" if how == "raise" else "NotAState: /Poisoned: a float") in stopped.error
    assert "Traceback" in stopped.traceback
    assert states(log) == expected(log, known, upto=30)


def test_stopped_it_tries_again_or_goes_on_behind_the_event(log: Log, known: Projection) -> None:
    with_poison(log, known, Policy.STOP, "raise")
    build = live(log).build
    checkpoints.retry(log.pk, "totals", build)
    settle(log, known)
    assert live(log).state == "stopped"
    checkpoints.skip(log.pk, "totals", build)
    settle(log, known)
    assert (live(log).state, live(log).position, live(log).skipped) == ("live", 71, 1)
    assert states(log) == without_position(log, known, 31)
    with pytest.raises(NoSuchBuild):
        checkpoints.skip(log.pk, "totals", build)


@pytest.mark.parametrize("how", POISONS)
def test_skipped_the_event_alone_is_left_out(log: Log, known: Projection, how: str) -> None:
    with_poison(log, known, Policy.SKIP, how)
    assert (live(log).state, live(log).position, live(log).skipped) == ("live", 71, 1)
    assert live(log).error_position == 31
    assert states(log) == without_position(log, known, 31)


@pytest.mark.parametrize("how", POISONS)
def test_parked_its_key_alone_stands_still(log: Log, known: Projection, how: str) -> None:
    with_poison(log, known, Policy.PARK, how)
    before, after = expected(log, known, upto=30), without_position(log, known, 31)
    assert (live(log).state, live(log).position, live(log).parked) == ("live", 71, 1)
    assert states(log) == {**after, "order-1": before["order-1"]}
    [parked] = parked_keys.parked(log.pk, "totals", live(log).build)
    assert (parked.key, parked.position, parked.state) == ("order-1", 31, before["order-1"][0])
    assert "Traceback" in parked.traceback


def test_a_parked_key_is_tried_again_or_goes_on_behind_its_event(log: Log, known: Projection) -> None:
    with_poison(log, known, Policy.PARK, "raise")
    build = live(log).build
    parked_keys.retry(log.pk, "totals", build, which=Which("order-1"))
    settle(log, known)
    [parked] = parked_keys.parked(log.pk, "totals", build)
    assert (parked.position, parked.is_retried) == (31, False)
    parked_keys.skip(log.pk, "totals", build, which=Which("order-1"))
    settle(log, known)
    assert parked_keys.parked(log.pk, "totals", build) == []
    assert states(log) == without_position(log, known, 31)
    with pytest.raises(NoSuchBuild):
        parked_keys.retry(log.pk, "totals", build, which=Which("order-1"))


def test_a_key_that_fails_again_is_parked_at_the_later_event(log: Log, known: Projection) -> None:
    with_poison(log, known, Policy.PARK, "raise")
    append(log, [*varied(5), poisoned("order-1"), *varied(20)])
    settle(log, known)
    build = live(log).build
    parked_keys.skip(log.pk, "totals", build, which=Which("order-1"))
    settle(log, known)
    [parked] = parked_keys.parked(log.pk, "totals", build)
    assert parked.position == 77
    assert states(log)["order-1"] == without_position(log, known, 31, upto=76)["order-1"]


def test_other_keys_of_a_parked_event_go_on(log: Log) -> None:
    """An event of several keys, for one of which the reducer raises."""
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
    found = {key: (state, events) for key, (state, events, _) in states(log).items()}
    assert found == {"all": ('{"sum":2}', 2), "one": ('{"sum":2}', 2), "two": ('{"sum":2}', 2)}


def test_an_event_whose_key_is_none_stops_or_is_left_out(log: Log) -> None:
    projection = totals(key=Key("broken", lambda happened: happened.data["absent"]))
    append(log, varied(3))
    settle(log, projection)
    checkpoints.set_policy(log.pk, "totals", Policy.PARK)
    assert (live(log).position, live(log).error_position) == (0, 1)
    checkpoints.retry(log.pk, "totals", live(log).build)
    settle(log, projection)
    assert (live(log).position, live(log).skipped) == (3, len([1 for each in varied(3) if each[1]["type"] != "C"]))


def without_position(
    log: Log, projection: Projection, position: int, *, upto: int | None = None
) -> dict[str, tuple[str, int, int]]:
    """What a fold from zero gives that leaves one event out."""
    tolerant = totals()
    tolerant.handlers.clear()
    tolerant.on("A", "B*", "Poisoned")(
        lambda state, happened: state if happened.position == position else add(state, happened)
    )
    return {
        key: (text, events - 1 if key == "order-1" and last > position else events, last)
        for key, (text, events, last) in expected(log, tolerant, upto=upto).items()
    }
