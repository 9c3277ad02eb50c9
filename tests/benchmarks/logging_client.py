"""`Client.log()`: what it costs the caller, against a loop that encodes the same events and writes them to a file.

The server takes the events meanwhile, and the client's thread sends them: both take processor time from the caller.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec

from eventsite_client import Client, NewEvent
from eventsite_client._core.ids import new_id
from tests.benchmarks import payloads
from tests.benchmarks.logs import make_log, make_token
from tests.benchmarks.measure import Table, interleaved, ratio
from tests.benchmarks.servers import Server

_EVENTS = 10_000
_ROUNDS = 9
_STREAM = "logged"


def run() -> Iterator[Table]:
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
                "encode and write": partial(_write, file, buffered=False),
                "encode and write, buffered": partial(_write, file, buffered=True),
                "log()": partial(_log, memory),
                "log(), with a spool": partial(_log, spool),
            },
            rounds=_ROUNDS,
        )
    heads = ("", "µs an event", "÷ encode and write", "÷ buffered")
    table = Table(f"log(): {_EVENTS:,} events in one run, while they are sent", heads)
    write, buffered, *_ = seconds.values()
    for name, value in seconds.items():
        cost = f"{value / _EVENTS * 1e6:.2f}"
        table.rows.append((name, cost, ratio(value, write), ratio(value, buffered)))
    yield table


def _events() -> list[NewEvent]:
    data = [msgspec.json.decode(payloads.data(n)) for n in range(_EVENTS)]
    return [NewEvent(payloads.TYPE, each, agent="router", correlation_id="run-7") for each in data]


def _write(path: Path, *, buffered: bool) -> float:
    """Return the seconds in which the events, each with an id, are written as lines."""
    events, encode = _events(), msgspec.json.Encoder().encode
    with path.open("wb", buffering=-1 if buffered else 0) as file:
        start = time.perf_counter()
        for event in events:
            file.write(encode(msgspec.structs.replace(event, id=new_id())) + b"\n")
        return time.perf_counter() - start


def _log(client: Client) -> float:
    """Return the seconds in which the events are logged. Before the next measurement, all are sent."""
    events = _events()
    start = time.perf_counter()
    for event in events:
        client.log(_STREAM, event)
    seconds = time.perf_counter() - start
    assert client.flush()
    return seconds
