"""The state of a stream of 10,000 and of 1,000,000 events, now and at any position; and requests beside long work: a
job
that folds, a projection that is rebuilt.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

from django.db import connection

from events.models import Log
from events.reading.db_work import run as ask
from eventsite.workers import JOBS, PROJECTIONS, Workers
from projections import registry
from projections.definition.projection import Projection
from projections.jobs import fold
from projections.materialise import checkpoints
from projections.models import Checkpoint, Job, JobStatus, Snapshot
from projections.states.at_moment import state_at
from projections.states.fold import Pace, TooFar
from projections.states.moment import NOW, Moment
from projections.values.change import Json
from tests.benchmarks.load import Load, generate, generator, get
from tests.benchmarks.logs import make_log, make_token
from tests.benchmarks.measure import Table, count, milliseconds, p99, ratio
from tests.benchmarks.servers import Server

_STREAM = "order-1"
_, _REBUILDS = PROJECTIONS
_SIZES = (10_000, 1_000_000)
_ROUNDS = 200
_SECONDS = 3.0
_PATIENCE = 30.0
_TOO_SHORT = "it was too short to be measured beside"
_FILL = """
    insert into event (log_id, position, stream, version, id, type, data, metadata, digest, agent, schema_version,
                       recorded_at)
    select %(log)s, n, %(stream)s, n, 'id-' || n, 'ToolCalled',
        format('{"task":"task-%%s","tool":"%%s","args":{"path":"/srv/app/module_%%s.py","line":%%s,"flags":["a","b"]},'
               '"tokens":{"in":%%s,"out":%%s},"ok":true,"note":"lorem ipsum dolor sit amet consectetur %%s"}',
               n %% 300, (array['shell','edit','search','http'])[1 + n %% 4], n %% 997, n %% 4000, n %% 9000,
               n %% 700, n * 7919 %% 100003)::json,
        '{}', decode(repeat('00', 32), 'hex'), 'agent-' || n %% 40, 1,
        '2026-01-01'::timestamptz + n * interval '1 second'
    from generate_series(1::bigint, %(events)s) n;
    insert into stream (log_id, name, category, version, last_position)
    values (%(log)s, %(stream)s, 'order', %(events)s, %(events)s);
    update log_head set head = %(events)s where log_id = %(log)s"""

small = Projection("small", about="Calls by tool: a state of 60 characters.")
large = Projection("large", about="The last call of each of 300 tasks: a state of 64 KB.")


@small.on("ToolCalled")
def counted(state: dict[str, Any], happened: Any) -> Json:
    tool = happened.data["tool"]
    return {**state, tool: state.get(tool, 0) + 1}


@large.on("ToolCalled")
def kept(state: dict[str, Any], happened: Any) -> Json:
    return {**state, happened.data["task"]: happened.data}


def run() -> Iterator[Table]:
    logs = {size: _filled(size) for size in _SIZES}
    gc.disable()
    yield _states(logs)
    gc.enable()
    yield _beside_long_work(logs[_SIZES[-1]])


def _filled(events: int) -> Log:
    log = make_log()
    with connection.cursor() as cursor:
        cursor.execute(_FILL, {"log": log.pk, "stream": _STREAM, "events": events})
        cursor.execute("vacuum analyze event")
    return log


def _states(logs: dict[int, Log]) -> Table:
    heads = ("", "events", "first fold", "snapshots", "now", "÷ smaller", "anywhere", "÷ smaller")
    table = Table("State of a stream from its snapshots, in process (median)", heads)
    for projection in (small, large):
        floor: tuple[float, float] | None = None
        for size, log in logs.items():
            start = time.perf_counter()
            ask(state_at(log.pk, projection, _STREAM, pace=Pace(chunk_events=500, max_events=None)))
            rate = size / (time.perf_counter() - start)
            snapshots_left = Snapshot.objects.filter(log=log, projection=projection.name).count()
            seconds = (
                _median(partial(state_at, log.pk, projection, _STREAM)),
                _median(partial(_anywhere, log, projection, size)),
            )
            floor = floor or seconds
            ratios = [ratio(each, least) for each, least in zip(seconds, floor, strict=True)]
            cells = (milliseconds(seconds[0]), ratios[0], milliseconds(seconds[1]), ratios[1])
            table.rows.append((projection.name, count(size), f"{count(rate)}/s", count(snapshots_left), *cells))
    return table


def _anywhere(log: Log, projection: Projection, size: int) -> Any:
    return state_at(log.pk, projection, _STREAM, at=Moment(position=random.randint(1, size)))


def _median(work: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        ask(work())
        seconds.append(time.perf_counter() - start)
    return median(seconds)


def _beside_long_work(log: Log) -> Table:
    """One connection looks up an event again and again: alone, and beside folds in processes of their own."""
    request = get("/api/events/4711", token=make_token(log))
    seconds: dict[str, list[float]] = {}
    with Server("eventsite.asgi:application", log_id=log.pk) as server, generator() as load:
        measure = partial(_latencies, load, Load(server.port, 1, _SECONDS, [request]))
        measure()
        seconds["alone"] = measure()
        with _folding(log):
            seconds["beside a job that folds"] = measure()
        with _rebuilding(log):
            seconds["beside a rebuild"] = measure()
    table = Table("HTTP: looking up an event over one connection", ("", "p50", "p99", "p50 ÷ alone"))
    alone = median(seconds["alone"])
    for name, times in seconds.items():
        p50 = median(times)
        table.rows.append((name, milliseconds(p50), milliseconds(p99(times)), ratio(p50, alone)))
    return table


def _latencies(load: Any, work: Load) -> list[float]:
    latencies: list[float] = load.submit(generate, work).result().latencies
    return latencies


@contextmanager
def _folding(log: Log) -> Iterator[None]:
    """A worker is busy with a job that folds the whole log."""
    latest = registry.get("latest")
    try:
        ask(state_at(log.pk, latest, _STREAM))
    except TooFar as too_far:
        job = ask(fold.ensure_state(log.pk, latest, _STREAM, at=NOW, too_far=too_far, asker=""))
    with Workers([JOBS]):
        _wait(lambda: Job.objects.filter(pk=job.pk, progress__gt=0).exists())
        yield
        assert Job.objects.filter(pk=job.pk, status=JobStatus.RUNNING).exists(), _TOO_SHORT
        Job.objects.filter(pk=job.pk).update(is_cancel_requested=True)


@contextmanager
def _rebuilding(log: Log) -> Iterator[None]:
    """A worker builds a projection anew beside a build that is marked as caught up."""
    agents = registry.get("agents")
    checkpoints.rebuild(log.pk, agents)
    Checkpoint.objects.filter(log=log, projection=agents.name).update(position=log.head)
    checkpoints.rebuild(log.pk, agents)
    beside = Checkpoint.objects.filter(log=log, projection=agents.name, is_live=False)
    with Workers([replace(_REBUILDS, arguments={"logs": [log.pk]})]):
        _wait(lambda: beside.filter(position__gt=0).exists())
        yield
        assert beside.exists(), _TOO_SHORT


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("The work that is to be measured beside does not begin.")
        time.sleep(0.05)
