"""Reading 10,000 events and decoding their data, against the same query in bare psycopg."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from statistics import median

import orjson
import psycopg
import uvloop

from events.engine import Engine
from events.reading import store
from tests.benchmarks.logs import make_append, make_log
from tests.benchmarks.measure import Table, milliseconds, ratio

_EVENTS = 10_000
_ROUNDS = 15


def run() -> Iterator[Table]:
    # It is chance in whose turn the garbage collector looks through all of Django, and it takes as long as the read.
    gc.disable()
    ours, bare = uvloop.run(_times(make_log().pk))
    gc.enable()
    table = Table(f"Reading {_EVENTS:,} events and decoding their data", ("", "median", "÷ bare"))
    table.rows.append(("bare psycopg", milliseconds(bare), ""))
    table.rows.append(("store.events().afetch()", milliseconds(ours), ratio(ours, bare)))
    yield table


async def _times(log_id: int) -> tuple[float, float]:
    """The seconds of the store's read and of the bare read, which take turns."""
    ours, bare = [], []
    sql, parameters = store.events(log_id, limit=_EVENTS).query.query.sql_with_params()
    async with Engine() as engine, await _connect() as connection:
        await engine.writer.append(log_id, [make_append("stream-1", 0, _EVENTS)])
        for _ in range(_ROUNDS):
            gc.collect()
            start = time.perf_counter()
            rows = await (await connection.execute(sql, parameters, prepare=True)).fetchall()
            decoded = [orjson.loads(row[5]) for row in rows]
            bare.append(time.perf_counter() - start)
            del rows, decoded
            gc.collect()
            start = time.perf_counter()
            events = await store.events(log_id, limit=_EVENTS).afetch(engine.pool)
            decoded = [orjson.loads(event.data) for event in events]
            ours.append(time.perf_counter() - start)
            del events, decoded
    return median(ours), median(bare)


async def _connect() -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"], options="-c timezone=UTC")
