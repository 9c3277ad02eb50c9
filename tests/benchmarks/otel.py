"""Spans in: the time to map each captured run, and events a second in one process, with holding and without.

The time to map is compared with that to decode the same pieces and to read every attribute: the least that anybody who
looks at spans in Python must do. Both are the best of many, as a moment of noise only makes them longer.

Without holding, each export is decoded, mapped by itself and appended before it is answered: its agents and causes are
wrong where a parent comes later. With holding, all is mapped when all has come, in the same process; in a server a
worker has a processor of its own. The ratio is what holding costs: the commit of what came, and reading it again.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from math import inf
from pathlib import Path

import uvloop
from asgiref.sync import sync_to_async
from django.db.models.functions import Now

from events.engine import Engine
from events.models import OtelTrace
from events.otel.delivering import Delivery
from events.otel.holding import Holding
from events.otel.intake import Signal, division_of
from events.otel.mapping.run import MappedEvent, map_run
from events.otel.spans import LogRecord, Span
from events.otel.wire import Division, records_of, spans_of
from events.otel.worker import working
from tests.benchmarks.logs import make_log
from tests.benchmarks.measure import Table, count, interleaved, ratio
from tests.support.mapped import mapped, records_in, runs_of, spans_in
from tests.support.otlp import Request, captures

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_EXPORTERS, _RUNS = 16, 64
_TIMES = 100
_PATHS = _TRACES, _LOGS = "/v1/traces", "/v1/logs"

Take = Callable[[int, Signal, Division], Awaitable[None]]
"""Takes an export into a log."""


def run() -> Iterator[Table]:
    if _DATA.is_dir():
        yield _mapping()
        yield _rates()


def _mapping() -> Table:
    table = Table(
        f"Mapping ÷ decoding and reading every attribute, the best of {_TIMES} (goal: 3 ×); µs a span",
        ("", "spans", "events", "reading", "mapping", ""),
    )
    for name, requests in captures(_DATA):
        bodies = {
            path: [piece.body for one in requests if one.path == path for piece in one.pieces()] for path in _PATHS
        }
        runs = runs_of(*_read(bodies))
        spans = sum(len(of_run) for of_run, _ in runs)
        events = sum(len(map_run(*run).events) for run in runs)
        reading, mapping = _best(partial(_read, bodies), partial(_map, runs))
        numbers = map(count, (spans, events, reading / spans * 1e6, mapping / spans * 1e6))
        table.rows.append((name, *numbers, ratio(mapping, reading)))
    return table


def _read(bodies: Mapping[str, Sequence[bytes]]) -> tuple[list[Span], list[LogRecord]]:
    spans = [span for body in bodies[_TRACES] for span in spans_of(body)]
    return spans, [record for body in bodies[_LOGS] for record in records_of(body)]


def _map(runs: Iterable[tuple[list[Span], list[LogRecord]]]) -> None:
    for spans, records in runs:
        map_run(spans, records)


def _best(*works: Callable[[], object]) -> list[float]:
    """The shortest time that each of some works took, in seconds. They take turns."""
    times = [inf] * len(works)
    for _ in range(_TIMES):
        for number, work in enumerate(works):
            start = time.perf_counter()
            work()
            times[number] = min(times[number], time.perf_counter() - start)
    return times


def _rates() -> Table:
    table = Table(
        f"{_RUNS} runs of each capture from {_EXPORTERS} exporters; events a second",
        ("", "exports", "spans", "events", "without holding", "with holding", ""),
    )
    for name, requests in captures(_DATA):
        copies = [_copy(requests) for _ in range(_RUNS)]
        spans = spans_in(requests)
        events = sum(len(one.events) for one in mapped(spans, records_in(requests)))
        seconds = interleaved(
            {"without": partial(_seconds, copies, holds=False), "with": partial(_seconds, copies, holds=True)},
            rounds=7,
        )
        without, with_ = (events * _RUNS / each for each in (seconds["without"], seconds["with"]))
        numbers = map(count, (len(requests), len(spans), events, without, with_))
        table.rows.append((name, *numbers, ratio(with_, without)))
    return table


def _copy(requests: Sequence[Request]) -> list[Request]:
    """The same run again, with other ids of its traces."""
    traces = {piece.trace_id for request in requests for piece in request.pieces()}
    new_ids = {trace: os.urandom(16) for trace in traces}
    copies = []
    for request in requests:
        body = request.body
        for trace, new_id in new_ids.items():
            if request.is_json:
                body = body.replace(trace.encode(), new_id.hex().encode())
            else:
                body = body.replace(bytes.fromhex(trace), new_id)
        copies.append(Request(request.path, request.content_type, body))
    return copies


def _seconds(copies: Sequence[list[Request]], *, holds: bool) -> float:
    """The time until the events of all runs are in a log."""
    return uvloop.run(_measured(copies, holds=holds))


async def _measured(copies: Sequence[list[Request]], *, holds: bool) -> float:
    log_id = (await sync_to_async(make_log)()).pk
    async with Engine() as engine, working() as worker:
        take = partial(_hold, engine, Holding()) if holds else partial(_append, engine)
        start = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(_EXPORTERS):
                group.create_task(_send(take, log_id, copies[number::_EXPORTERS]))
        if holds:
            await OtelTrace.objects.filter(log=log_id).aupdate(due_at=Now())
            while await worker.turn():
                pass
        return time.perf_counter() - start


async def _send(take: Take, log_id: int, runs: Sequence[list[Request]]) -> None:
    """Send runs one after the other, and each export when the one before was answered."""
    for request in (request for requests in runs for request in requests):
        signal = Signal(request.path.rpartition("/")[2])
        await take(log_id, signal, division_of(signal, request.body, is_json=request.is_json))


async def _append(engine: Engine, log_id: int, signal: Signal, division: Division) -> None:
    """Map an export by itself, and append its events."""
    async with Delivery(engine.writer, log_id) as delivery:
        await delivery.add(_events(signal, division))


def _events(signal: Signal, division: Division) -> list[MappedEvent]:
    if signal is Signal.LOGS:  # without their spans they are only read
        for piece in division.pieces:
            list(records_of(piece.body))
        return []
    spans = [span for piece in division.pieces for span in spans_of(piece.body)]
    return map_run(spans).events if spans else []


async def _hold(engine: Engine, holding: Holding, log_id: int, signal: Signal, division: Division) -> None:
    await holding.hold(engine.pool, log_id, 0, division, are_records=signal is Signal.LOGS)
