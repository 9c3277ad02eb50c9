"""Snapshots are a cache: stale and redacted ones are never used, they are few, and their loss is harmless."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from events import redaction
from events.engine import Engine
from events.models import Log
from events.reading.db_work import run_async
from projections import registry
from projections.definition.projection import Projection
from projections.models import Snapshot
from projections.states import snapshots
from projections.states.at_moment import state_at
from projections.states.fold import BLOCK, Pace
from projections.states.fold_cursor import (
    LARGE_STATE_CHARACTERS,
    MAX_SNAPSHOT_RATIO,
    SPACING_EVENTS,
    WIDE_SPACING_EVENTS,
)
from projections.states.moment import Moment
from projections.states.value_history import way_to
from tests.support.folds import all_events, by_log, by_stream, fill, from_zero, projection, texts

UNBOUNDED = Pace(chunk_events=500, max_events=None)


async def fold(engine: Engine, log: Log, projection: Projection, key: str = "order-1", pace: Pace = UNBOUNDED) -> None:
    await run_async(state_at(log.pk, projection, key, pace=pace), engine.pool)


async def poison(log: Log) -> None:
    """Spoil the log's snapshots: a fold that begins at one of them now gives a wrong state."""
    await Snapshot.objects.filter(log=log).aupdate(state='{"last": "poison"}')


