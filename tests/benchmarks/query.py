"""The query language: events that a matcher reads, and searches in 1,000,000 events against the same question in SQL.

The SQL is what a person who knows the indexes would write for the newest 50. Two things are compared with it: the one
statement that a query's filter makes, run by the same driver; and the search as a page runs it, with everything around.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median
from typing import Any

import psycopg

from events.models import Log, LogHead
from events.query.match import event_matcher
from events.query.orm import where
from events.query.parse import parse
from events.reading import scan, store
from events.types import Event
from tests.benchmarks.logs import make_log
from tests.benchmarks.measure import Table, count, interleaved, milliseconds, ratio

_EVENTS = 1_000_000
_MATCHED = 20_000
_MATCHES = [
    "type:Type1*",
    "agent:agent-7 -type:Type7",
    "category:order OR correlation:run-7",
    "position:100..200",
    "since:2026-01-01T01:00",
    "data.ok:false",
    "data.args.flags:b data.tokens.in>4000",
    '"module_77"',
]
_FILL = """
    insert into event (log_id, position, stream, version, id, type, data, metadata, digest, agent, schema_version,
                       correlation_id, causation_id, recorded_at)
    select %(log)s, n, 'order-' || n %% 5000, n, 'id-' || n,
        case when n %% 10007 = 0 then 'Rare' else 'Type' || n %% 40 end,
        format('{"task":"task-%%s","tool":"%%s","args":{"path":"/srv/app/module_%%s.py","line":%%s,"flags":["a","b"]},'
               '"tokens":{"in":%%s,"out":%%s},"ok":%%s,"note":"lorem ipsum dolor sit amet consectetur %%s"}',
               n %% 100003, (array['shell','edit','search','http'])[1 + n %% 4], n %% 997, n %% 4000, n %% 9000,
               n %% 700, case when n %% 7 = 0 then 'false' else 'true' end, n * 7919 %% 100003)::json,
        '{}', decode(repeat('00', 32), 'hex'), 'agent-' || n %% 40, 1, 'run-' || n %% 20000, 'id-' || n - 1,
        '2026-01-01'::timestamptz + n * interval '1 second'
    from generate_series(1::bigint, %(events)s) n
"""
_COLUMNS = (f"{name}::text" if name in ("data", "metadata") else name for name in Event.__struct_fields__)
SELECT = f"select {', '.join(_COLUMNS)} from event where log_id = %s and "
_SEARCHES = {
    "": "true",
    "type:Rare": "type = 'Rare'",
    "type:Rar*": "type >= 'Rar' and type < 'Ras'",
    "type:Type7 agent:agent-7": "type = 'Type7' and agent = 'agent-7'",
    "stream:order-77 -type:Type7": "stream = 'order-77' and type <> 'Type7'",
    "correlation:run-77": "correlation_id = 'run-77'",
    "data.tool:edit": """data::jsonb @@ '$.tool == "edit"'""",
    "data.tokens.in>8900": "data::jsonb @@ '$.tokens.in > 8900'",
    "type:Rare data.ok:false": "type = 'Rare' and data::jsonb @@ '$.ok == false'",
    "type:*7 data.args.flags:b": """type like '%%7' and data::jsonb @@ '$.args.flags == "b"'""",
    '"module_77"': (
        "strpos(lower(concat_ws(' ', type, stream, id, agent, correlation_id, causation_id, data, metadata)),"
        " 'module_77') > 0"
    ),
}


def run() -> Iterator[Table]:
    log = make_log()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        fill(connection, log, events=_EVENTS)
        yield _matching(store.events(log.pk, limit=_MATCHED).fetch())
        yield _searching(connection, log)


def fill(connection: psycopg.Connection, log: Log, *, events: int) -> None:
    """Write events as agents might have written them, but quickly: beside the writer, into an empty log."""
    connection.execute(_FILL, {"log": log.pk, "events": events})
    connection.execute("vacuum analyze event")
    LogHead.objects.filter(log=log).update(head=events)


def _matching(events: list[Event]) -> Table:
    table = Table("Matching: events a second through one matcher, one process", ("query", "events/s"))
    rates = interleaved({query: partial(_rate, query, events) for query in _MATCHES})
    table.rows += [(query, count(rate)) for query, rate in rates.items()]
    return table


def _rate(query: str, events: list[Event]) -> float:
    matches = event_matcher(parse(query))
    start = time.perf_counter()
    for event in events:
        matches(event)
    return len(events) / (time.perf_counter() - start)


def _searching(connection: psycopg.Connection, log: Log) -> Table:
    heads = ("query", "SQL", "our filter", "÷ SQL", "search", "÷ SQL")
    table = Table(f"Searching: the newest 50 of {_EVENTS:,} events", heads)
    for query, condition in _SEARCHES.items():
        statement = partial(_sql, connection, f"{SELECT}{condition} order by position desc limit 50", [log.pk])
        filtered = partial(_sql, connection, *_filter(log, query))
        search = partial(_search, log, query)
        assert statement() == filtered() == search(), query
        times = interleaved(
            {
                "SQL": partial(median_time, statement),
                "filter": partial(median_time, filtered),
                "search": partial(median_time, search),
            }
        )
        sql, ours, whole = times.values()
        table.rows.append(
            (
                query or "(everything)",
                milliseconds(sql),
                milliseconds(ours),
                ratio(ours, sql),
                milliseconds(whole),
                ratio(whole, sql),
            )
        )
    return table


def _filter(log: Log, query: str) -> tuple[str, Sequence[Any]]:
    """The statement that the tree's filter makes, over all positions at once."""
    events_read = store.events(log.pk, where(parse(query)), after=0, before=_EVENTS + 1, backward=True, limit=50)
    sql, params = events_read.query.query.sql_with_params()
    return sql, params


def _search(log: Log, query: str) -> list[int]:
    """The search of a page that has the log: parse, compile, search in slices, on Django's connection."""
    search = scan.search_events(log.pk, parse(query), limit=50, budget=60, head=_EVENTS)
    return [event.position for event in search.fetch().events]


def _sql(connection: psycopg.Connection, sql: str, params: Sequence[Any]) -> list[int]:
    return [Event(*row).position for row in connection.execute(sql, params).fetchall()]


def median_time(work: Callable[[], object]) -> float:
    """The median of seven times, in seconds."""
    times = []
    for _ in range(7):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return median(times)
