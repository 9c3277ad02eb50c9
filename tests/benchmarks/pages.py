"""Pages of a log of 10,000 and of 1,000,000 events: the server's time for each, beside the bare query of its rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

import psycopg
from django.test import Client

from events.models import Log, Member, Role
from tests.benchmarks.logs import make_log
from tests.benchmarks.measure import Table, interleaved, milliseconds, ratio
from tests.benchmarks.query import SELECT, fill, median_time
from tests.support.factories import make_user

_SIZES = (10_000, 1_000_000)
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


def _page(client: Client, log: Log, path: str, size: int) -> None:
    answer = client.get(f"/logs/{log.name}/{path.format(middle=size // 2)}")
    assert answer.status_code == 200, answer.status_code


def _rows(connection: psycopg.Connection, sql: str, log: Log) -> None:
    connection.execute(sql, [log.pk]).fetchall()
