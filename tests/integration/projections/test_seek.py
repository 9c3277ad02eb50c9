"""A seek finds the step that a look at every step finds, for any condition and however often it pauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.engine import Engine
from events.models import Log
from events.query.match import step_matcher
from events.query.parse import parse
from events.reading.db_work import run, run_async
from events.types import Event
from projections.definition.projection import Decoded, Projection
from projections.replay.seek import look, search
from projections.replay.seek.condition import ConditionFailed, Seek, SeekResult, Watch, changed_pointers, watch_before
from projections.states.fold import Fold, Pace
from projections.states.sources.base import Source
from projections.states.sources.indexed import LogSource, StreamSource
from projections.values import blame
from projections.values.change import Json
from projections.values.diff import diff
from tests.support.folds import (
    STREAMS,
    all_events,
    by_stream,
    by_workflow,
    fill,
    of_large_amounts,
    texts,
)
from tests.support.replays import SOURCES, folded_states, of_source

NARROW = Pace(chunk_events=7, max_events=21)
QUERIES = (
    "type:B*",
    "type:A agent:packer",
    "type:Nothing",
    "-type:C data.amount>11",
    "state.last>20",
    "state.A>30 -type:A",
    "changed:/B",
    "changed:/last state.Bought<40",
    "(type:C OR changed:/A) -agent:rou*",
    "has:state.B -has:state.A",
    "state[*].by:packer type:Bought",
    "",
)


def _queue(state: Any, happened: Decoded) -> Any:
    """Items are put at the front and removed, so that all others move; now and then one of them is set."""
    items = [{"id": happened.position, "n": 0}, *state["items"]]
    n = happened.position
    if n % 4 == 0:
        items.pop(n % len(items))
    if n % 3 == 0 and items:
        at = n % len(items)
        items[at] = {**items[at], "n": n}
    return {"items": items[:6], "size": len(items)}


queue = Projection("queue", about="For a test.", initial={"items": [], "size": 0})
queue.on("*")(_queue)
PROJECTIONS = (by_stream, by_workflow, of_large_amounts, texts, queue)
POINTERS = ("/items/0", "/items/1/n", "/items/2", "/size", "/last", "/A", "/0/text", "")


def brute(expected: Sequence[Event], states: Sequence[Json], query: str, n: int, *, backward: bool) -> Event | None:
    """The first step after the nth that fits, or the last one before it, found by a look at each."""
    fits = step_matcher(parse(query))
    steps = range(n - 1, 0, -1) if backward else range(n + 1, len(expected) + 1)
    for i in steps:
        if fits(expected[i - 1], states[i], changed_pointers(diff(states[i - 1], states[i]))):
            return expected[i - 1]
    return None


def brute_watch(
    expected: Sequence[Event], states: Sequence[Json], pointer: str, n: int, *, backward: bool
) -> Event | None:
    changes = [(i, diff(states[i - 1], states[i])) for i in range(1, len(expected) + 1)]
    way = blame.past(pointer, changes[: max(n - 1, 0)][::-1]) if backward else blame.future(pointer, changes[n:])
    touch = next(way, None)
    return expected[touch.n - 1] if touch else None


def check_rest(seek: Seek, result: SeekResult) -> None:
    """The range that is left is smaller than before, in the same direction."""
    assert result.rest
    assert result.event is None
    places = (result.rest.place, seek.place)
    assert min(places) == (result.rest.place if seek.backward else seek.place)


@given(
    st.lists(st.sampled_from(STREAMS), min_size=1, max_size=120),
    st.lists(st.tuples(st.integers(0, 200), st.booleans()), min_size=1, max_size=4),
    st.sampled_from(SOURCES),
    st.sampled_from(PROJECTIONS),
    st.sampled_from([*QUERIES, *map(Watch, POINTERS)]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_seek_finds_what_a_look_at_every_step_finds(
    engine: Engine,
    log: Log,
    streams: list[str],
    walk: list[tuple[int, bool]],
    source: Source,
    projection: Projection,
    condition: str | Watch,
) -> None:
    await fill(engine, log, streams, first=len(await all_events(engine, log)))
    events = await all_events(engine, log)
    expected = of_source(source, events)
    states = folded_states(projection, expected)
    end = source.place(expected[-1]) if expected else 0
    for wanted_n, backward in walk:
        n = min(wanted_n, len(expected))
        place = source.place(expected[n - 1]) if n else 0
        if isinstance(condition, Watch):
            expected_event = brute_watch(expected, states, condition.pointer, n, backward=backward)
            parsed: Any = condition
        else:
            expected_event = brute(expected, states, condition, n, backward=backward)
            parsed = parse(condition)
        seek = Seek(projection, source, parsed, place, end, backward)
        for pace in (NARROW, Pace(chunk_events=50, max_events=None)):
            rests = 0
            result = await run_async(search.seek(log.pk, seek, head=len(events), pace=pace), engine.pool)
            while result.rest and rests < 2:
                check_rest(seek, result)
                rests += 1
                result = await run_async(search.seek(log.pk, result.rest, head=len(events), pace=pace), engine.pool)
            if not result.rest:
                assert result.event == expected_event, (n, backward, pace)


async def test_a_job_that_goes_on_from_its_rest_finds_the_same_step(engine: Engine, log: Log) -> None:
    """A job needs no more than the last rest that was reported."""
    await fill(engine, log, ["order-1"] * 400)
    events = await all_events(engine, log)
    source = StreamSource("order-1")
    states = folded_states(queue, events)
    for condition in (Watch("/items/5/n"), parse("state.size:3 type:Nothing OR position:7")):
        for backward, n in ((True, 390), (False, 3)):
            seek = Seek(queue, source, condition, n, 400, backward)
            rests: list[Seek] = []

            def note(rest: Seek, done: int, rests: list[Seek] = rests) -> None:
                rests.append(rest)

            work = search.seek(log.pk, seek, head=400, pace=Pace(chunk_events=20, max_events=None), report=note)
            whole = await run_async(work, engine.pool)
            if isinstance(condition, Watch):
                expected_event = brute_watch(events, states, condition.pointer, n, backward=backward)
                assert whole.event == expected_event
            for rest in rests[::5]:
                again = await run_async(
                    search.seek(log.pk, rest, head=400, pace=Pace(chunk_events=20, max_events=None)), engine.pool
                )
                assert again.event == whole.event


async def test_an_event_that_changes_an_item_is_found_wherever_the_item_moves(engine: Engine, log: Log) -> None:
    await fill(engine, log, ["order-1"] * 9)
    events = await all_events(engine, log)
    source = LogSource()
    result = await run_async(search.seek(log.pk, Seek(queue, source, Watch("/items/0/n"), 1, 9), head=9), engine.pool)
    states: list[Any] = list(folded_states(queue, events))
    changed = [n for n in range(2, 10) if any(i["id"] == 1 and i["n"] != 0 for i in states[n]["items"])]
    steps_without_item = [n for n in range(2, 10) if all(i["id"] != 1 for i in states[n]["items"])]
    assert result.event
    assert result.event.position == min([*changed, *steps_without_item])


def test_a_value_that_came_with_a_step_was_nowhere_before_it() -> None:
    changes = diff({"items": [{"id": 1}]}, {"items": [{"id": 2}, {"id": 1}]})
    assert watch_before("/items/0", changes) is None
    assert watch_before("/items/1", changes) == Watch("/items/0")
    assert watch_before("/other", changes) == Watch("/other")


async def test_a_long_search_rests_and_says_how_far_it_came(engine: Engine, log: Log) -> None:
    await fill(engine, log, ["order-1"] * 100)
    seek = Seek(by_stream, StreamSource("order-1"), parse("state.last>1000"), 10, 100)
    result = await run_async(search.seek(log.pk, seek, head=100, pace=NARROW), engine.pool)
    assert result.event is None
    assert result.rest
    assert 10 <= result.searched_to < 40
    final = await run_async(search.seek(log.pk, result.rest, head=100, pace=Pace(max_events=None)), engine.pool)
    assert (final.event, final.rest, final.searched_to) == (None, None, 100)
    back = replace(seek, place=100, backward=True)
    final = await run_async(search.seek(log.pk, back, head=100, pace=Pace(max_events=None)), engine.pool)
    assert (final.event, final.rest, final.searched_to) == (None, None, 1)


def failing(at: int) -> Projection:
    def handler(state: Any, happened: Decoded) -> Any:
        if happened.position == at:
            raise ValueError("no")
        return {"n": happened.position}

    result = Projection("failing", about="For a test.", initial={})
    result.on("*")(handler)
    return result


async def test_steps_after_the_failure_of_a_reducer_fit_nothing(engine: Engine, log: Log) -> None:
    await fill(engine, log, ["order-1"] * 60)
    source, projection = LogSource(), failing(31)

    async def seek_from(text: str, place: int, backward: bool = False) -> SeekResult:
        seek = Seek(projection, source, parse(text), place, 60, backward)
        return await run_async(search.seek(log.pk, seek, head=60, pace=Pace(chunk_events=20)), engine.pool)

    for seek_result, place in (
        (await seek_from("state.n:30", 3), 30),
        (await seek_from("state.n>0", 55, backward=True), 30),
        (await seek_from("state.n<9", 55, backward=True), 8),
    ):
        assert seek_result.event
        assert seek_result.event.position == place
    for missed in (await seek_from("state.n>30", 3), await seek_from("state.n>0", 40)):
        assert missed.event is None
        assert missed.rest is None
        assert missed.failure
        assert missed.failure.at.position == 31
    assert (await seek_from("type:*", 40)).event  # the condition needs no state


async def test_a_condition_that_raises_says_at_which_event(
    engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(engine, log, ["order-1"] * 5)

    def raising(query: Any) -> Any:
        def fits(event: Event, state: Any, changed: Any) -> bool:
            if event.position == 4:
                raise ZeroDivisionError("oh")
            return False

        return fits

    monkeypatch.setattr(look, "step_matcher", raising)
    seek = Seek(by_stream, LogSource(), parse("state.n:1"), 0, 5)
    with pytest.raises(ConditionFailed, match="ZeroDivisionError: oh") as raised:
        await run_async(search.seek(log.pk, seek, head=5), engine.pool)
    assert raised.value.event.position == 4


async def test_a_seek_leaves_snapshots_so_that_the_step_it_finds_is_near(engine: Engine, log: Log) -> None:
    await fill(engine, log, ["order-1"] * 500)
    source = StreamSource("order-1")
    seek = Seek(by_stream, source, parse("state.last:480"), 0, 500)
    result = await run_async(search.seek(log.pk, seek, head=500, pace=Pace(max_events=None)), engine.pool)
    assert result.event
    near = Pace(chunk_events=50, max_events=100)
    work = Fold(log.pk, by_stream, source, 500).to(result.event.position, pace=near)
    assert (await sync_to_async(run)(work)).passed_count <= 100


async def test_a_seek_from_beside_a_snapshot_leaves_no_step_out(engine: Engine, log: Log) -> None:
    await fill(engine, log, ["order-1"] * 250)
    events = await all_events(engine, log)
    source, last = StreamSource("order-1"), events[-1].position
    work = Fold(log.pk, by_stream, source, last).to(last, pace=Pace(max_events=None))
    assert (await sync_to_async(run)(work)).passed_count == 250
    states = folded_states(by_stream, events)
    for text in ("state.last>0", "state.last>0 -version:99..102 -version:199..202"):
        for n in (98, 99, 100, 101, 102, 199, 200, 201):
            for backward in (False, True):
                seek = Seek(by_stream, source, parse(text), n, 250, backward)
                result = await run_async(search.seek(log.pk, seek, head=last), engine.pool)
                assert result.event == brute(events, states, text, n, backward=backward)
