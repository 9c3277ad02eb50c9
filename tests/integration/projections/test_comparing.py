"""The difference between two steps of a replay is that of two folds from zero, and names the step that made it."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.engine import Engine
from events.json.pointer import at
from events.models import Log
from events.reading.db_work import run
from projections.definition.projection import Projection
from projections.replay.compare import Difference, step_difference
from projections.replay.window import window_at
from projections.states.fold import Fold, Pace, TooFar
from projections.states.sources.base import Source
from projections.states.sources.indexed import LogSource, StreamSource, WorkflowSource
from projections.values.change import Json
from projections.values.diff import apply, equal
from tests.support.folds import STREAMS, all_events, by_stream, by_workflow, fill
from tests.support.replays import fold_as_the_job_does, folded_states, of_source

SOURCES = (*(StreamSource(name) for name in STREAMS), WorkflowSource("run-0"), LogSource())
_ABSENT = object()


def compare(log: Log, projection: Projection, source: Source, here: int, there: int, *, head: int) -> Difference:
    fold = Fold(log.pk, projection, source, head)
    return run(step_difference(fold, run(window_at(fold, place=here)), there))


def last_changed(states: list[Json], path: str, first: int, last: int) -> int:
    """The last step in a range at which the value at a path changed. (No item moves here.)"""
    return max(n for n in range(first + 1, last + 1) if not _same(states[n - 1], states[n], path))


def _same(one: Json, other: Json, path: str) -> bool:
    values = [_value(state, path) for state in (one, other)]
    return values == [_ABSENT, _ABSENT] or (_ABSENT not in values and equal(*values))


def _value(state: Json, path: str) -> Any:
    try:
        return at(state, path)
    except LookupError:
        return _ABSENT


@given(
    st.lists(st.sampled_from(STREAMS), min_size=1, max_size=250),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), min_size=1, max_size=4),
    st.sampled_from(SOURCES),
    st.sampled_from((by_stream, by_workflow)),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_two_steps_differ_as_two_folds_from_zero_do(
    engine: Engine,
    log: Log,
    streams: list[str],
    pairs: list[tuple[int, int]],
    source: Source,
    projection: Projection,
) -> None:
    before = len(await all_events(engine, log))
    await fill(engine, log, streams, first=before)
    events = await all_events(engine, log)
    expected = of_source(source, events)
    states = folded_states(projection, expected)
    numbers = {event.position: n for n, event in enumerate(expected, start=1)}
    for one, other in pairs:
        first, last = sorted((min(one, len(expected)), min(other, len(expected))))
        places = [source.place(expected[n - 1]) if n else 0 for n in (first, last)]
        here, there = places if one < other else places[::-1]
        difference = await sync_to_async(compare)(log, projection, source, here, there, head=len(events))
        assert equal(difference.first.state, states[first])
        assert equal(difference.last.state, states[last])
        assert equal(apply(states[first], difference.changes), states[last])
        assert difference.events == last - first
        for change, maker in zip(difference.changes, difference.makers, strict=True):
            if not (change.shifts or change.op == "move"):
                assert maker
                assert numbers[maker.position] == last_changed(states, change.path, first, last)


async def test_steps_too_far_apart_say_so_and_are_compared_once_the_way_was_gone(
    engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Fold.to, "__kwdefaults__", {**(Fold.to.__kwdefaults__ or {}), "pace": Pace(chunk_events=20, max_events=60)}
    )
    await fill(engine, log, ["order-1"] * 600)
    events = await all_events(engine, log)
    source = StreamSource("order-1")
    window = await sync_to_async(lambda: run(window_at(Fold(log.pk, by_stream, source, 600), place=3)))()
    with pytest.raises(TooFar) as raised:
        await sync_to_async(compare)(log, by_stream, source, 3, 590, head=600)
    window.too_far = raised.value
    await sync_to_async(fold_as_the_job_does)(log, by_stream, window)
    difference = await sync_to_async(compare)(log, by_stream, source, 3, 590, head=600)
    assert equal(difference.last.state, folded_states(by_stream, events)[590])
