"""The test helper finds impure reducers. Each of these projections has a fault."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from projections.definition.projection import Projection
from projections.testing import assert_pure, event
from projections.values.exact_json import NotAState

EVENTS = [event("T", {"n": n, "tags": ["a"]}, version=n) for n in range(1, 10)]
_CALLS = count()


def projection(handler: Callable[[Any, Any], Any], initial: Any = None) -> Projection:
    result = Projection("made", about="", initial=initial)
    result.on("*")(handler)
    return result


def test_a_pure_projection_passes_and_gives_its_state() -> None:
    total = projection(lambda state, happened: state + happened.data["n"] * Decimal("1.10"), initial=0)
    assert str(assert_pure(total, EVENTS)) == "49.50"


def test_no_events_give_the_initial_state() -> None:
    assert assert_pure(projection(lambda state, happened: 1, initial=[]), []) == []


def test_a_reducer_that_counts_its_calls_is_found() -> None:
    with pytest.raises(AssertionError, match="different when folded again: /calls"):
        assert_pure(projection(lambda state, happened: {"calls": next(_CALLS)}), EVENTS)


def test_a_reducer_that_remembers_beside_the_state_is_found() -> None:
    last: list[Any] = [None]

    def remember(state: Any, happened: Any) -> Any:
        last[0] = {"n": state.get("n", 0) + (state is last[0])}
        return last[0]

    with pytest.raises(AssertionError, match="/n"):
        assert_pure(projection(remember), EVENTS)


def test_the_order_of_keys_counts() -> None:
    def reorder(state: Any, happened: Any) -> Any:
        keys = ["a", "b"] if next(_CALLS) % 2 else ["b", "a"]
        return dict.fromkeys(keys, 1)

    with pytest.raises(AssertionError, match="the order of its keys"):
        assert_pure(projection(reorder), EVENTS)


def test_a_handler_that_changes_its_state_is_found() -> None:
    def append(state: Any, happened: Any) -> Any:
        state["all"] = [*state.get("all", []), 1]
        return state

    with pytest.raises(AssertionError, match=r"T \(version 1\) changed the state"):
        assert_pure(projection(append), EVENTS)


def test_a_handler_that_changes_its_data_is_found() -> None:
    def take(state: Any, happened: Any) -> Any:
        happened.data["tags"].append("b")
        return happened.data["tags"]

    with pytest.raises(AssertionError, match="changed the data"):
        assert_pure(projection(take), EVENTS)


def test_a_float_is_found() -> None:
    with pytest.raises(NotAState, match="/share: a float"):
        assert_pure(projection(lambda state, happened: {"share": 1 / happened.data["n"]}), EVENTS)
