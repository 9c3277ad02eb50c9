"""The floor of a queue in Postgres: insert a row for each event of a batch, read the events, and delete the rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from itertools import cycle

import psycopg
import uvloop

from events.models import Log
from events.reading.store import EVENT_COLUMNS
from tests.benchmarks.consuming.timing import Turn, rate

_TABLE = """
    drop table if exists taken_event;
    create table taken_event (position bigint primary key, key text, token uuid)
"""
_INSERT = """
    insert into taken_event select p::bigint, 'key-' || p, gen_random_uuid() from unnest(string_to_array(%s, ',')) p
"""
_READ = f"select {EVENT_COLUMNS} from event where log_id = %s and position between %s and %s"
_DELETE = "delete from taken_event where position = any(string_to_array(%s, ',')::bigint[])"


def floor_rate(log: Log, *, consumers: int, batch: int, most: int) -> float:
    """Events a second of the first `most` of a log, over and over. Each consumer has a session of its own."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:
        session.execute(_TABLE)
    return uvloop.run(_rate(log.pk, consumers, batch, most))


async def _rate(log_id: int, consumers: int, batch: int, most: int) -> float:
    connect = psycopg.AsyncConnection.connect
    sessions = [await connect(os.environ["DATABASE_URL"], autocommit=True) for _ in range(consumers)]
    batches = cycle(range(1, most - batch + 2, batch))
    turns: list[Turn] = [partial(_turn, session, log_id, batches, batch) for session in sessions]
    events = await rate(turns, most=most)
    for session in sessions:
        await session.close()
    return events


async def _turn(session: psycopg.AsyncConnection, log_id: int, batches: Iterator[int], batch: int) -> int:
    first = next(batches)
    positions = ",".join(map(str, range(first, first + batch)))
    await session.execute(_INSERT, [positions], prepare=True)
    cursor = await session.execute(_READ, [log_id, first, first + batch - 1], prepare=True, binary=True)
    events = await cursor.fetchall()
    assert len(events) == batch
    await session.execute(_DELETE, [positions], prepare=True)
    return batch
