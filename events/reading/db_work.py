"""Work for the database that is written once: a page runs it in its thread, the API on the engine's pool.

The work is a generator. It yields reads, searches and statements, and is sent their rows or results. An error is raised
at the `yield`, so that the work can catch it:

    def last_event(log_id: int) -> DbWork[Event | None]:
        [head] = yield store.head(log_id)
        events = yield store.event(log_id, head)
        return events[0] if events else None

    run(last_event(1))  # in a thread
    await run_async(last_event(1), pool)  # in the event loop
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeAlias, TypeVar

from psycopg import AsyncConnection, IsolationLevel
from psycopg_pool import AsyncConnectionPool

from events.reading.scan import Search
from events.reading.statement import Statement
from events.reading.store import Read

T = TypeVar("T")


_Request: TypeAlias = Read[Any] | Search | Statement[Any]
DbWork: TypeAlias = Generator[_Request, Any, T]


def run(work: DbWork[T]) -> T:
    """Do the work in the calling thread, on Django's connection."""
    step: Callable[[], _Request] = partial(next, work)
    while True:
        try:
            request = step()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        try:
            step = partial(work.send, _execute(request))
        except Exception as error:
            step = partial(work.throw, error)


async def run_async(work: DbWork[T], pool: AsyncConnectionPool[AsyncConnection[Any]]) -> T:
    """Do the work on one connection of the pool; its computations between two reads run in the event loop."""
    async with pool.connection() as session:
        return await _run_on(session, work)


async def run_at_one_moment(work: DbWork[T], pool: AsyncConnectionPool[AsyncConnection[Any]]) -> T:
    """Do work that only reads, as `run_async` does. All its reads see the database at one moment."""
    async with pool.connection() as session:
        await session.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        try:
            async with session.transaction():
                return await _run_on(session, work)
        finally:
            if not session.closed:
                await session.set_isolation_level(None)


async def _run_on(session: AsyncConnection[Any], work: DbWork[T]) -> T:
    step: Callable[[], _Request] = partial(next, work)
    while True:
        try:
            request = step()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        try:
            step = partial(work.send, await _aexecute(session, request))
        except Exception as error:
            step = partial(work.throw, error)


def _execute(request: _Request) -> Any:
    if isinstance(request, Statement) and not request.row:
        return request.execute()
    return request.fetch()


async def _aexecute(session: AsyncConnection[Any], request: _Request) -> Any:
    return await request.afetch_on(session)
