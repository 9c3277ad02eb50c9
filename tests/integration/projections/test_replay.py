"""Every step that a replay shows equals a fold from zero, for any source and any order of steps."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.engine import Engine
from events.models import Log
from events.reading.db_work import run, run_async
from events.types import Event
from projections.definition.projection import Projection
from projections.replay.window import Window, place_of, window_at
from projections.states.fold import Fold, Pace
from projections.states.sources.base import Source
from projections.states.sources.indexed import StreamSource, WorkflowSource
from projections.states.sources.query import QuerySource
from projections.values.change import Json
from projections.values.diff import apply, equal
from tests.support.folds import (
    STREAMS,
    all_events,
    by_agent,
    by_stream,
    by_workflow,
    fill,
    of_large_amounts,
    texts,
)
from tests.support.replays import SOURCES, fold_as_the_job_does, folded_states, of_source

PROJECTIONS = (by_stream, by_workflow, by_agent, of_large_amounts, texts)
NARROW = Pace(chunk_events=20, max_events=60)


def check(window: Window, expected: list[Event], states: list[Json], n: int) -> None:
    """Step `n` of a replay and its window are what they should be."""
    assert window.is_known
    assert (window.step.event if window.step else None) == (expected[n - 1] if n else None)
    assert equal(window.after, states[n])
    assert equal(window.before, states[max(n - 1, 0)])
    numbers = {event.position: i for i, event in enumerate(expected, start=1)}
    assert (
        [step.event for step in window.steps]
        == expected[numbers.get(window.steps[0].event.position, 1) - 1 : numbers[window.steps[-1].event.position]]
        if window.steps
        else not expected
    )
    for step in window.steps:
        at = numbers[step.event.position]
        assert step.n in (at, None) if window.source.kind in ("query", "log") else step.n == at
        if step.changes is not None:
            assert equal(apply(states[at - 1], step.changes), states[at])


@given(
    st.lists(st.sampled_from(STREAMS), min_size=1, max_size=300),
    st.lists(st.integers(0, 400), min_size=1, max_size=5),
    st.sampled_from(SOURCES),
    st.sampled_from(PROJECTIONS),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_every_step_of_every_walk_equals_a_fold_from_zero(
    engine: Engine, log: Log, streams: list[str], walk: list[int], source: Source, projection: Projection
) -> None:
    before = len(await all_events(engine, log))
    await fill(engine, log, streams, first=before)
    events = await all_events(engine, log)
    expected = of_source(source, events)
    states = folded_states(projection, expected)
    for number in walk:
        n = min(number, len(expected))
        place = source.place(expected[n - 1]) if n else 0
        window = await run_async(window_at(Fold(log.pk, projection, source, len(events)), place=place), engine.pool)
        while window.too_far:
            await sync_to_async(fold_as_the_job_does)(log, projection, window)
            window = await run_async(window_at(Fold(log.pk, projection, source, len(events)), place=place), engine.pool)
        check(window, expected, states, n)
        if source.kind != "query":
            assert await run_async(place_of(Fold(log.pk, projection, source, len(events)), n), engine.pool) == place


@pytest.mark.parametrize("source", [StreamSource("order-1"), WorkflowSource("run-0"), QuerySource("type:A")])
async def test_a_step_that_is_too_far_is_quick_after_the_fold_of_a_job(
    engine: Engine, log: Log, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fold.to, "__kwdefaults__", {"begin": None, "pace": NARROW})
    await fill(engine, log, ["order-1"] * 900)
    events = await all_events(engine, log)
    expected = of_source(source, events)
    states = folded_states(by_stream, expected)
    n = len(expected) - 3
    place = source.place(expected[n - 1])

    def at(place: int) -> Window:
        return run(window_at(Fold(log.pk, by_stream, source, 900), place=place))

    window = await sync_to_async(at)(place)
    assert window.too_far
    assert window.step
    assert window.step.event == expected[n - 1]
    await sync_to_async(fold_as_the_job_does)(log, by_stream, window)
    for step in (n, n + 1, n - 1):
        again = await sync_to_async(at)(source.place(expected[step - 1]))
        check(again, expected, states, step)
