"""System checks of the database: it must be reachable by the settings, and able to hold a log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from events import sessions
from events.errors import brief
from events.sessions import Address

POSTGRES_MINIMUM = 15
MARK = {"eventsite.session": "kept"}
"""A setting that Postgres ignores. It shows whether settings reach Postgres, as poolers drop or refuse them."""
LOOK = """
    select current_setting('server_version_num')::int / 10000, current_setting('server_encoding'),
        pg_postmaster_start_time(), current_database(),
        pg_jit_available(), current_setting('eventsite.session', true)"""
REFUSED = "unsupported startup parameter"
"""The error of PgBouncer for settings, unless it is configured to drop them."""


@dataclass(frozen=True, slots=True)
class _Server:
    version: int
    encoding: str
    start_time: object
    database: str
    has_jit: bool
    mark: str | None


@register(Tags.database)
def database_can_hold_a_log(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Check the database. If it can't be reached, or only through a pooler, that error is the only one."""
    if not databases:
        return []
    try:
        server = _look(sessions.direct().session("check", MARK))
    except psycopg.OperationalError as error:
        return [_pooled() if REFUSED in str(error) else _away("DATABASE_URL", error)]
    if server.mark is None:
        return [_pooled()]
    pooler = sessions.address()
    return [*_fitness(server), *(_pooler_errors(pooler, server) if pooler.is_pooled else [])]


def _look(conninfo: str) -> _Server:
    with psycopg.connect(conninfo, autocommit=True) as session:
        row = session.execute(LOOK).fetchone()
    assert row
    return _Server(*row)


def _fitness(server: _Server) -> list[CheckMessage]:
    errors: list[CheckMessage] = []
    if server.version < POSTGRES_MINIMUM:
        hint = f"Use Postgres {POSTGRES_MINIMUM} or later."
        errors.append(Error(f"The database runs Postgres {server.version}.", hint=hint, id="eventsite.E003"))
    if server.encoding != "UTF8":
        hint = "Make the database with ENCODING 'UTF8'."
        errors.append(Error(f"The database's encoding is {server.encoding}.", hint=hint, id="eventsite.E004"))
    return errors


def _pooler_errors(pooler: Address, server: _Server) -> list[CheckMessage]:
    try:
        pooled_server = _look(pooler.conninfo)
    except psycopg.OperationalError as error:
        return [_away("EVENTSITE_POOLER_URL", error)]
    if (pooled_server.start_time, pooled_server.database) != (server.start_time, server.database):
        return [
            Error(
                "EVENTSITE_POOLER_URL and DATABASE_URL lead to two databases.",
                hint="Let the pooler lead to the server and the database that DATABASE_URL names.",
                id="eventsite.E008",
            )
        ]
    if pooled_server.has_jit:
        return [
            checks.Warning(
                "Sessions of the pooler compile plans (jit), which takes longer than running the pages' queries.",
                hint="ALTER ROLE … SET jit = off, for the user that the pooler connects as; then reconnect the pooler.",
                id="eventsite.W002",
            )
        ]
    return []


def _pooled() -> Error:
    return Error(
        "DATABASE_URL leads to a pooler: the settings that Eventsite makes for a session do not reach Postgres.",
        hint="Let DATABASE_URL lead to Postgres itself, and name the pooler in EVENTSITE_POOLER_URL.",
        id="eventsite.E006",
    )


def _away(variable: str, error: psycopg.OperationalError) -> Error:
    hint = f"Look at {variable}, and at whether the database lets its user in."
    return Error(f"{variable}: {brief(error)}", hint=hint, id="eventsite.E007")
