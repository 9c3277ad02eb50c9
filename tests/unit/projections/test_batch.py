"""Folding a batch in memory: the changed states, the failures, and the states that the database can store."""

from __future__ import annotations

from collections.abc import Collection

from projections.definition.projection import Decoded, Key, Projection
from projections.materialise.batch import PLACES_IN_A_ROW, Batch, Failure, KeyState
from tests.support.decoded import happened


def counting(key: Key) -> Projection:
    projection = Projection("counting", about="For a test.", key=key, initial={"n": 0})
    projection.on("*")(lambda state, event: {"n": state["n"] + 1})
    return projection


def nothing_known(keys: Collection[str]) -> tuple[dict[str, KeyState], set[str]]:
    return {}, set()


def test_a_batch_begins_with_what_is_known_and_counts_on() -> None:
    batch = Batch(counting(Key("one", lambda event: "k")), policy="stop", with_places=True)
    stored_state = KeyState({"n": 3}, 3, 4, [1, 2, 4])
    batch.fold([happened(position=n) for n in (5, 6)], lambda keys: ({"k": stored_state}, set()))
    assert batch.states == {"k": KeyState({"n": 5}, 5, 6, [1, 2, 4, 5, 6])}
    assert batch.full_places == []


def test_places_are_put_into_rows_of_so_many() -> None:
    batch = Batch(counting(Key("one", lambda event: "k")), policy="stop", with_places=True)
    batch.fold([happened(position=n) for n in range(1, 2 * PLACES_IN_A_ROW + 6)], nothing_known)
    first, second = range(1, PLACES_IN_A_ROW + 1), range(PLACES_IN_A_ROW + 1, 2 * PLACES_IN_A_ROW + 1)
    assert batch.full_places == [("k", [*first]), ("k", [*second])]
    assert batch.states["k"].places == [*range(2 * PLACES_IN_A_ROW + 1, 2 * PLACES_IN_A_ROW + 6)]


def test_no_place_is_noted_unless_a_key_needs_it() -> None:
    batch = Batch(counting(Key("one", lambda event: "k")), policy="stop")
    batch.fold([happened(position=n) for n in range(1, 300)], nothing_known)
    assert (batch.full_places, batch.states["k"].places) == ([], None)


def test_every_key_of_an_event_is_asked_for_once() -> None:
    calls: list[Collection[str]] = []

    def load(keys: Collection[str]) -> tuple[dict[str, KeyState], set[str]]:
        calls.append(keys)
        return {}, set()

    def both(event: Decoded) -> tuple[str, ...]:
        return ("all", f"n-{event.position % 2}")

    Batch(counting(Key("both", both)), policy="stop").fold([happened(position=n) for n in range(9)], load)
    assert calls == [{"all", "n-0", "n-1"}]


def test_an_error_is_kept_within_bounds() -> None:
    failure = Failure.of(ValueError("\0" + "x" * 100_000), 1, None)
    assert "\0" not in failure.error + failure.traceback
    assert len(failure.error) < 2_100
    assert len(failure.traceback) < 20_100
