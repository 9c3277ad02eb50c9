"""The append beside the append as it was before, in one Postgres, in turns; and the old one against itself."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from statistics import median

import orjson
import psycopg
import uuid_utils

from events import sql
from events.appending import flush
from events.appending.checks import new_append, new_event
from events.appending.plan import Request, plan
from events.lists import keeper
from events.types import Append, NewEvent
from tests.benchmarks import before, payloads
from tests.benchmarks.http import append_rate
from tests.benchmarks.load import generator, post
from tests.benchmarks.logs import append, make_log, make_token, rate
from tests.benchmarks.measure import Table, count, interleaved, milliseconds, ratio
from tests.benchmarks.servers import Server

_CELLS = (
    *((1, 1, 1, 1_000), (8, 1, 1, 4_000), (64, 1, 1, 8_000)),
    *((1, 100, 1, 100), (8, 100, 1, 200), (1, 1_000, 1, 20), (8, 1_000, 1, 30)),
    *((1, 100, 100, 100), (8, 100, 100, 200), (1, 1_000, 1_000, 20), (8, 1_000, 1_000, 30)),
)
"""Callers, events in each request, streams in each request, and requests."""
_HTTP_CELLS = ((1, 1), (16, 1), (64, 1), (8, 100), (8, 1_000))
"""Connections, and events in each request."""
_CALLS = ((1, 600), (100, 60), (1_000, 30))
"""Events in each call, and calls."""
_ROUNDS = 5
_DISK_EVENTS, _DISK_BATCH = 50_000, 500
_STREAMS, _AGENTS, _EVENTS_OF_WORKFLOW = 2_000, 40, 50
_DISK_LOGS = ((2_000, 50), (5_000, 10))
"""Streams, and events of a workflow."""
_PARTS = (
    ("event: rows", "event", "event"),
    ("event: position", "event_pkey", "event_pkey"),
    ("event: stream, version", "event_stream_version", "event_stream_version"),
    ("event: id", "event_id", "event_id"),
    ("event: type", "event_type_block", "event_type"),
    ("event: agent", "event_agent_block", "event_agent"),
    ("event: workflow", "event_correlation_block", "event_correlation"),
    ("event: cause", "event_causation_block", "event_causation"),
    ("event: time", "event_second", "event_at"),
    ("stream: rows", "stream", "stream"),
    ("stream: name", "stream_pkey", "stream_pkey"),
    ("stream: category", "", "stream_category"),
    ("stream: last event", "stream_last_block", "stream_last_position"),
    ("workflow: rows", "workflow", "workflow"),
    ("workflow: id", "workflow_pkey", "workflow_pkey"),
    ("workflow: last event", "workflow_last_block", "workflow_last_position"),
)
"""The tables and their indexes: in words, now and before."""
_SIZES = """
    select n.nspname, c.relname, pg_table_size(c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'before')"""


def run() -> Iterator[Table]:
    old = before.create()
    yield _calls(old)
    yield _rates(old)
    yield _http(old)
    for streams, events_of_workflow in _DISK_LOGS:
        yield _disk(old, streams, events_of_workflow)


def _calls(old: str) -> Table:
    """One call of each function with events of workflows, agents and causes: the old one lists them, too."""
    table = Table("Append: one call of the function", ("events", "now", "before", "events/s now ÷ before"))
    ids = [str(uuid_utils.uuid7()) for _ in range(sum(events * calls for events, calls in _CALLS))]
    with (
        psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session,
        psycopg.connect(old, autocommit=True) as old_session,
    ):
        call = partial(_call, session, make_log().pk, ids)
        old_call = partial(_call, old_session, before.make_log(old).pk, ids)
        first = 0
        for events, calls in _CALLS:
            times, old_times = [], []
            for _ in range(calls):
                times.append(call(first, events))
                old_times.append(old_call(first, events))
                first += events
            now, then = median(times), median(old_times)
            table.rows.append((count(events), milliseconds(now), milliseconds(then), ratio(then, now)))
    return table


def _call(session: psycopg.Connection, log_id: int, ids: Sequence[str], first: int, events: int) -> float:
    appends = [_one(number, ids) for number in range(first, first + events)]
    parameters = flush.append_parameters(log_id, plan([Request(appends)]))
    start = time.perf_counter()
    row = session.execute(sql.APPEND, parameters, prepare=True).fetchone()
    seconds = time.perf_counter() - start
    assert row
    assert row[0] is True
    return seconds


def _rates(old: str) -> Table:
    heads = ("callers", "events a request", "of streams", "now", "before", "now ÷ before", "before ÷ before")
    table = Table("Append: events a second, now and as it was before", heads)
    for callers, batch, streams, requests in _CELLS:
        now_rate = partial(_rate, callers, batch, streams, requests)
        measures = {"now": now_rate, "before": partial(now_rate, old), "again": partial(now_rate, old)}
        rates = interleaved(measures, rounds=_ROUNDS)
        now, then, again = rates.values()
        cell = (str(callers), count(batch), count(streams))
        table.rows.append((*cell, count(now), count(then), ratio(now, then), ratio(again, then)))
    return table


def _rate(callers: int, batch: int, streams: int, requests: int, old: str | None = None) -> float:
    """Events a second through one writer. They are of agents at work; a request has an append for each stream."""
    ids = [str(uuid_utils.uuid7()) for _ in range(batch * requests)]
    size = batch // streams
    appends = []
    for first in range(0, len(ids), size):
        stream = f"order-{first // size * 7919 % _STREAMS}"
        appends.append(new_append(stream, [_event(stream, number, ids) for number in range(first, first + size)]))
    prepared = [appends[first : first + streams] for first in range(0, len(appends), streams)]
    return rate(before.make_log(old).pk if old else make_log().pk, prepared, callers=callers, conninfo=old)


def _http(old: str) -> Table:
    """The same server on the old function and tables, beside the one of today."""
    heads = ("connections", "events a request", "now", "before", "now ÷ before")
    table = Table("Append over HTTP: requests a second, now and as it was before", heads)
    logs = {"now": make_log(), "before": before.make_log(old)}
    with ExitStack() as stack:
        load = stack.enter_context(generator())
        ports = {
            name: stack.enter_context(Server("eventsite.asgi:application", log_id=log.pk, **environment)).port
            for (name, log), environment in zip(logs.items(), ({}, {"DATABASE_URL": old}), strict=True)
        }
        for connections, batch in _HTTP_CELLS:
            measures = {
                name: partial(append_rate, load, ports[name], connections, _requests(make_token(log), batch))
                for name, log in logs.items()
            }
            now, then = interleaved(measures, rounds=_ROUNDS).values()
            table.rows.append((str(connections), count(batch), count(now), count(then), ratio(now, then)))
    return table


def _requests(token: str, batch: int) -> list[bytes]:
    """Requests with events of agents at work, each request to another stream."""
    return [
        post(f"/api/streams/order-{number}/events", _body(number * batch, batch), token=token)
        for number in range(500 // batch + 20)
    ]


def _body(first: int, events: int) -> bytes:
    members = {"agent": f"agent-{first % _AGENTS:02}", "correlation_id": f"run-{first // _EVENTS_OF_WORKFLOW:06}"}
    data = map(payloads.data, range(first, first + events))
    return orjson.dumps({"events": [{"type": "ToolCalled", "data": orjson.Fragment(text), **members} for text in data]})


def _disk(old: str, streams: int, events_of_workflow: int) -> Table:
    """The bytes of the same events, with their lists, as they are after so many appends."""
    title = (
        f"Disk: bytes an event, {_DISK_EVENTS:,} events of {streams:,} streams, workflows of {events_of_workflow},"
        f" appended by {_DISK_BATCH}"
    )
    table = Table(title, ("", "now", "before", "now ÷ before"))
    ids = [str(uuid_utils.uuid7()) for _ in range(_DISK_EVENTS)]
    appends = [_one(number, ids, streams, events_of_workflow) for number in range(_DISK_EVENTS)]
    batches = [appends[first : first + _DISK_BATCH] for first in range(0, _DISK_EVENTS, _DISK_BATCH)]
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:
        while keeper.keep(session):  # the events of the rates
            pass
        start = _sizes(session)
        log_id, old_log_id = make_log().pk, before.make_log(old).pk
        for batch in batches:
            append(log_id, batch)
            keeper.keep(session)
            append(old_log_id, batch, conninfo=old)
        end = _sizes(session)
    parts = [
        tuple((end.get(part, 0) - start.get(part, 0)) / _DISK_EVENTS for part in (("public", now), ("before", then)))
        for _, now, then in _PARTS
    ]
    names = [name for name, *_ in _PARTS] + ["all"]
    for name, (now, then) in zip(names, [*parts, tuple(map(sum, zip(*parts, strict=True)))], strict=True):
        table.rows.append((name, f"{now:.1f}", f"{then:.1f}", ratio(now, then) if then >= 1 else ""))
    return table


def _one(
    number: int, ids: Sequence[str], streams: int = _STREAMS, events_of_workflow: int = _EVENTS_OF_WORKFLOW
) -> Append:
    stream = f"order-{number * 7919 % streams}"
    return new_append(stream, [_event(stream, number, ids, events_of_workflow)])


def _event(stream: str, number: int, ids: Sequence[str], events_of_workflow: int = _EVENTS_OF_WORKFLOW) -> NewEvent:
    """An event of agents at work: each event of a workflow is caused by the one before it."""
    return new_event(
        stream,
        ("ToolCalled", "ToolReturned", "MessageSent", "OrderMoved")[number % 4],
        data=payloads.data(number),
        id=ids[number],
        agent=f"agent-{number % _AGENTS:02}",
        correlation_id=f"run-{number // events_of_workflow:06}",
        causation_id=ids[number - 1] if number % events_of_workflow else None,
    )


def _sizes(session: psycopg.Connection) -> dict[tuple[str, str], int]:
    """Return the bytes of each table, without its indexes, and of each index, by schema and name."""
    return {(schema, name): int(size) for schema, name, size in session.execute(_SIZES).fetchall()}
