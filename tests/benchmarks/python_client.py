"""The Python client: what `log()` costs its caller, and how soon a follower has an event.

`log()` is compared with a loop that encodes the same events and writes them to a file. The server takes the events
meanwhile, and the client's thread sends them: both take processor time from the caller.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

import msgspec

from eventsite_client import Client, Follower, NewEvent
from eventsite_client._core.ids import new_id
from tests.benchmarks import payloads
from tests.benchmarks.logs import make_log, make_token
from tests.benchmarks.measure import Table, interleaved, milliseconds, p99, ratio
from tests.benchmarks.servers import Server

Clock = Callable[[], float]

_EVENTS = 10_000
_ROUNDS = 5
_STREAM = "logged"
_FOLLOWED = 500


def run() -> Iterator[Table]:
    yield _logging("processor time of the caller", time.thread_time)
    yield _logging("time", time.perf_counter)
    yield _following()


def _logging(title: str, clock: Clock) -> Table:
    log = make_log()
    with (
        Server("eventsite.asgi:application", log_id=log.pk) as server,
        tempfile.TemporaryDirectory() as folder,
        Client(f"http://127.0.0.1:{server.port}", make_token(log)) as memory,
        Client(f"http://127.0.0.1:{server.port}", make_token(log), spool=folder) as spool,
    ):
        file = Path(folder, "plain")
        seconds = interleaved(
            {
                "encode and write": partial(_write, clock, file, buffered=False),
                "encode and write, buffered": partial(_write, clock, file, buffered=True),
                "log()": partial(_log, clock, memory),
                "log(), with a spool": partial(_log, clock, spool),
            },
            rounds=_ROUNDS,
        )
    heads = ("", "µs an event", "÷ encode and write", "÷ buffered")
    table = Table(f"log(), {title}: {_EVENTS:,} events in one run, while they are sent", heads)
    write, buffered, *_ = seconds.values()
    for name, value in seconds.items():
        cost = f"{value / _EVENTS * 1e6:.2f}"
        table.rows.append((name, cost, ratio(value, write), ratio(value, buffered)))
    return table


def _events() -> list[NewEvent]:
    data = [msgspec.json.decode(payloads.data(n)) for n in range(_EVENTS)]
    return [NewEvent(payloads.TYPE, each, agent="router", correlation_id="run-7") for each in data]


def _write(clock: Clock, path: Path, *, buffered: bool) -> float:
    """Return the seconds in which the events, each with an id, are written as lines."""
    events, encode = _events(), msgspec.json.Encoder().encode
    with path.open("wb", buffering=-1 if buffered else 0) as file:
        start = clock()
        for event in events:
            file.write(encode(msgspec.structs.replace(event, id=new_id())) + b"\n")
        return clock() - start


def _log(clock: Clock, client: Client) -> float:
    """Return the seconds in which the events are logged. Before the next measurement, all are sent."""
    events = _events()
    start = clock()
    for event in events:
        client.log(_STREAM, event)
    seconds = clock() - start
    assert client.flush()
    return seconds


def _following() -> Table:
    """Return how long after the answer of its append an event is with a follower; less than 0: before the answer."""
    log = make_log()
    token = make_token(log)
    with (
        Server("eventsite.asgi:application", log_id=log.pk) as server,
        Client(f"http://127.0.0.1:{server.port}", token) as writer,
        Client(f"http://127.0.0.1:{server.port}", token) as reader,
        reader.follow() as follower,
    ):
        writer.append(_STREAM, NewEvent(payloads.TYPE))
        next(follower)
        arrivals: list[float] = []
        following = threading.Thread(target=_note_arrivals, args=(follower, arrivals))
        following.start()
        answers = [_append(writer) for _ in range(_FOLLOWED)]
        following.join()
    delays = [arrival - answer for arrival, answer in zip(arrivals, answers, strict=True)]
    table = Table(f"follow(): {_FOLLOWED} appends, one after the other", ("", "median", "p99"))
    table.rows.append(("after the answer of its append", milliseconds(median(delays)), milliseconds(p99(delays))))
    return table


def _note_arrivals(follower: Follower, arrivals: list[float]) -> None:
    for _ in islice(follower, _FOLLOWED):
        arrivals.append(time.perf_counter())  # noqa: PERF401 - the time of each


def _append(client: Client) -> float:
    """Append an event, and return the moment of the answer."""
    client.append(_STREAM, NewEvent(payloads.TYPE))
    return time.perf_counter()
