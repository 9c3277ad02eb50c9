"""Live rows over websockets: the delay of many viewers, and their cost beside a bare broadcast."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from statistics import median

import orjson
from django.test import Client

from events.models import Log, Member, Role
from tests.benchmarks import payloads
from tests.benchmarks.load import generator, post
from tests.benchmarks.logs import make_log, make_token
from tests.benchmarks.measure import Table, milliseconds, p99, ratio
from tests.benchmarks.servers import Server
from tests.benchmarks.viewers import Seen, Viewing, view
from tests.support.factories import make_user

_RATE = 100
_SECONDS = 8
_CROWDS = (0, 1, 50, 200)
_PERSONS = 4
"""The number of people that the viewers are: a person may have a hundred live pages."""


def run() -> Iterator[Table]:
    with ExitStack() as stack:
        clients = stack.enter_context(generator())
        log_id = make_log().pk
        ours = stack.enter_context(Server("eventsite.asgi:application", log_id=log_id))
        bare = stack.enter_context(Server("tests.benchmarks.bare_live:application", log_id=log_id))
        lag_heads = ("lag p50", "p99", "slowest")
        heads = ("viewers", *lag_heads, "frames/s", "of a core", "less appends", "bare", "÷ bare", "to connect one")
        table = Table(f"Live rows at {_RATE} events a second: lag from the append's call to a viewer's socket", heads)
        _measure(clients, _to_ours(ours, 1))  # to warm up
        appends = 0.0
        for crowd in _CROWDS:
            seen = _measure(clients, _to_ours(ours, crowd))
            share = seen.used / seen.seconds
            if not crowd:
                appends = share
                table.rows.append(("0", *[""] * 4, f"{share:.0%}", *[""] * 4))
                continue
            bare_seen = _measure(clients, _to_bare(bare, crowd, seen))
            floor = bare_seen.used / bare_seen.seconds
            lags = _lags(seen)
            frames = median(map(len, seen.frames)) / seen.seconds
            own = share - appends
            table.rows.append(
                (
                    *(str(crowd), milliseconds(median(lags)), milliseconds(p99(lags)), milliseconds(max(lags))),
                    *(f"{frames:.1f}", f"{share:.0%}", f"{own:.0%}", f"{floor:.0%}"),
                    ratio(own, floor) if own > 0 and floor > 0 else "noise",
                    milliseconds(seen.connecting / crowd),
                )
            )
        yield table


def _measure(clients: ProcessPoolExecutor, viewing: Viewing) -> Seen:
    return clients.submit(view, viewing).result()


def _lags(seen: Seen) -> list[float]:
    """For each event and each viewer: the seconds from the call of its append until a frame with it has arrived."""
    lags = []
    for frames in seen.frames:
        positions = [position for _, position in frames]
        lags += [frames[bisect_left(positions, n)][0] - began for n, began in enumerate(seen.began, start=1)]
    return lags


def _to_ours(server: Server, crowd: int) -> Viewing:
    """Viewers of a fresh log, and the appends to it, one event each."""
    log = make_log()
    token = make_token(log)
    bodies = (
        b'{"events":[{"type":"%b","data":%b}]}' % (payloads.TYPE.encode(), payloads.data(n))
        for n in range(_RATE * _SECONDS)
    )
    return Viewing(
        port=server.port,
        server=server.pid,
        viewers=crowd,
        path=f"/ws/logs/{log.name}/?after=0",
        cookies=[_cookie(log) for _ in range(_PERSONS)],
        triggers=[post("/api/streams/stream-1/events", body, token=token) for body in bodies],
        rest=1 / _RATE,
        last=_RATE * _SECONDS,
    )


def _to_bare(server: Server, crowd: int, seen: Seen) -> Viewing:
    """The same number of viewers, which get the same number of frames with the same number of bytes."""
    frames = int(median(map(len, seen.frames)))
    order = {"frames": frames, "bytes": seen.received // crowd // frames, "rest": seen.seconds / frames}
    return Viewing(
        port=server.port,
        server=server.pid,
        viewers=crowd,
        path="/ws/",
        cookies=[""],
        triggers=[post("/frames", orjson.dumps(order), token="")],
        rest=0.0,
        last=frames,
    )


def _cookie(log: Log) -> str:
    user = make_user()
    Member.objects.create(log=log, user=user, role=Role.VIEWER)
    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}"
