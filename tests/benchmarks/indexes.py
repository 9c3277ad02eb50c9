"""The cost of each index and of the triggers for an append: dropped in a transaction, measured, and rolled back.

The indexes of `event` are measured by inserts into a copy of it, because an append needs one of them to look for known
ids. All else is measured by appends.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count as counter

import psycopg

from events import sql
from events.appending import flush
from events.appending.checks import new_append, new_event
from events.appending.plan import Request, plan
from tests.benchmarks import payloads
from tests.benchmarks.logs import make_log
from tests.benchmarks.measure import Table, interleaved

_FLUSH = 100
_FLUSHES = 20
_COPIES = 100
"""The copy holds this many times the rows that are inserted: an index of an empty table costs nothing."""
_ROUNDS = 15
_INDEXES = """
    select pg_get_indexdef(i.indexrelid), i.indexrelid::regclass::text, c.oid is not null
    from pg_index i left join pg_constraint c on c.conindid = i.indexrelid and c.contype in ('p', 'u')
    where i.indrelid = %s::text::regclass order by c.oid is null, i.indexrelid
"""
_BYTES = """
    select pg_get_indexdef(indexrelid), pg_relation_size(indexrelid) from pg_index
    where indrelid = %s::text::regclass"""
_ARBITER = "stream_pkey"
"""`on conflict` needs this index."""
_NO_TRIGGERS = "; ".join(f"alter table {table} disable trigger user" for table in ("log", "stream", "event"))

_logs = counter(1)
_Cost = Callable[[psycopg.Connection, str], float]


def run() -> Iterator[Table]:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        rows_in_copy = _prepare(connection)
        sizes = _bytes_a_row(connection, rows_in_copy)
        costs = _measured(_insert, connection, _drops(connection, "event_copy"))
        title = f"Indexes of event: µs and bytes a row, inserted by {_FLUSH}, {rows_in_copy:,} rows there"
        yield _table(title, costs, sizes)
        costs = _measured(_append, connection, _drops(connection, "stream") | {"the triggers": _NO_TRIGGERS})
        yield _table(f"What else there is: µs an event, appended by {_FLUSH} to as many streams", costs)
        connection.execute("drop table event_copy")


def _table(title: str, costs: dict[str, float], sizes: dict[str, float] | None = None) -> Table:
    table = Table(title, ("without", "µs", "saved", *(["bytes"] if sizes else [])))
    for name, cost in costs.items():
        size = [f"{sizes[name]:.1f}" if name in sizes else ""] if sizes else []
        table.rows.append((name, f"{cost:.1f}", f"{costs['-'] - cost:.1f}", *size))
    return table


def _measured(cost: _Cost, connection: psycopg.Connection, drops: dict[str, str]) -> dict[str, float]:
    return interleaved(
        {name: partial(cost, connection, drop) for name, drop in ({"-": ""} | drops).items()}, rounds=_ROUNDS
    )


def _bytes_a_row(connection: psycopg.Connection, rows: int) -> dict[str, float]:
    """The bytes of each index of the copy for each of its rows, as they are after inserts into many logs."""
    return {
        definition.partition("USING ")[2]: size / rows
        for definition, size in connection.execute(_BYTES, ["event_copy"]).fetchall()
    }


def _drops(connection: psycopg.Connection, table: str) -> dict[str, str]:
    """The statements that drop each index of a table, and those that drop all of them."""
    drops = {
        definition.partition("USING ")[2]: f"alter table {table} drop constraint {index}"
        if constraint
        else f"drop index {index}"
        for definition, index, constraint in connection.execute(_INDEXES, [table]).fetchall()
        if index != _ARBITER
    }
    return drops | {"all of these": "; ".join(drops.values())}


def _prepare(connection: psycopg.Connection) -> int:
    """Make the rows to insert, and the copy that holds more of them; return their number."""
    log_id = make_log().pk
    for parameters in _flushes(log_id):
        connection.execute(sql.APPEND, parameters)
    connection.execute("create temp table example as select * from event where log_id = %s", [log_id])
    connection.execute("create index on example (position)")
    connection.execute("create table event_copy (like event including all)")
    for _ in range(_COPIES):
        _copy(connection, next(_logs), 0, _FLUSHES)
    connection.execute("vacuum analyze event_copy")
    return _COPIES * _FLUSH * _FLUSHES


def _copy(connection: psycopg.Connection, log_id: int, start: int, stop: int) -> None:
    """Insert the rows of some flushes into the copy, as rows of another log."""
    columns = [column.name for column in connection.execute("select * from example limit 0").description or ()]
    values = ["%s" if column == "log_id" else column for column in columns]
    connection.execute(
        f"insert into event_copy select {', '.join(values)} from example where position > %s and position <= %s",
        [log_id, start * _FLUSH, stop * _FLUSH],
    )


def _insert(connection: psycopg.Connection, drop: str) -> float:
    """Microseconds for each row of the copy, without the commit."""
    log_id = next(_logs)
    with connection.transaction(force_rollback=True):
        connection.execute(drop)
        start = time.perf_counter()
        for number in range(_FLUSHES):
            _copy(connection, log_id, number, number + 1)
        return (time.perf_counter() - start) / (_FLUSH * _FLUSHES) * 1e6


def _append(connection: psycopg.Connection, drop: str) -> float:
    """Microseconds for each appended event, without the commit."""
    flushes = _flushes(make_log().pk)
    with connection.transaction(force_rollback=True):
        connection.execute(drop)
        connection.execute(sql.APPEND, flushes[0])
        start = time.perf_counter()
        for parameters in flushes[1:]:
            connection.execute(sql.APPEND, parameters)
        return (time.perf_counter() - start) / (_FLUSH * (_FLUSHES - 1)) * 1e6


def _flushes(log_id: int) -> list[list[object]]:
    return [flush.append_parameters(log_id, plan([_request(number)])) for number in range(_FLUSHES)]


def _request(number: int) -> Request:
    """Appends of one event to each of many streams, with every field set that an index covers."""
    appends = []
    for place in range(number * _FLUSH, (number + 1) * _FLUSH):
        stream = f"stream-{place * 7 % 1000}"
        event = new_event(
            stream,
            f"{payloads.TYPE}{place % 20}",
            data=payloads.data(place),
            agent=f"agent-{place % 17}",
            correlation_id=f"run-{place // 50}",
            causation_id=f"cause-{place - 1}",
        )
        appends.append(new_append(stream, [event]))
    return Request(appends)
