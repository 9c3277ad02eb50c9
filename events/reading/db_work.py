"""Work that asks the database, written once: a page runs it in its thread, the API on the engine's pool.

Such work is a generator. It yields reads, searches and statements, and is sent their rows or what they found; what goes
wrong is raised where it yielded, so that it can say what may fail.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

from django.db import connection, transaction
from psycopg import AsyncConnection, Cursor
from psycopg.pq import Format
from psycopg_pool import AsyncConnectionPool

from events.reading.scan import Search
from events.reading.store import Read

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Statement:
    """Something to execute for its effect, which commits on its own; or, with `row`, for its rows: one that is read
    so often that building and planning it anew would take longer than running it."""

    sql: str
    params: Mapping[str, Any]
    row: Callable[..., Any] | None = None

    def execute(self) -> None:
        """For its effect, in the calling thread."""
        with transaction.atomic(), self._executed():
            pass

    def fetch(self) -> list[Any]:
        """For its rows, in the calling thread."""
        with self._executed() as cursor:
            return [self.row(*values) for values in cursor.fetchall()] if self.row else []

    @contextmanager
    def _executed(self) -> Iterator[Any]:
        """By psycopg's own cursor, which keeps statements prepared, reads binary and sends values beside them: a state
        takes a third of the time. One plan for any values suits these statements: each has one index to go by."""
        connection.ensure_connection()
        raw: Any = Cursor(connection.connection)
        raw.format = Format.BINARY
        cursor = connection.make_debug_cursor(raw) if connection.queries_logged else raw
        with connection.wrap_database_errors, cursor:
            cursor.execute(self.sql, self.params)
            yield cursor


_Asked: TypeAlias = Read[Any] | Search | Statement
Asking: TypeAlias = Generator[_Asked, Any, T]


def run(work: Asking[T]) -> T:
    """Do the work in the calling thread, on Django's connection."""
    step: Callable[[], _Asked] = partial(next, work)
    while True:
        try:
            asked = step()
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        try:
            step = partial(work.send, _execute(asked))
        except Exception as error:
            step = partial(work.throw, error)


async def arun(work: Asking[T], pool: AsyncConnectionPool[AsyncConnection[Any]]) -> T:
    """Do the work on one connection of the pool; what it computes between two reads runs in the event loop."""
    async with pool.connection() as session:
        step: Callable[[], _Asked] = partial(next, work)
        while True:
            try:
                asked = step()
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
            try:
                step = partial(work.send, await _aexecute(session, asked))
            except Exception as error:
                step = partial(work.throw, error)


def _execute(asked: _Asked) -> Any:
    if isinstance(asked, Statement) and not asked.row:
        return asked.execute()
    return asked.fetch()


async def _aexecute(session: AsyncConnection[Any], asked: _Asked) -> Any:
    if isinstance(asked, Read | Search):
        return await asked.afetch_on(session)
    cursor = await session.execute(asked.sql, asked.params, prepare=True, binary=True)
    return [asked.row(*values) for values in await cursor.fetchall()] if asked.row else None
