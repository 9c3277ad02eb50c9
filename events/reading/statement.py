"""Statements written out in SQL: for what is read so often that the ORM takes longer to build it than to run it."""

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
    """A statement, its parameters, and what its rows become; without `row` it is executed for its effect."""

    sql: str
    params: Mapping[str, Any]
    row: Callable[..., Row] | None = None

    def execute(self) -> None:
        """Execute the statement in the calling thread, in a transaction of its own."""
        with transaction.atomic(), self._executed():
            pass

    def fetch(self) -> list[Row]:
        """The rows, read in the calling thread."""
        with self._executed() as cursor:
            return [self.row(*values) for values in cursor.fetchall()] if self.row else []

    async def afetch_on(self, session: AsyncConnection[Any]) -> list[Row]:
        """The rows, read on a connection of the caller."""
        cursor = await session.execute(self.sql, self.params, prepare=True, binary=True)
        return [self.row(*values) for values in await cursor.fetchall()] if self.row else []

    @contextmanager
    def _executed(self) -> Iterator[Any]:
        """Statements stay prepared, rows come binary, values go beside the text: a state takes a third of the time.

        One plan for any values suits these statements: each has one index to go by.
        """
        with own_cursor(Cursor, Format.BINARY) as cursor:
            cursor.execute(self.sql, self.params)
            yield cursor


@contextmanager
def own_cursor(kind: type[Cursor[Any]], format: Format = Format.TEXT) -> Iterator[Any]:
    """A cursor of psycopg on Django's connection of the calling thread. Django's own reads each time in Python."""
    connection.ensure_connection()
    raw: Any = kind(connection.connection)
    raw.format = format
    logged = connection.make_debug_cursor(raw) if connection.queries_logged else raw
    with connection.wrap_database_errors, logged as cursor:
        yield cursor
