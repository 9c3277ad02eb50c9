"""Live rows over websockets: the delay of many viewers, and their cost beside a bare broadcast."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from statistics import median
from typing import NamedTuple

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


class _Run(NamedTuple):
    seen: Seen
    used: float
    """Seconds of the server's processor time."""

    @property
    def share(self) -> float:
        return self.used / self.seen.seconds


def run() -> Iterator[Table]:
    with ExitStack() as stack:
        clients = stack.enter_context(generator())
        log_id = make_log().pk
        ours = stack.enter_context(Server("eventsite.asgi:application", log_id=log_id))
        bare = stack.enter_context(Server("tests.benchmarks.bare_live:application", log_id=log_id))
        heads = ("viewers", "lag p50", "p99", "slowest", "frames/s", "of a core", "less appends", "bare", "÷ bare")
        table = Table(f"Live rows at {_RATE} events a second: lag from the append's call to a viewer's socket", heads)
        _measure(clients, ours, _to_ours(ours.port, 1))  # to warm up
        appends = 0.0
        for crowd in _CROWDS:
            measured = _measure(clients, ours, _to_ours(ours.port, crowd))
            if not crowd:
                appends = measured.share
                table.rows.append(("0", *[""] * 4, f"{measured.share:.0%}", *[""] * 3))
                continue
            floor = _measure(clients, bare, _to_bare(bare.port, crowd, measured.seen))
            lags = _lags(measured.seen)
            frames = median(map(len, measured.seen.frames)) / measured.seen.seconds
            own = measured.share - appends
            table.rows.append(
                (
                    *(str(crowd), milliseconds(median(lags)), milliseconds(p99(lags)), milliseconds(max(lags))),
                    *(f"{frames:.1f}", f"{measured.share:.0%}", f"{own:.0%}", f"{floor.share:.0%}"),
                    ratio(own, floor.share) if own > 0 and floor.share > 0 else "noise",
                )
            )
        yield table


def _measure(clients: ProcessPoolExecutor, server: Server, viewing: Viewing) -> _Run:
    used = server.cpu_seconds
    seen = clients.submit(view, viewing).result()
    return _Run(seen, server.cpu_seconds - used)


def _lags(seen: Seen) -> list[float]:
    """For each event and each viewer: the seconds from the call of its append until a frame with it has arrived."""
    lags = []
    for frames in seen.frames:
        positions = [position for _, position in frames]
        lags += [frames[bisect_left(positions, n)][0] - began for n, began in enumerate(seen.began, start=1)]
    return lags


def _to_ours(port: int, crowd: int) -> Viewing:
    """Viewers of a fresh log, and the appends to it, one event each."""
    log = make_log()
    token = make_token(log)
    bodies = (
        b'{"events":[{"type":"%b","data":%b}]}' % (payloads.TYPE.encode(), payloads.data(n))
        for n in range(_RATE * _SECONDS)
    )
    return Viewing(
        port=port,
        viewers=crowd,
        path=f"/ws/logs/{log.name}/?after=0",
        cookies=[_cookie(log) for _ in range(_PERSONS)],
        triggers=[post("/api/streams/stream-1/events", body, token=token) for body in bodies],
        rest=1 / _RATE,
        last=_RATE * _SECONDS,
    )


def _to_bare(port: int, crowd: int, seen: Seen) -> Viewing:
    """The same number of viewers, which get the same number of frames with the same number of bytes."""
    frames = int(median(map(len, seen.frames)))
    order = {"frames": frames, "bytes": seen.received // crowd // frames, "rest": seen.seconds / frames}
    return Viewing(
        port=port,
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
