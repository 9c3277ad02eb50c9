"""Appends over HTTP: Eventsite against a bare ASGI handler, Django's stock handler, and the writer without HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from statistics import median

from tests.benchmarks import payloads
from tests.benchmarks.load import Answers, Load, generate, generator, post
from tests.benchmarks.logs import make_log, make_token, writer_rate
from tests.benchmarks.measure import Table, count, interleaved, milliseconds, p99, ratio
from tests.benchmarks.servers import Server

_APPLICATIONS = {
    "ours": "eventsite.asgi:application",
    "bare": "tests.benchmarks.bare:application",
    "stock": "tests.benchmarks.stock:application",
}
_SECONDS = 0.9
_CALLERS = 8


def run() -> Iterator[Table]:
    log = make_log()
    token = make_token(log)
    with ExitStack() as stack:
        servers = {name: Server(application, log_id=log.pk) for name, application in _APPLICATIONS.items()}
        ports = {name: stack.enter_context(server).port for name, server in servers.items()}
        load = stack.enter_context(generator())
        yield _singles(load, ports, token)
        yield _bulk(load, ports, token)


def _singles(load: ProcessPoolExecutor, ports: Mapping[str, int], token: str) -> Table:
    requests = [post(f"/api/streams/stream-{n % 100}/events", _body(n, 1), token=token) for n in range(500)]
    heads = ("connections", "ours", "p50", "p99", "bare", "p50", "ours ÷ bare", "p50 ÷ bare", "stock", "ours ÷ stock")
    table = Table("HTTP: appends of one event, requests a second", heads)
    for connections in (1, 16, 64):
        latencies: dict[str, list[list[float]]] = {name: [] for name in ports}
        rates = interleaved(
            {name: partial(_rate, load, port, connections, requests, latencies[name]) for name, port in ports.items()}
        )
        p50 = {name: median(map(median, rounds)) for name, rounds in latencies.items()}
        table.rows.append(
            (
                *(str(connections), count(rates["ours"])),
                *(milliseconds(p50["ours"]), milliseconds(median(map(p99, latencies["ours"])))),
                *(count(rates["bare"]), milliseconds(p50["bare"])),
                *(ratio(rates["ours"], rates["bare"]), ratio(p50["ours"], p50["bare"])),
                *(count(rates["stock"]), ratio(rates["ours"], rates["stock"])),
            )
        )
    return table


def _bulk(load: ProcessPoolExecutor, ports: Mapping[str, int], token: str) -> Table:
    heads = ("a request", "ours", "bare", "ours ÷ bare", "stock", "ours ÷ stock", "writer", "ours ÷ writer")
    table = Table(
        f"HTTP in bulk: events a second over {_CALLERS} connections, and {_CALLERS} callers in process", heads
    )
    for name, batch, requests in _bulk_requests(token):
        measures: dict[str, Callable[[], float]] = {
            server: partial(_events_rate, load, port, batch, requests) for server, port in ports.items()
        }
        measures["writer"] = partial(writer_rate, callers=_CALLERS, batch=batch, seconds=_SECONDS)
        rates = interleaved(measures)
        ours = rates["ours"]
        cells = [
            text for peer in ("bare", "stock", "writer") for text in (count(rates[peer]), ratio(ours, rates[peer]))
        ]
        table.rows.append((name, count(ours), *cells))
    return table


def _bulk_requests(token: str) -> Iterator[tuple[str, int, list[bytes]]]:
    """The name of a form of bulk, its events a request, and 16 requests over 8 streams."""
    for batch in (100, 1_000):
        yield (
            f"{batch:,} of one stream",
            batch,
            [post(f"/api/streams/bulk-{n % 8}/events", _body(n, batch), token=token) for n in range(16)],
        )
    yield (
        "1,000 lines of ndjson",
        1_000,
        [post("/api/events", _lines(n, 1_000), token=token, media="application/x-ndjson") for n in range(16)],
    )


def _body(first: int, events: int) -> bytes:
    return b'{"events":[%b]}' % b",".join(
        b'{"type":"%b","data":%b}' % (payloads.TYPE.encode(), payloads.data(first + n)) for n in range(events)
    )


def _lines(first: int, events: int) -> bytes:
    return b"\n".join(
        b'{"stream":"lines-%d","type":"%b","data":%b}' % (first % 8, payloads.TYPE.encode(), payloads.data(first + n))
        for n in range(events)
    )


def append_rate(load: ProcessPoolExecutor, port: int, connections: int, requests: list[bytes]) -> float:
    """Requests a second, over some connections."""
    return _answers(load, Load(port, connections, _SECONDS, requests)).rate


def _rate(
    load: ProcessPoolExecutor, port: int, connections: int, requests: list[bytes], latencies: list[list[float]]
) -> float:
    answers = _answers(load, Load(port, connections, _SECONDS, requests))
    latencies.append(answers.latencies)
    return answers.rate


def _events_rate(load: ProcessPoolExecutor, port: int, batch: int, requests: list[bytes]) -> float:
    return batch * append_rate(load, port, _CALLERS, requests)


def _answers(load: ProcessPoolExecutor, work: Load) -> Answers:
    answers = load.submit(generate, work).result()
    assert not answers.bad, f"{answers.bad} bad answers"
    return answers
