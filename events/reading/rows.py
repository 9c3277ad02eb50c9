"""The interface of every read of the database: all rows, or the first one, in a thread or in the event loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

Row = TypeVar("Row")


class Rows(ABC, Generic[Row]):
    """The rows that a query or a statement gives."""

    __slots__ = ()

    @abstractmethod
    def fetch(self) -> list[Row]:
        """Return the rows, read in the calling thread on Django's connection."""

    @abstractmethod
    async def afetch_on(self, session: AsyncConnection[Any]) -> list[Row]:
        """Return the rows, read on a connection of the caller."""

    def first(self) -> Row | None:
        """Return the first row, read in the calling thread."""
        return next(iter(self.fetch()), None)

    async def afirst_on(self, session: AsyncConnection[Any]) -> Row | None:
        """Return the first row, read on a connection of the caller."""
        return next(iter(await self.afetch_on(session)), None)

    async def afetch(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> list[Row]:
        """Return the rows, read on a connection of the pool."""
        async with pool.connection() as session:
            return await self.afetch_on(session)

    async def afirst(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> Row | None:
        """Return the first row, read on a connection of the pool."""
        return next(iter(await self.afetch(pool)), None)
