"""Server-sent events to 100 clients: Eventsite against a bare handler that sends the same bytes when it is told to.

Eventsite also appends the events, which the bare handler does not. The cost of that is measured without a client, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median
from typing import NamedTuple

import orjson

from events.api.responses import event_json
from events.types import Event
from tests.benchmarks import payloads
from tests.benchmarks.clients import Following, follow
from tests.benchmarks.load import generator, post
from tests.benchmarks.logs import make_log, make_token
from tests.benchmarks.measure import Table, count, ratio
from tests.benchmarks.servers import Server

_CLIENTS = 100
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class _Course:
    """The rhythm of the events: the number at once, the number of times, and the seconds of rest between."""

    name: str
    at_once: int
    times: int
    rest: float


_COURSES = (_Course("100 events a second", 1, 200, 0.01), _Course("2,000 events as fast as they go", 100, 20, 0.0))


def run() -> Iterator[Table]:
    with ExitStack() as stack:
        clients = stack.enter_context(generator())
        log_id = make_log().pk
        servers = {
            "ours": stack.enter_context(Server("eventsite.asgi:application", log_id=log_id)),
            "bare": stack.enter_context(Server("tests.benchmarks.bare:application", log_id=log_id)),
        }
        for course in _COURSES:
            yield _table(clients, servers, course)


def _table(clients: ProcessPoolExecutor, servers: Mapping[str, Server], course: _Course) -> Table:
    makers = {"ours": _to_ours, "bare": _to_bare}
    measurements: dict[str, list[_Found]] = {name: [] for name in servers}
    appends: list[float] = []
    for _ in range(_ROUNDS):
        for name, server in servers.items():
            measurements[name].append(_measure(clients, server, makers[name](server.port, course)))
        alone = replace(_to_ours(servers["ours"].port, course), clients=0)
        _, used = _follow(clients, servers["ours"], alone)
        appends.append(used / (course.at_once * course.times * _CLIENTS) * 1e6)
    heads = ("", "delivered/s", "share of a core", "µs of it a delivery", "÷ bare", "less appends", "÷ bare")
    table = Table(f"Server-sent events to {_CLIENTS} clients: {course.name}", heads)
    bare = median(one.cost for one in measurements["bare"])
    for name, ones in measurements.items():
        rate, share, cost = (median(values) for values in zip(*ones, strict=True))
        own = cost - median(appends) if name == "ours" else cost
        cells = (f"{cost:.1f}", ratio(cost, bare), f"{own:.1f}", ratio(own, bare))
        table.rows.append((name, count(rate), f"{share:.0%}", *cells))
    return table


class _Found(NamedTuple):
    rate: float
    share: float
    cost: float


def _measure(clients: ProcessPoolExecutor, server: Server, following: Following) -> _Found:
    """Deliveries a second, the server's share of a core meanwhile, and microseconds of the server for each delivery."""
    seconds, used = _follow(clients, server, following)
    deliveries = following.frames * following.clients
    return _Found(deliveries / seconds, used / seconds, used / deliveries * 1e6)


def _follow(clients: ProcessPoolExecutor, server: Server, following: Following) -> tuple[float, float]:
    """Seconds that passed, and seconds of the server's processor time."""
    used = server.cpu_seconds
    seconds = clients.submit(follow, following).result()
    return seconds, server.cpu_seconds - used


def _to_ours(port: int, course: _Course) -> Following:
    """Followers of a fresh log, and the appends to it."""
    token = make_token(make_log())
    body = b'{"events":[%b]}' % b",".join([_event()] * course.at_once)
    return Following(
        port=port,
        clients=_CLIENTS,
        request=_get("/api/events?after=0", token),
        frames=course.at_once * course.times,
        triggers=[post("/api/streams/stream-1/events", body, token=token)] * course.times,
        rest=course.rest,
    )


def _to_bare(port: int, course: _Course) -> Following:
    """Followers that get the same number of frames of the same size, at the same moments."""
    order = orjson.dumps({"frame": _frame(), "together": course.at_once})
    return Following(
        port=port,
        clients=_CLIENTS,
        request=_get("/api/events", ""),
        frames=course.at_once * course.times,
        triggers=[post("/frames", order, token="")] * course.times,
        rest=course.rest,
    )


def _event() -> bytes:
    return b'{"type":"%b","data":%b}' % (payloads.TYPE.encode(), payloads.data(1))


def _frame() -> str:
    id, now = "0" * 36, datetime.now(UTC)
    data = payloads.data(1).decode()
    event = Event(1000, "stream-1", 1000, id, payloads.TYPE, data, "{}", None, 1, None, None, None, now)
    return f"id: 1000\ndata: {event_json(event).decode()}\n\n"


def _get(path: str, token: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n"
    ).encode()
