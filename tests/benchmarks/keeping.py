"""The cost of the built-in projections: bytes for each event, and bulk appends beside the runner that keeps them."""

from __future__ import annotations

import asyncio
import json
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from itertools import cycle

import psycopg
import uvloop

from events.appending.checks import new_append, new_event
from events.engine import Engine
from events.models import Log
from events.types import Append
from eventsite.workers import Worker, Workers
from projections.materialise.runner import Runner
from projections.registry import PROJECTIONS
from tests.benchmarks.logs import make_log
from tests.benchmarks.measure import Table, count, interleaved, ratio

_EVENTS, _ORDERS, _AGENTS = 30_000, 3_000, 20
_TYPES = ("order.placed", "order.routed", "order.paid", "order.dispatched")
_DATA_BYTES = 121
_FLUSH = 500
_CALLERS, _BATCH = 8, 100
_SECONDS = 4.0
_PATIENCE_SECONDS = 60.0
_KEPT = sum(projection.materialised for projection in PROJECTIONS.values())
_PASSED = "select count(*) from checkpoint where log_id = %s and position >= %s"
_TABLES = {
    "the event and its indexes": ("event",),
    "states": ("projection_state",),
    "notes of where a key's events stand": ("key_places",),
}


def run() -> Iterator[Table]:
    yield _weight()
    yield _beside()


def _append(number: int, order: int) -> Append:
    """An event of an order like those of the demo, in the order's workflow."""
    name = f"order-{order:05}"
    data = {"status": "placed", "van": number % 40, "stop": number % 9, "note": ""}
    data["note"] = "x" * (_DATA_BYTES - len(json.dumps(data)))
    agent, type_ = f"agent-{number % _AGENTS:02}", _TYPES[number % len(_TYPES)]
    event = new_event(name, type_, data=json.dumps(data).encode(), agent=agent, correlation_id=name)
    return new_append(name, [event], read_position=number)


def _weight() -> Table:
    before = _sizes()
    log = make_log()
    uvloop.run(_fill(log.pk))
    runner = Runner(logs=[log.pk])
    while runner.turn():
        pass
    runner.close()
    counted = "select sum(events) from projection_state where log_id = %s"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:
        [events] = session.execute(counted, [log.pk]).fetchone() or (0,)
    title = f"{_EVENTS:,} events of {_DATA_BYTES} bytes of data, by the built-in projections"
    table = Table(title, ("", "bytes an event"))
    for name, size in _sizes().items():
        table.rows.append((name, count((size - before[name]) / _EVENTS)))
    table.rows.append(("states that an event is folded into", f"{events / _EVENTS:.1f}"))
    return table


def _sizes() -> dict[str, int]:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:

        def size(table: str) -> int:
            [bytes_] = session.execute("select pg_total_relation_size(to_regclass(%s))", [table]).fetchone() or (0,)
            return bytes_ or 0

        return {name: sum(map(size, tables)) for name, tables in _TABLES.items()}


async def _fill(log_id: int) -> None:
    chance = random.Random(1)
    async with Engine() as engine:
        for first in range(0, _EVENTS, _FLUSH):
            batch = [_append(first + n, chance.randrange(_ORDERS)) for n in range(_FLUSH)]
            await engine.writer.append(log_id, batch)


def _beside() -> Table:
    rates = interleaved({"alone": partial(_rate, kept=False), "beside": partial(_rate, kept=True)})
    title = f"Bulk appends, {_CALLERS} callers of {_BATCH} events each, without and with the built-in projections kept"
    table = Table(title, ("", "events/s", "÷ alone"))
    for name, rate in rates.items():
        table.rows.append((name, count(rate), ratio(rate, rates["alone"])))
    return table


def follow(stopping: threading.Event, log_id: int) -> None:
    """Follow a log with a runner, as the work of a process."""
    Runner(logs=[log_id]).run(stopping)


def _rate(*, kept: bool) -> float:
    log = make_log()
    runner = Worker("runner", "tests.benchmarks.keeping.follow", arguments={"log_id": log.pk})
    with Workers([runner]) if kept else nullcontext():
        return uvloop.run(_written(log, followers=_KEPT if kept else 0))


async def _written(log: Log, *, followers: int) -> float:
    """Events a second of all callers. The time begins when the runner has reached this position in each projection."""
    orders = cycle(range(_ORDERS))
    async with Engine() as engine:

        async def call(stop: float) -> int:
            event_count = 0
            while True:
                await engine.writer.append(log.pk, [_append(n, next(orders)) for n in range(_BATCH)])
                event_count += _BATCH
                if time.perf_counter() > stop:
                    return event_count

        await _until(log, followers, position=await call(0))
        start = time.perf_counter()
        counts = await asyncio.gather(*(call(start + _SECONDS) for _ in range(_CALLERS)))
        return sum(counts) / (time.perf_counter() - start)


async def _until(log: Log, followers: int, *, position: int) -> None:
    """Wait until this number of builds has passed a position."""
    deadline = time.perf_counter() + _PATIENCE_SECONDS
    session = await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"], autocommit=True)
    async with session:
        while time.perf_counter() < deadline:
            [passed] = await (await session.execute(_PASSED, [log.pk, position])).fetchone() or (0,)
            if passed >= followers:
                return
            await asyncio.sleep(0.05)
    raise TimeoutError(f"{followers} builds do not come to position {position}.")
