"""The connections that reads of the API share. They are lent by turns, so that one asker hardly delays others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any

from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool

from events.reading.turns import Turns
from events.sessions import has_received

PLACES = 8
_WITHOUT_TURN = 1
"""Connections for reads that need no turn: above all, the look-up of a token."""

asker: ContextVar[Hashable] = ContextVar("asker", default=None)
"""The token or person whose request the running task answers. None: it is not known, or there is none."""


class SharedPool(AsyncConnectionPool[AsyncConnection[Any]]):
    """A pool that lends its connections to askers in turn, at most half of them to one. It lends only live ones."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._turns = Turns(
            places=PLACES - _WITHOUT_TURN, places_per_lane=PLACES // 2, waiting_per_lane=256, patience_seconds=10
        )

    @asynccontextmanager
    async def connection(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - as psycopg's pool has it
    ) -> AsyncIterator[AsyncConnection[Any]]:
        """Lend a connection when it is the asker's turn.

        Raises:
            TooManyRequests: too many reads of the asker wait already.
            Busy: no connection became free in time.
        """
        lane = asker.get()
        if lane is None:
            async with super().connection(timeout) as session:
                yield session
        else:
            async with self._turns.turn(lane), super().connection(timeout) as session:
                yield session

    async def getconn(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - as psycopg's pool has it
    ) -> AsyncConnection[Any]:
        """Return a connection that the server has not ended.

        After a failover the server has ended all of them: they are given back one after another, without a pause. (The
        check that psycopg's pool offers pauses for one second after the first of them, for two after the next.)
        """
        deadline = monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            connection = await super().getconn(deadline - monotonic())
            try:
                if has_received(connection):
                    await self.check_connection(connection)
            except OperationalError:
                await self.putconn(connection)
            except BaseException:
                await self.putconn(connection)
                raise
            else:
                return connection
