"""Pages of a log of 10,000 and of 1,000,000 events: the server's time for each, beside the bare query of its rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial

import orjson
import psycopg
from django.contrib.auth.models import User
from django.test import Client

from events.appending.checks import new_append
from events.converters import events_url
from events.lists.type_numbers import TypeNumbers
from events.live import frame
from events.live.frame import View
from events.models import Log, Member, Role
from events.reading import store
from events.types import Append
from events.views.event_line import line
from events.views.glyphs import Glyphs
from projections.jobs import queue
from projections.materialise.runner import Runner
from tests.benchmarks import payloads
from tests.benchmarks.bare_html import lists
from tests.benchmarks.bare_pages import bare
from tests.benchmarks.logs import append, make_log
from tests.benchmarks.measure import Table, interleaved, milliseconds, ratio
from tests.benchmarks.query import SELECT, fill, median_time
from tests.support.factories import make_event, make_user

_SIZES = (10_000, 1_000_000)
_EVENTS_OF_FLOW, _BATCH = 300, 100
_ROWS_OF_FRAME = 50
_FLOW = "flow-1"
"""A workflow, and the stream of its events."""
_NEWEST = "true order by position desc limit 101"
_PAGES = {
    "timeline": ("", _NEWEST),
    "timeline, in its middle": ("?before={middle}", "position < {middle} order by position desc limit 101"),
    "timeline, type:Type7": ("?q=type:Type7", "type = 'Type7' order by position desc limit 101"),
    "timeline, data.tool:edit": (
        "?q=data.tool:edit",
        """data::jsonb @@ '$.tool == "edit"' order by position desc limit 101""",
    ),
    "one event": ("events/{middle}", "position = {middle}"),
}


def run() -> Iterator[Table]:
    heads = ("page", *(f"{size:,} events" for size in _SIZES), "÷", "the query", "page ÷ query")
    table = Table("Pages: the server's time, without the network", heads)
    user = make_user()
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(user)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        logs = {size: make_log() for size in _SIZES}
        for size, log in logs.items():
            fill(connection, log, events=size)
            Member.objects.create(log=log, user=user, role=Role.VIEWER)
        for name, (path, condition) in _PAGES.items():
            small, large = (partial(_page, client, log, path, size) for size, log in logs.items())
            size = _SIZES[-1]
            sql = SELECT + condition.format(middle=size // 2)
            times = interleaved(
                {
                    "small": partial(median_time, small),
                    "large": partial(median_time, large),
                    "query": partial(median_time, partial(_rows, connection, sql, logs[size])),
                }
            )
            table.rows.append(
                (
                    name,
                    milliseconds(times["small"]),
                    milliseconds(times["large"]),
                    ratio(times["large"], times["small"]),
                    milliseconds(times["query"]),
                    ratio(times["large"], times["query"]),
                )
            )
        yield table
        yield _beside_bare(client, user, connection)


def _beside_bare(client: Client, user: User, connection: psycopg.Connection) -> Table:
    """The pages of a log that agents wrote and that is projected, beside bare pages."""
    log = make_log()
    Member.objects.create(log=log, user=user, role=Role.VIEWER)
    fill(connection, log, events=_SIZES[0])
    append(log.pk, [_flow(first) for first in range(0, _EVENTS_OF_FLOW, _BATCH)])
    Runner(logs=[log.pk]).turn()
    log.refresh_from_db()
    last = log.head
    paths = {
        "timeline, 100 rows": "",
        "one event": f"events/{last}",
        "stream, 100 rows": f"streams/{_FLOW}/",
        "workflow, its 250 shown of 300": f"workflows/{_FLOW}/",
        "agents": "agents/",
        "replay, a jump": f"replay/log/{_SIZES[0] // 2}",
    }
    table = Table("Pages beside bare ones: the same SQL, decoding and HTML", ("page", "ours", "bare", "÷ bare"))
    for name, path in paths.items():
        ask = partial(_page, client, log, path, last)
        ask()
        while job := queue.claim():
            queue.do(job)
        times = interleaved({"ours": partial(median_time, ask), "bare": partial(_bare_time, ask)}, rounds=5)
        ours, floor = times["ours"], times["bare"]
        table.rows.append((name, milliseconds(ours), milliseconds(floor), ratio(ours, floor)))
    table.rows.append(_live_frame(log))
    return table


def _live_frame(log: Log) -> tuple[str, ...]:
    """A frame of new rows, which no viewer has seen before, from their events to the text that all viewers get."""
    after = log.head - _ROWS_OF_FRAME
    events = store.events(log.pk, after=after, limit=_ROWS_OF_FRAME).fetch()
    view = View(log.pk, log.name)
    glyphs = Glyphs(TypeNumbers(log.pk))

    def ours() -> str:
        frame._rows.clear()
        gathering = frame.Gathering(view, after=after, redacted_at=0)
        gathering.add(events)
        return gathering.draw(gathering.drawn, glyphs).text

    def floor() -> str:
        html = lists.timeline_rows(map(line, reversed(events)), events_url(log.name), glyphs)
        return orjson.dumps({"position": log.head, "rows": len(events), "html": html, "redacted": {}}).decode()

    assert ours() == floor()
    times = interleaved({"ours": partial(median_time, ours), "bare": partial(median_time, floor)}, rounds=5)
    return (
        f"a live frame, {_ROWS_OF_FRAME} rows",
        milliseconds(times["ours"]),
        milliseconds(times["bare"]),
        ratio(times["ours"], times["bare"]),
    )


def _bare_time(ask: Callable[[], None]) -> float:
    with bare({}):
        ask()  # is recorded, and compared
        return median_time(ask)


def _flow(first: int) -> Append:
    """Events of one workflow by seven agents, each caused by one of the three before."""
    events = []
    for n in range(first, first + _BATCH):
        cause = f"{_FLOW}-{n - 1 - n % 3}" if n > 2 else None
        agent, fields = f"agent-{n % 7}", {"id": f"{_FLOW}-{n}", "correlation_id": _FLOW, "causation_id": cause}
        events.append(make_event(_FLOW, type=f"Type{n % 40}", data=payloads.data(n), agent=agent, **fields))
    return new_append(_FLOW, events)


def _page(client: Client, log: Log, path: str, size: int) -> None:
    answer = client.get(f"/logs/{log.name}/{path.format(middle=size // 2)}")
    assert answer.status_code == 200, answer.status_code


def _rows(connection: psycopg.Connection, sql: str, log: Log) -> None:
    connection.execute(sql, [log.pk]).fetchall()
