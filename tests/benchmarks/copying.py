"""The writer against COPY, which checks nothing, numbers nothing and answers nobody.

Neither is timed for its input: the writer's appends were checked before, and COPY's rows were made before.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from itertools import count as counter
from typing import LiteralString

import psycopg
from psycopg import sql

from events.types import NewEvent
from tests.benchmarks.logs import make_append, prepared_rate
from tests.benchmarks.measure import Table, count, interleaved, ratio

_BATCH = 1_000
_BATCHES = 30
_OURS = "the writer, 8 callers"
_COLUMNS: tuple[LiteralString, ...] = (
    *("log_id", "position", "stream", "version", "recorded_at", "id", "type", "data", "metadata", "agent"),
    *("schema_version", "correlation_id", "causation_id", "occurred_at", "digest"),
)


def run() -> Iterator[Table]:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("create table event_indexed (like event including all)")
        connection.execute("create table event_bare (like event)")
        copy = partial(_copy_rate, connection)
        rates = interleaved(
            {
                _OURS: partial(prepared_rate, callers=8, batch=_BATCH, appends=_BATCHES),
                "the writer, 1 caller": partial(prepared_rate, callers=1, batch=_BATCH, appends=_BATCHES),
                "COPY with the indexes, rows from Python": partial(copy, "event_indexed", as_text=False),
                "COPY with the indexes, text made before": partial(copy, "event_indexed", as_text=True),
                "COPY, bare, rows from Python": partial(copy, "event_bare", as_text=False),
                "COPY, bare, text made before": partial(copy, "event_bare", as_text=True),
            },
            rounds=5,
        )
        connection.execute("drop table event_indexed, event_bare")
    table = Table(f"COPY: events a second, {_BATCH:,} a transaction", ("", "events/s", "ours ÷ it"))
    table.rows += [(name, count(rate), ratio(rates[_OURS], rate)) for name, rate in rates.items()]
    yield table


_numbers = counter(1)


def _copy_rate(connection: psycopg.Connection, table: str, *, as_text: bool) -> float:
    """Events a second while COPY and its commit run. The time to make the rows and their text is left out."""
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))
    )
    spent = 0.0
    for _ in range(_BATCHES):
        rows = _batch(next(_numbers))
        text = "".join(map(_line, rows)) if as_text else ""
        start = time.perf_counter()
        with connection.cursor().copy(statement) as copy:
            if as_text:
                copy.write(text)
            else:
                for row in rows:
                    copy.write_row(row)
        spent += time.perf_counter() - start
    return _BATCHES * _BATCH / spent


def _batch(number: int) -> list[tuple[object, ...]]:
    first = number * _BATCH
    events = make_append("stream-1", first, _BATCH).events
    return [_row(event, first + place) for place, event in enumerate(events)]


def _row(event: NewEvent, position: int) -> tuple[object, ...]:
    return (
        *(1, position, f"stream-{position % 8}", position, "2026-01-01T00:00:00Z", event.id, event.type, event.data),
        *(event.metadata, event.agent, event.schema_version, event.correlation_id, event.causation_id),
        *(event.occurred_at, event.digest),
    )


def _line(row: tuple[object, ...]) -> str:
    return "\t".join("\\N" if value is None else _field(value) for value in row) + "\n"


def _field(value: object) -> str:
    return rf"\\x{value.hex()}" if isinstance(value, bytes) else str(value).replace("\\", r"\\")
