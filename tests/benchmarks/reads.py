"""Reads over HTTP, one after the other: the processor time of the server, and the time of the caller, beside the
look-up
of one event.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from statistics import median

from events.models import Log
from events.reading.db_work import run as ask
from projections.catalog.latest import latest
from projections.states.at_moment import state_at
from projections.states.fold import Pace
from tests.benchmarks.load import Load, generate, generator, get
from tests.benchmarks.logs import fill, make_log, make_token
from tests.benchmarks.measure import Table, interleaved, milliseconds, ratio
from tests.benchmarks.servers import Server

_SECONDS = 1.0
_ROUNDS = 7
_SHORT, _LONG, _NEW = 20, 10_000, 50
"""Events of a stream without snapshots, events of a stream with snapshots, and its events after the last snapshot."""
_EVENT = "one event"
_READS = {
    _EVENT: "/api/events/7",
    f"the state of {_SHORT} events": "/api/projections/latest/state?key=short-1",
    f"the state of {_LONG + _NEW:,} events": "/api/projections/latest/state?key=long-1",
    f"the {_SHORT} events of a stream": "/api/streams/short-1/events",
    "a page of 1,000 events": "/api/events?limit=1000",
    "1,000 events of a stream": "/api/streams/long-1/events?limit=1000",
}


def run() -> Iterator[Table]:
    log = filled()
    with Server("eventsite.asgi:application", log_id=log.pk) as server, generator() as load:
        reads = Reads(load, server, make_token(log))
        processor = interleaved(reads.measures, rounds=_ROUNDS)
    heads = ("", "processor", "÷ one event", "p50", "÷ one event")
    table = Table("Reads over HTTP, one connection: the server's processor time and the caller's", heads)
    for name in _READS:
        times = (processor[name], processor[_EVENT]), (median(reads.callers[name]), median(reads.callers[_EVENT]))
        table.rows.append((name, *(cell for pair in times for cell in (milliseconds(pair[0]), ratio(*pair)))))
    yield table


class Reads:
    """The reads of one server.

    `measures` return seconds of its processor; `callers` holds the seconds of the caller.
    """

    def __init__(self, load: ProcessPoolExecutor, server: Server, token: str) -> None:
        self._load = load
        self._server = server
        self.callers: dict[str, list[float]] = {name: [] for name in _READS}
        self.measures = {name: partial(self._measure, name, get(path, token=token)) for name, path in _READS.items()}

    def _measure(self, name: str, request: bytes) -> float:
        before = self._server.cpu_seconds
        answers = self._load.submit(generate, Load(self._server.port, 1, _SECONDS, [request])).result()
        assert answers.latencies, name
        assert not answers.bad, f"{answers.bad} bad answers: {name}"
        self.callers[name].append(median(answers.latencies))
        return (self._server.cpu_seconds - before) / answers.count


def filled() -> Log:
    """A log with a short stream and a long one. The state of the long one was read before it grew further."""
    log = make_log()
    fill(log, "short-1", _SHORT)
    fill(log, "long-1", _LONG)
    ask(state_at(log.pk, latest, "long-1", pace=Pace(chunk_events=500, max_events=None)))
    fill(log, "long-1", _NEW)
    return log
