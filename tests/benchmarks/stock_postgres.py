"""One append on Debian's Postgres beside the embedded one. It has a compiler, which must not start."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from unittest import mock

import psycopg

from events import sql
from events.appending import flush
from events.appending.plan import Request, plan
from tests.benchmarks import cluster
from tests.benchmarks.measure import Table, interleaved, milliseconds, ratio
from tests.benchmarks.query import median_time
from tests.support.factories import make_append

_PROGRAMS = Path(os.environ.get("STOCK_POSTGRES", "/usr/lib/postgresql/15/bin"))
_ROUNDS = 20
_FLUSHES: dict[str, list[dict[str, str]]] = {
    "an event": [{}],
    "an event of a workflow": [{"correlation_id": "run-1"}],
    "three events": [{}, {}, {}],
}


def run() -> Iterator[Table]:
    table = Table("One append, without HTTP", ("", "embedded", "Debian's", "Debian's ÷ embedded"))
    if not _PROGRAMS.is_dir():
        table.title += f" (left out: there is no {_PROGRAMS})"
        yield table
        return
    with mock.patch.dict(os.environ, {"EVENTSITE_TEST_POSTGRES": str(_PROGRAMS)}):
        stock = cluster.start()
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0"], env=os.environ | {"DATABASE_URL": stock}, check=True
    )
    with (
        psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as embedded_session,
        psycopg.connect(stock, autocommit=True) as stock_session,
    ):
        sessions = {"embedded": embedded_session, "stock": stock_session}
        logs = {name: _make_log(session) for name, session in sessions.items()}
        for words, events in _FLUSHES.items():
            works = {name: partial(_append, session, logs[name], events) for name, session in sessions.items()}
            times = interleaved({name: partial(median_time, work) for name, work in works.items()}, rounds=_ROUNDS)
            embedded, debian = times.values()
            table.rows.append((words, milliseconds(embedded), milliseconds(debian), ratio(debian, embedded)))
    yield table


def _make_log(session: psycopg.Connection) -> int:
    statement = "insert into log (name, created_at) values (%s, now()) returning id"
    row = session.execute(statement, [f"log-{secrets.token_hex(6)}"]).fetchone()
    assert row
    return int(row[0])


_numbers = count()


def _append(session: psycopg.Connection, log_id: int, events: list[dict[str, str]]) -> None:
    append = make_append(f"order-{next(_numbers)}", *events)
    parameters = flush.append_parameters(log_id, plan([Request([append])]))
    row = session.execute(sql.APPEND, parameters, prepare=True).fetchone()
    assert row
    assert row[0] is True
