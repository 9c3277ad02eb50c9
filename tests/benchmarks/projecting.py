"""Materialised projections: the speed at which one catches up, its ceiling, the delay of a new event."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import uvloop

from events.appending.checks import new_append, new_event
from events.engine import Engine
from events.models import Log
from events.reading import store
from eventsite.workers import Worker, Workers
from projections.definition.projection import Decoded, Projection
from projections.materialise.runner import Runner
from tests.benchmarks import payloads
from tests.benchmarks.logs import make_append, make_log
from tests.benchmarks.measure import Table, count, milliseconds, p99

_EVENTS, _KEYS = 100_000, 10_000
_FLUSH = 1_000
_ROUNDS = 3
_APPENDS = 300
_PATIENCE = 30.0
_REST = 0.03
"""Seconds between two appends, so that no notification waits for the one before it."""
_OPTIONS = "-c timezone=UTC -c plan_cache_mode=force_custom_plan"
_POSITION = "select position from checkpoint where log_id = %s and projection = 'latest' and is_live"


def run() -> Iterator[Table]:
    log = make_log()
    uvloop.run(_fill(log.pk))
    yield _catching_up(log)
    yield _showing(make_log())


def _projection() -> Projection:
    """Merges the last event of a key into the state, which has about 300 characters."""
    latest = Projection("latest", about="For a benchmark.", materialised=True)

    @latest.on("*")
    def merge(state: Any, happened: Decoded) -> Any:
        return {**state, **happened.data, "events": state.get("events", 0) + 1}

    return latest


async def _fill(log_id: int) -> None:
    """Events of streams in no order, so that a batch meets almost as many keys as it has events."""
    chance = random.Random(1)
    async with Engine() as engine:
        for first in range(0, _EVENTS, _FLUSH):
            await engine.writer.append(
                log_id,
                [make_append(f"order-{chance.randrange(_KEYS)}", first + n, 1) for n in range(_FLUSH)],
            )


def _catching_up(log: Log) -> Table:
    spent: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        for name, seconds in {**_bare(log.pk), **_caught_up(log)}.items():
            spent.setdefault(name, []).append(seconds)
    medians = {name: median(times) for name, times in spent.items()}
    whole = medians["caught up"]
    title = f"Catching up: {_EVENTS:,} events of {_KEYS:,} keys, one projection"
    table = Table(title, ("", "events/s", "µs an event", "of it all"))
    for name, seconds in medians.items():
        rate, each = count(_EVENTS / seconds), f"{seconds / _EVENTS * 1e6:.1f}"
        table.rows.append((name, rate, each, f"{seconds / whole:.0%}"))
    return table


def _bare(log_id: int) -> dict[str, float]:
    """Read the whole log by the thousand, and read and decode it: no runner can be faster."""
    read = decoded = 0.0
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, options=_OPTIONS) as session:
        for after in range(0, _EVENTS, _FLUSH):
            start = time.perf_counter()
            events = store.events(log_id, after=after, before=after + _FLUSH + 1, limit=_FLUSH).fetch_on(session)
            read += time.perf_counter() - start
            for event in events:
                Decoded(event).data  # noqa: B018
            decoded += time.perf_counter() - start
    return {"bare read": read, "bare read and decode": decoded}


def _caught_up(log: Log) -> dict[str, float]:
    """Seconds in all, seconds of each stretch of the transactions, and processor seconds of this process."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:
        for table in ("projection_state", "checkpoint"):
            session.execute(f"delete from {table} where log_id = %s", [log.pk])
        session.execute("vacuum projection_state")
    clock = _Clock()
    runner = Runner(logs=[log.pk], projections={"latest": _projection()}, at=clock)
    runner.turn()  # connects and begins the build; the batch of this turn is not counted
    start, worked, served = time.perf_counter(), time.process_time(), _server_seconds()
    clock.reset()
    while runner.turn():
        pass
    seconds = time.perf_counter() - start
    work, service = time.process_time() - worked, _server_seconds() - served
    runner.close()
    return {
        "caught up": seconds,
        "· read, load, fold": clock.spent["folded"],
        "· write states": clock.spent["stored"],
        "· checkpoint, commit": clock.spent["written"] + clock.spent["committed"],
        "processor time of Python": work,
        "processor time of Postgres": service,
        "both: with the processors to itself": work + service,
    }


def _server_seconds() -> float:
    """The processor time of the server process that the runner talks to.

    The two take turns: their sum is the ceiling.
    """
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:
        row = session.execute("select pid from pg_stat_activity where application_name like '%projections live'")
        [pid] = row.fetchone() or (0,)
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


class _Clock:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.spent = dict.fromkeys(("locked", "folded", "stored", "written", "committed"), 0.0)
        self._last = time.perf_counter()

    def __call__(self, point: str) -> None:
        now = time.perf_counter()
        self.spent[point] += now - self._last
        self._last = now


def _showing(log: Log) -> Table:
    """Append one event, wait until the checkpoint has passed it, rest, and repeat."""
    runner = Worker("runner", "tests.benchmarks.projecting.follow", arguments={"log_id": log.pk})
    with Workers([runner]):
        times = uvloop.run(_times(log.pk))
    table = Table(f"From an append to its state, an append every {_REST * 1000:.0f} ms", ("", "median", "p99"))
    for name, values in times.items():
        table.rows.append((name, milliseconds(median(values)), milliseconds(p99(values))))
    return table


def follow(stopping: threading.Event, log_id: int) -> None:
    """Follow a log with a runner, as the work of a process."""
    Runner(logs=[log_id], projections={"latest": _projection()}).run(stopping)


async def _times(log_id: int) -> dict[str, list[float]]:
    answered, shown = [], []
    session = await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"], autocommit=True)
    async with Engine() as engine, session:

        async def until(position: int) -> None:
            while time.perf_counter() < start + _PATIENCE:
                row = await (await session.execute(_POSITION, [log_id], prepare=True)).fetchone()
                if row and row[0] >= position:
                    return
            raise TimeoutError(f"The state at {position} does not come.")

        for n in range(_APPENDS):
            await asyncio.sleep(_REST)
            data = payloads.data(n)
            append = new_append(f"order-{n % 100}", [new_event(f"order-{n % 100}", payloads.TYPE, data=data)])
            start = time.perf_counter()
            await engine.writer.append(log_id, [append])
            acknowledged = time.perf_counter()
            await until(n + 1)
            if n:  # the first waits for the process to start
                answered.append(acknowledged - start)
                shown.append(time.perf_counter() - start)
    return {"the append answered": answered, "its state visible": shown}