@pytest.mark.parametrize("changed", [{"version": 2}, {"settings": {"a": 1}}, {"query": "-type:C"}])
async def test_a_snapshot_of_other_code_is_never_used_and_goes(
    engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    await fill(engine, log, ["order-1"] * 320)
    await fold(engine, log, by_stream)
    await poison(log)
    after = projection(**changed)
    expected = from_zero(after, "order-1", await all_events(engine, log))
    assert await run_async(state_at(log.pk, after, "order-1"), engine.pool) == expected
    monkeypatch.setitem(registry.PROJECTIONS, after.name, after)
    await sync_to_async(snapshots.drop_stale)()
    assert "poison" not in "".join(
        [text async for text in Snapshot.objects.filter(log=log).values_list("state", flat=True)]
    )
    assert await Snapshot.objects.filter(log=log).aexists()


async def test_the_snapshots_of_a_removed_projection_are_deleted(engine: Engine, log: Log) -> None:
    await fill(engine, log, ["order-1"] * 120)
    await fold(engine, log, projection("gone"))
    await sync_to_async(snapshots.drop_stale)()
    assert not await Snapshot.objects.filter(log=log).aexists()


async def test_a_redacted_event_is_in_no_later_state(engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    quotes = Projection("quotes", about="What was said, word for word.", initial=[])
    quotes.on("*")(lambda state, happened: [*state[-9:], happened.data])
    monkeypatch.setitem(registry.PROJECTIONS, "quotes", quotes)
    await fill(engine, log, ["order-1"] * 320)
    await fold(engine, log, quotes)
    await sync_to_async(redaction.redact)(log.pk, 195, reason="a secret", by="admin")
    events = await all_events(engine, log)
    for position in (
        194,
        195,
        199,
        200,
        204,
        320,
        321,
    ):  # the snapshot at 200 holds the redacted event
        state_found = await run_async(state_at(log.pk, quotes, "order-1", at=Moment(position=position)), engine.pool)
        assert state_found == from_zero(quotes, "order-1", events[:position])
    await Snapshot.objects.filter(log=log).aupdate(seen=320)  # as if the snapshots had been taken before the redactions
    await sync_to_async(snapshots.drop_stale)()
    assert [n async for n in Snapshot.objects.filter(log=log).order_by("n").values_list("n", flat=True)] == [100]


@pytest.mark.parametrize("folded_projection", [by_stream, texts], ids=lambda folded_projection: folded_projection.name)
async def test_snapshots_stay_apart_and_under_their_budget(
    engine: Engine, log: Log, folded_projection: Projection
) -> None:
    await fill(engine, log, ["order-1"] * 2_000)
    await fold(engine, log, folded_projection)
    events = await all_events(engine, log)
    rows = [each async for each in Snapshot.objects.filter(log=log, is_asked=False).order_by("n")]
    assert len(rows) >= 3
    for each in rows:
        assert each.n % SPACING_EVENTS == 0
        size = sum(len(event.data) + len(event.metadata) for event in events[: each.n])
        assert sum(len(other.state) for other in rows if other.n <= each.n) <= MAX_SNAPSHOT_RATIO * size
    # A small state has a snapshot at each place; the snapshots of a state that grows lie further and further apart.
    gaps = [after.n - before.n for before, after in pairwise(rows)]
    assert gaps == [SPACING_EVENTS] * len(gaps) if folded_projection is by_stream else gaps[-1] > gaps[0]


async def test_a_large_state_is_kept_at_wider_places(engine: Engine, log: Log) -> None:
    padded = Projection("padded", about="For a test.")
    padded.on("*")(lambda state, happened: {"last": happened.position, "padding": "x" * LARGE_STATE_CHARACTERS})
    await fill(engine, log, ["order-1"] * 3_000)
    await fold(engine, log, padded)
    numbers = [
        n async for n in Snapshot.objects.filter(log=log, is_asked=False).order_by("n").values_list("n", flat=True)
    ]
    assert len(numbers) >= 3
    assert {n % WIDE_SPACING_EVENTS for n in numbers} == {0}


async def test_any_order_of_folds_leaves_the_same_snapshots(engine: Engine, log: Log, other_log: Log) -> None:
    for each in (log, other_log):
        await fill(engine, each, ["order-1"] * 900)
    await fold(engine, log, texts)
    for position in (3, 199, 200, 201, 555, 900):  # in another order, in other chunks
        pace = Pace(chunk_events=37, max_events=None)
        await run_async(state_at(other_log.pk, texts, "order-1", at=Moment(position=position), pace=pace), engine.pool)

    async def snapshots_of(of: Log) -> list[tuple[object, ...]]:
        rows = Snapshot.objects.filter(log=of, is_asked=False).order_by("n")
        return [row async for row in rows.values_list("n", "place", "events", "kept_size", "state")]

    assert await snapshots_of(log) == await snapshots_of(other_log)


async def test_many_who_fold_at_once_do_not_collide(engine: Engine, log: Log) -> None:
    await fill(engine, log, ["order-1"] * 600)
    await asyncio.gather(*(fold(engine, log, by_log, "", Pace(chunk_events=50 + n, max_events=None)) for n in range(8)))
    assert [
        n async for n in Snapshot.objects.filter(log=log, is_asked=False).order_by("n").values_list("n", flat=True)
    ] == [*range(100, 601, 100)]


async def test_only_the_last_few_of_those_asked_for_are_kept(engine: Engine, log: Log) -> None:
    await fill(engine, log, ["order-1"] * 1_900)
    await fold(engine, log, texts)
    for position in range(1_110, 1_190, 10):
        at = Moment(position=position)
        await run_async(state_at(log.pk, texts, "order-1", at=at, pace=UNBOUNDED), engine.pool)
    assert await Snapshot.objects.filter(log=log, is_asked=True).acount() <= snapshots.MAX_REQUESTED_SNAPSHOTS


async def test_the_setters_of_a_state_with_few_snapshots_are_known(engine: Engine, log: Log) -> None:
    grows = Projection("grows", about="For a test.", initial=[])
    grows.on("*")(lambda state, happened: [*state, "x" * 400])
    await fill(engine, log, ["order-1"] * 2_600)
    await fold(engine, log, grows)
    rows = Snapshot.objects.filter(log=log, is_asked=False, n__gte=2_600 - BLOCK)
    assert not await rows.aexists(), "it is kept too often for this test"
    way = await run_async(way_to(log.pk, grows, "order-1"), engine.pool)
    assert 100 <= len(way.events) <= BLOCK
    assert way.setters(["/2599"])["/2599"].position == 2_600


async def test_the_cache_can_be_dropped_at_any_time(engine: Engine, log: Log) -> None:
    await fill(engine, log, ["order-1"] * 400)
    expected = from_zero(by_stream, "order-1", await all_events(engine, log))
    for _ in range(3):
        assert await run_async(state_at(log.pk, by_stream, "order-1"), engine.pool) == expected
        await Snapshot.objects.filter(log=log).adelete()
