"""The state of any key at any moment equals a fold from zero, whatever snapshots exist."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.engine import Engine
from events.errors import Invalid
from events.models import Log
from events.reading.db_work import run, run_async
from projections.definition.fold import ReducerFailed
from projections.definition.projection import Decoded, Projection, decode
from projections.models import Snapshot
from projections.states.at_moment import difference, state_at
from projections.states.fold import Pace, TooFar
from projections.states.moment import Moment
from projections.states.value_history import history
from projections.values.diff import apply, equal
from tests.support.folds import KEYS, STREAMS, all_events, by_log, by_stream, fill, from_zero, texts

UNBOUNDED = Pace(chunk_events=500, max_events=None)


@pytest.mark.parametrize("kind", KEYS)
async def test_a_state_at_every_moment_equals_a_fold_from_zero(engine: Engine, log: Log, kind: str) -> None:
    projection, keys = KEYS[kind]
    await fill(engine, log, [STREAMS[n * n % 4] for n in range(720)])
    events = await all_events(engine, log)
    moments = [*range(0, 721, 45), 719, 99, 100, 101, 400, 720]
    for _ in range(2):  # the second time with the snapshots of the first
        for position in moments:
            for key in keys:
                state = await run_async(state_at(log.pk, projection, key, at=Moment(position=position)), engine.pool)
                assert state == from_zero(projection, key, events[:position])
    assert await Snapshot.objects.filter(log=log).aexists()


@given(
    st.lists(st.sampled_from(STREAMS), min_size=1, max_size=260), st.lists(st.integers(0, 260), max_size=6), st.data()
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_walk_through_a_growing_log_sees_what_a_fold_from_zero_gives(
    engine: Engine, log: Log, streams: list[str], moments: list[int], data: st.DataObject
) -> None:
    projection, keys = KEYS[data.draw(st.sampled_from(sorted(KEYS)))]
    before = len(await all_events(engine, log))
    await fill(engine, log, streams, first=before)
    events = await all_events(engine, log)
    for moment in moments:
        position = min(before + moment, len(events))
        key = data.draw(st.sampled_from(keys))
        pace = data.draw(
            st.sampled_from([UNBOUNDED, Pace(chunk_events=7, max_events=None), Pace(chunk_events=100, max_events=None)])
        )
        state = await run_async(state_at(log.pk, projection, key, at=Moment(position=position), pace=pace), engine.pool)
        assert state == from_zero(projection, key, events[:position])


async def test_a_state_in_a_thread_is_the_state_in_the_event_loop(engine: Engine, log: Log) -> None:
    await fill(engine, log, ["order-1"] * 250)
    in_a_thread = await sync_to_async(lambda: run(state_at(log.pk, by_stream, "order-1")))()
    assert in_a_thread == await run_async(state_at(log.pk, by_stream, "order-1"), engine.pool)
    assert in_a_thread == from_zero(by_stream, "order-1", await all_events(engine, log))


async def test_a_moment_is_a_version_or_a_time_as_well(engine: Engine, log: Log) -> None:
    for n in range(5):
        await fill(engine, log, ["order-1", "order-2"], first=n)
    events = await all_events(engine, log)
    for event in events:
        at = Moment(time=event.recorded_at)
        last = max(e.position for e in events if e.recorded_at <= event.recorded_at)
        state = await run_async(state_at(log.pk, by_log, "", at=at), engine.pool)
        assert state == from_zero(by_log, "", events[:last])
        at = Moment(version=event.version)
        state = await run_async(state_at(log.pk, by_stream, event.stream, at=at), engine.pool)
        assert state == from_zero(by_stream, event.stream, events[: event.position])
    long_ago = Moment(time=events[0].recorded_at - timedelta(days=1))
    assert (await run_async(state_at(log.pk, by_log, "", at=long_ago), engine.pool)).events == 0


@pytest.mark.parametrize(("at", "field"), [(Moment(position=4), "at_position"), (Moment(version=4), "at_version")])
async def test_a_moment_that_has_not_come_is_refused(engine: Engine, log: Log, at: Moment, field: str) -> None:
    await fill(engine, log, ["order-1"] * 3)
    with pytest.raises(Invalid) as refusal:
        await run_async(state_at(log.pk, by_stream, "order-1", at=at), engine.pool)
    assert refusal.value.fields["field"] == field


async def test_a_long_way_is_work_for_a_job_and_short_afterwards(engine: Engine, log: Log) -> None:
    await fill(engine, log, ["order-1"] * 1_300)
    with pytest.raises(TooFar):
        await run_async(state_at(log.pk, texts, "order-1"), engine.pool)
    worked = await run_async(state_at(log.pk, texts, "order-1", pace=UNBOUNDED), engine.pool)
    assert worked == await run_async(state_at(log.pk, texts, "order-1"), engine.pool)
    assert worked == from_zero(texts, "order-1", await all_events(engine, log))


async def test_a_reducer_that_raises_stops_there_and_is_found_quickly_again(engine: Engine, log: Log) -> None:
    def refuse(state: int, happened: Decoded) -> int:
        if happened.position == 1_205:
            raise ZeroDivisionError("by 1205")
        return state + 1

    counts = Projection("counts-until", about="For a test.", initial=0)
    counts.on("*")(refuse)
    await fill(engine, log, ["order-1"] * 1_300)
    for pace in (UNBOUNDED, Pace()):
        with pytest.raises(ReducerFailed) as failed:
            await run_async(state_at(log.pk, counts, "order-1", pace=pace), engine.pool)
        assert (failed.value.at.position, failed.value.state) == (1_205, 1_204)
    before = await run_async(state_at(log.pk, counts, "order-1", at=Moment(position=1_204)), engine.pool)
    assert before.text == "1204"


async def test_a_difference_makes_the_one_state_the_other(engine: Engine, log: Log) -> None:
    await fill(engine, log, ["order-1"] * 30)
    work = difference(log.pk, by_stream, "order-1", first=Moment(position=7), second=Moment(version=25))
    before, after, changes = await run_async(work, engine.pool)
    assert changes
    assert equal(apply(before.value, changes), after.value)


async def test_the_history_of_a_value_is_every_event_that_changed_it(engine: Engine, log: Log) -> None:
    await fill(engine, log, ["order-1"] * 1_300)
    events = await all_events(engine, log)
    values: list[Any] = [None]
    state: Any = by_stream.initial
    for event in events:
        state = by_stream.reduce(state, decode(event))
        values.append(state.get("Bought"))
    changed = [n for n in range(1, 1_301) if values[n] != values[n - 1]]
    await run_async(state_at(log.pk, by_stream, "order-1", pace=UNBOUNDED), engine.pool)
    found_positions: list[int] = []
    pointer, at = "/Bought", Moment()
    while True:
        part = await run_async(history(log.pk, by_stream, "order-1", pointer=pointer, at=at), engine.pool)
        found_positions += [event.position for event, _ in part.touches]
        if part.rest is None:
            break
        pointer, at = part.rest.pointer, Moment(position=part.rest.position)
    assert found_positions == changed[::-1]
