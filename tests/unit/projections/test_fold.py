"""Folding: pure, resumable, and stopped by a reducer that raises."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.types import Event
from projections.fold import ReducerFailed, fold, start, step
from projections.registry import PROJECTIONS
from projections.types import Decoded, Json, Projection
from tests.unit.projections.json_values import VALUES


def happened(data: Json, version: int = 1) -> Decoded:
    return Decoded(
        Event(
            position=version,
            stream="s",
            version=version,
            id=str(version),
            type="T",
            data="",
            metadata="{}",
            agent=None,
            schema_version=1,
            correlation_id=None,
            causation_id=None,
            occurred_at=None,
            recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
        data,
    )


LATEST = PROJECTIONS["latest"]
histories = st.lists(VALUES, max_size=6).map(lambda values: [happened(value, n) for n, value in enumerate(values, 1)])


def _no_twos(state: Json, event: Decoded) -> Any:
    if event.data == 2:
        raise ValueError("no twos")
    return event.data


NO_TWOS = Projection("no-twos", about="")
NO_TWOS.on("*")(_no_twos)


@pytest.mark.parametrize("name", PROJECTIONS)
@given(history=histories, cut=st.integers(0, 6))
def test_folding_in_parts_equals_folding_at_once(name: str, history: list[Decoded], cut: int) -> None:
    projection = PROJECTIONS[name]
    parts = fold(projection, history[cut:], fold(projection, history[:cut], projection.initial))
    assert parts == fold(projection, history, projection.initial)


@pytest.mark.parametrize("name", PROJECTIONS)
@given(history=histories)
def test_a_reducer_leaves_the_state_that_it_is_given_alone(name: str, history: list[Decoded]) -> None:
    state = PROJECTIONS[name].initial
    for event in history:
        kept = deepcopy(state)
        after = PROJECTIONS[name].reduce(state, event)
        assert state == kept
        state = after


def test_latest_merges_objects_key_by_key() -> None:
    history = [happened({"a": 1, "b": {"x": 1}}), happened({"b": {"y": 2}}), happened({"a": None})]
    assert fold(LATEST, history, LATEST.initial) == {"a": None, "b": {"y": 2}}


@pytest.mark.parametrize("data", ["text", 5, None, [1, 2]])
def test_latest_keeps_data_that_is_no_object_as_value(data: Json) -> None:
    assert fold(LATEST, [happened({"a": 1}), happened(data)], LATEST.initial) == {"a": 1, "value": data}


def test_a_step_shows_before_after_and_what_changed() -> None:
    found = step(LATEST, 2, happened({"a": 2}), {"a": 1})
    assert (found.before, found.after) == ({"a": 1}, {"a": 2})
    assert [(change.op, change.path) for change in found.changes] == [("replace", "/a")]


def test_step_0_is_the_initial_state_without_an_event() -> None:
    assert (start(LATEST).n, start(LATEST).happened, start(LATEST).after) == (0, None, {})


def test_a_reducer_that_raises_stops_the_fold_and_keeps_the_last_good_state() -> None:
    with pytest.raises(ReducerFailed, match="ValueError: no twos") as failed:
        fold(NO_TWOS, [happened(1, 1), happened(2, 2), happened(3, 3)], None)
    assert (failed.value.at.event.version, failed.value.state) == (2, 1)
