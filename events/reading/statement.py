"""Statements written out in SQL, for frequent reads that the ORM takes longer to build than Postgres to run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from psycopg import AsyncConnection, Cursor
from psycopg.pq import Format

from events.reading.rows import Row, Rows


@dataclass(frozen=True, slots=True)
class Statement(Rows[Row]):
    """A statement and its parameters. `row` makes a value of each row; without it, the statement has an effect only."""

    sql: str
    params: Mapping[str, Any]
    row: Callable[..., Row] | None = None

    def execute(self) -> None:
        """Execute the statement in the calling thread, in a transaction of its own."""
        with transaction.atomic(), self._executed():
            pass

    def fetch(self) -> list[Row]:
        """Return the rows, read in the calling thread."""
        with self._executed() as cursor:
            return [self.row(*values) for values in cursor.fetchall()] if self.row else []

    async def afetch_on(self, session: AsyncConnection[Any]) -> list[Row]:
        """Return the rows, read on a connection of the caller."""
        cursor = await session.execute(self.sql, self.params, prepare=True, binary=True)
        return [self.row(*values) for values in await cursor.fetchall()] if self.row else []

    @contextmanager
    def _executed(self) -> Iterator[Any]:
        """Execute the statement: prepared, with binary rows, its values apart from its text.

        So the read of a state takes a third of the time. One plan for all values suits these statements, as each uses
        one index.
        """
        with own_cursor(Cursor, Format.BINARY) as cursor:
            cursor.execute(self.sql, self.params)
            yield cursor


@contextmanager
def own_cursor(kind: type[Cursor[Any]], format: Format = Format.TEXT) -> Iterator[Any]:
    """Give a cursor of psycopg on Django's connection of the calling thread. (Django's own parses times in Python.)"""
    connection.ensure_connection()
    raw: Any = kind(connection.connection)
    raw.format = format
    logged = connection.make_debug_cursor(raw) if connection.queries_logged else raw
    with connection.wrap_database_errors, logged as cursor:
        yield cursor
