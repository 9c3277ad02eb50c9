"""Folding 10,000 events from Postgres, against reading and parsing the same rows, and against aggregates of a library.

The library is `eventsourcing`: its repository gets an aggregate from the same Postgres, from all of its events, or from
a snapshot and the fifty events after it.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

import orjson
import psycopg
import uvloop

from events.engine import Engine
from events.json.value import loads
from events.reading import db_work, store
from projections.definition.fold import fold
from projections.definition.projection import Projection, decode
from projections.registry import get
from projections.states.at_moment import state_at
from projections.states.fold import Pace
from projections.values.change import Json
from tests.benchmarks.aggregates import Aggregates
from tests.benchmarks.logs import make_append, make_log
from tests.benchmarks.measure import Table, milliseconds, ratio

_EVENTS = 10_000
_ROUNDS = 15
_CALLS = 40
"""The reads from a snapshot in a row. A server's statements are prepared, and it has not just done other work."""
_SIZES = (1_000, 10_000)
_BEHIND = 50
_STREAM = "task-1"

tools = Projection("tools", about="What the benchmark's peer keeps: calls and tokens by tool, and the last task.")


@tools.on("ToolCalled")
def called(state: dict[str, Any], happened: Any) -> Json:
    tool, tokens = happened.data["tool"], happened.data["tokens"]
    calls, spent = state.get(tool, (0, 0))
    return {**state, "task": happened.data["task"], tool: [calls + 1, spent + tokens["in"] + tokens["out"]]}


def run() -> Iterator[Table]:
    # It is chance in whose turn the garbage collector looks through all of Django, and it takes as long as the read.
    gc.disable()
    yield uvloop.run(_against_the_bare_read(make_log().pk))
    yield _against_aggregates()
    gc.enable()


async def _against_the_bare_read(log_id: int) -> Table:
    table = Table(f"Folding {_EVENTS:,} events read from Postgres", ("", "median", "÷ bare, orjson", "÷ bare, Decimal"))
    sql, parameters = store.stream_events(log_id, _STREAM, limit=_EVENTS).query.query.sql_with_params()
    async with Engine() as engine, await _connect() as connection:
        await engine.writer.append(log_id, [make_append(_STREAM, 0, _EVENTS)])

        async def bare(parse: Callable[[str], Any]) -> object:
            rows = await (await connection.execute(sql, parameters, prepare=True)).fetchall()
            return rows, [parse(row[5]) for row in rows]

        async def folded(projection: Projection) -> object:
            events = await store.stream_events(log_id, _STREAM, limit=_EVENTS).afetch(engine.pool)
            return events, fold(projection, map(decode, events), projection.initial)

        works = {
            "bare read, orjson.loads": partial(bare, orjson.loads),
            "bare read, every digit kept": partial(bare, loads),
            "latest": partial(folded, get("latest")),
            "tools": partial(folded, tools),
        }
        times: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(_ROUNDS):
            for name, work in works.items():
                gc.collect()
                start = time.perf_counter()
                result = await work()
                times[name].append(time.perf_counter() - start)
                del result
    floor, exact = (median(times[name]) for name in ("bare read, orjson.loads", "bare read, every digit kept"))
    for name, seconds in times.items():
        table.rows.append(
            (name, milliseconds(median(seconds)), ratio(median(seconds), floor), ratio(median(seconds), exact))
        )
    return table


def _against_aggregates() -> Table:
    heads = ("events", "from", "eventsourcing", "here", "× faster")
    table = Table("Rebuilding one aggregate (the state of one stream) from Postgres", heads)
    peer = Aggregates()
    for size in _SIZES:
        log_id, peer_id = make_log().pk, peer.make(size)
        uvloop.run(_append(log_id, 0, size))
        get = partial(peer.get, peer_id)
        _row(table, size, "all events", get, partial(_folded, log_id))
        peer.take_snapshot(peer_id)
        db_work.run(state_at(log_id, tools, _STREAM, pace=Pace(max_events=None)))
        peer.go_on(peer_id, size, _BEHIND)
        uvloop.run(_append(log_id, size, _BEHIND))
        _row(table, size + _BEHIND, "a snapshot", get, partial(_now, log_id), calls=_CALLS)
    peer.close()
    return table


def _row(
    table: Table, size: int, source: str, theirs: Callable[[], Any], ours: Callable[[], Any], *, calls: int = 1
) -> None:
    if theirs() != ours():
        raise AssertionError(f"Not the same state of {size} events: {theirs()} and {ours()}")
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):
        gc.collect()
        for work, times in zip((theirs, ours), seconds, strict=True):
            for _ in range(calls):
                start = time.perf_counter()
                work()
                times.append(time.perf_counter() - start)
    them, us = map(median, seconds)
    table.rows.append((f"{size:,}", source, milliseconds(them), milliseconds(us), ratio(them, us)))


def _folded(log_id: int) -> Json:
    events = store.stream_events(log_id, _STREAM, limit=max(_SIZES)).fetch()
    return fold(tools, map(decode, events), tools.initial)


def _now(log_id: int) -> Json:
    return db_work.run(state_at(log_id, tools, _STREAM)).value


async def _append(log_id: int, first: int, events: int) -> None:
    async with Engine() as engine:
        await engine.writer.append(log_id, [make_append(_STREAM, first, events)])


async def _connect() -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"], options="-c timezone=UTC")
