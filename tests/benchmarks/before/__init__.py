"""The append as it was before lists were kept behind it: the same writer, with the old function and tables.

They live in a schema of their own, which comes first in the search path of the writer's session.
"""

from __future__ import annotations

import os
from importlib.resources import files

import psycopg
from psycopg.conninfo import make_conninfo

from events.models import Log
from tests.benchmarks import logs


def create() -> str:
    """Create the schema, and return the conninfo of sessions that write to it."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(files(__package__).joinpath("append.sql").read_text(encoding="utf-8"))
    return make_conninfo(os.environ["DATABASE_URL"], options="-c search_path=before,public")


def make_log(conninfo: str) -> Log:
    """Return a new log, which both schemas have: the tables of tokens are those of today."""
    log = logs.make_log()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("insert into log (id, name) values (%s, %s)", [log.pk, log.name])
    return log
