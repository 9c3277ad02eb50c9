"""Taking and settling the events of subscriptions: against other queues, and what makes it dearer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial

from events.access import tokens
from events.models import Log, Scope
from tests.benchmarks.consuming import burdens, delays, procrastinate_jobs, redis_streams, settling
from tests.benchmarks.consuming.floor import floor_rate
from tests.benchmarks.consuming.ours import make_filled_log, make_place, ours_rate
from tests.benchmarks.consuming.over_http import Consumption, http_rate
from tests.benchmarks.consuming.procrastinate_jobs import Jobs
from tests.benchmarks.consuming.redis_streams import RedisStream
from tests.benchmarks.load import generator
from tests.benchmarks.measure import Table, count, interleaved, ratio
from tests.benchmarks.servers import Server

_EVENTS = 34_000
"""Events of a log. Beside a stuck key 32,000 are read."""
_MOST = 30_000
"""Events of one measurement. Consumers would wait at the end of the log, so some are left."""
_JOBS = 1_000
_MANY_STREAMS, _FEW_STREAMS = 5_000, 500
_CELLS = tuple((consumers, batch) for consumers in (1, 8) for batch in (1, 10, 100))
"""Consumers, and the most events of a take."""
_OURS, _FEW, _HTTP, _FLOOR = "ours", f"{_FEW_STREAMS} streams", "over HTTP", "floor"
_REDIS, _JOBS_OF_OTHERS = "Redis", "procrastinate"
_RATIOS = (
    *((_OURS, _FLOOR), (_FEW, _FLOOR), (_HTTP, _FLOOR)),
    *((_OURS, _REDIS), (_HTTP, _REDIS)),
    *((_OURS, _JOBS_OF_OTHERS), (_HTTP, _JOBS_OF_OTHERS)),
)

_Measure = Callable[[int, int], float]
"""Events a second, by the number of consumers and the most events of a take."""


def run() -> Iterator[Table | str]:
    many = make_filled_log(streams=_MANY_STREAMS, events=_EVENTS)
    few = make_filled_log(streams=_FEW_STREAMS, events=_EVENTS)
    with ExitStack() as stack:
        yield from _comparison(_measures(stack, many, few))
    yield burdens.beside_snapshot(many)
    yield from burdens.beside_stuck_key(many)
    yield settling.beside_plain(many)
    yield delays.to_delivery()


def _measures(stack: ExitStack, many: Log, few: Log) -> dict[str, _Measure]:
    port = stack.enter_context(Server("eventsite.asgi:application", log_id=many.pk)).port
    token = tokens.create_token(many, name="benchmark", scopes=[Scope.CONSUME])
    load = stack.enter_context(generator())
    measures: dict[str, _Measure] = {
        _OURS: partial(_ours, many),
        _FEW: partial(_ours, few),
        _HTTP: partial(_over_http, load, port, token, many),
        _FLOOR: lambda consumers, batch: floor_rate(many, consumers=consumers, batch=batch, most=_MOST),
    }
    if redis_streams.release():
        redis = stack.enter_context(RedisStream(events=_EVENTS))
        measures[_REDIS] = lambda consumers, batch: redis.rate(consumers=consumers, batch=batch, most=_MOST)
    if procrastinate_jobs.release():
        jobs = Jobs(streams=_MANY_STREAMS, most=_JOBS)
        measures[_JOBS_OF_OTHERS] = lambda consumers, batch: jobs.rate(consumers=consumers)
    return measures


def _ours(log: Log, consumers: int, batch: int) -> float:
    return ours_rate(log, consumers=consumers, batch=batch, most=_MOST)


def _over_http(load: ProcessPoolExecutor, port: int, token: str, log: Log, consumers: int, batch: int) -> float:
    work = Consumption(port, token, make_place(log).name, consumers, batch, _MOST)
    return load.submit(http_rate, work).result()


def _comparison(measures: Mapping[str, _Measure]) -> Iterator[Table | str]:
    ratios = [(name, peer) for name, peer in _RATIOS if peer in measures]
    rates_table = Table(
        f"Take and settle: events a second, by stream ({_MANY_STREAMS:,}, and {_FEW_STREAMS})",
        ("consumers", "a batch", *measures),
    )
    ratios_table = Table("The same, compared", ("consumers", "a batch", *(f"{name} ÷ {peer}" for name, peer in ratios)))
    for consumers, batch in _CELLS:
        rates = interleaved({name: partial(measure, consumers, batch) for name, measure in measures.items()})
        cell = (count(consumers), count(batch))
        rates_table.rows.append((*cell, *map(count, rates.values())))
        ratios_table.rows.append((*cell, *(ratio(rates[name], rates[peer]) for name, peer in ratios)))
    yield rates_table
    yield ratios_table
    yield _peers()


def _peers() -> str:
    """The releases of the others, or how to install what is missing."""
    clients = "`.venv/bin/uv pip install --group bench`"
    redis = redis_streams.release() or f"left out; it needs `apt-get install redis-server` and {clients}"
    jobs = procrastinate_jobs.release() or f"left out; it needs {clients}"
    return f"{_REDIS}: {redis}\n{_JOBS_OF_OTHERS}: {jobs}"
