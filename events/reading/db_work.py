"""Work for the database that is written once: a page runs it in its thread, the API on the engine's pool.

The work is a generator. It yields reads, searches and statements, and is sent their rows or results. An error is raised
at the `yield`, so that the work can catch it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeAlias, TypeVar

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from events.reading.scan import Search
from events.reading.statement import Statement
from events.reading.store import Read

T = TypeVar("T")


_Asked: TypeAlias = Read[Any] | Search | Statement[Any]
Asking: TypeAlias = Generator[_Asked, Any, T]


def run(work: Asking[T]) -> T:
    """Do the work in the calling thread, on Django's connection."""
    step: Callable[[], _Asked] = partial(next, work)
    while True:
        try:
            request = step()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        try:
            step = partial(work.send, _execute(request))
        except Exception as error:
            step = partial(work.throw, error)


async def arun(work: Asking[T], pool: AsyncConnectionPool[AsyncConnection[Any]]) -> T:
    """Do the work on one connection of the pool; its computations between two reads run in the event loop."""
    async with pool.connection() as session:
        step: Callable[[], _Asked] = partial(next, work)
        while True:
            try:
                request = step()
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            try:
                step = partial(work.send, await _aexecute(session, request))
            except Exception as error:
                step = partial(work.throw, error)


def _execute(request: _Asked) -> Any:
    if isinstance(request, Statement) and not request.row:
        return request.execute()
    return request.fetch()


async def _aexecute(session: AsyncConnection[Any], request: _Asked) -> Any:
    return await request.afetch_on(session)
