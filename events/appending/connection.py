"""The connection of a log's writer: opened when it is needed, cut when it is silent, closed when it is idle."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, LiteralString

import psycopg
from django.conf import settings
from psycopg.pq import TransactionStatus

from events import sessions
from events.sessions import Address

_IDLE_SECONDS = 60.0
"""The time after which an idle connection is closed."""
_SILENCE_SECONDS = 1.0
"""The time after a statement's timeout, which Postgres itself should report, until the connection is cut."""


class Connection:
    """The writer's connection, at most one. Every statement is a transaction, and is prepared."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._open: _Open | None = None

    @property
    def is_open(self) -> bool:
        return self._open is not None

    @property
    def is_settled(self) -> bool:
        """Whether the server has reported the outcome of the last statement."""
        return self._open is not None and self._open.psycopg.info.transaction_status == TransactionStatus.IDLE

    async def open(self, *, patience: float) -> None:
        """Connect if there is no connection, within `patience` seconds."""
        if self._open is None:
            usual = settings.EVENTSITE.writer_timeout
            session = {"idle_in_transaction_session_timeout": "5s", "client_connection_check_interval": "1s"}
            async with asyncio.timeout(patience):
                connection = await self._address.connect("writer", {**session, **_timeouts(usual)})
            self._open = _Open(connection, usual)
            self._open.watch = asyncio.create_task(self._watch(self._open, usual / 10))

    async def execute(
        self, statement: LiteralString, parameters: Sequence[object] | Mapping[str, object], *, patience: float
    ) -> list[Any]:
        """Run one statement on the open connection and return its rows.

        Postgres stops it after about `patience` seconds.
        """
        assert self._open, "open() comes first"
        with self._open as connection:
            # A flush that has hardly waited gets the usual time, so that its statement needs no settings of its own.
            usual = settings.EVENTSITE.writer_timeout
            if (seconds := usual if patience > 0.9 * usual else patience) != self._open.patience:
                await sessions.change(connection, _timeouts(seconds))
                self._open.patience = seconds
            cursor = await connection.execute(statement, parameters, prepare=True)
            return await cursor.fetchall()

    async def close(self) -> None:
        connection, self._open = self._open, None
        if connection is not None:
            await connection.close()

    async def _watch(self, connection: _Open, interval: float) -> None:
        """Watch one connection. (A timer and a socket for each statement cost a tenth of a small append.)"""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(interval)
            seconds = loop.time() - connection.since
            if connection.busy and seconds >= connection.patience + _SILENCE_SECONDS:
                # A cancellation would wait for an answer of the server again.
                connection.line.shutdown(socket.SHUT_RDWR)
            elif not connection.busy and seconds >= _IDLE_SECONDS:
                await self.close()


def _timeouts(seconds: float) -> dict[str, str]:
    """Return the timeouts of a statement. The lock's is shorter, as its error tells more."""
    milliseconds = max(1, int(seconds * 1000))
    return {"lock_timeout": str(milliseconds), "statement_timeout": str(milliseconds * 11 // 10 + 1)}


class _Open:
    """An open connection, with the time since which it is busy or idle, its patience, and the task that watches it."""

    watch: asyncio.Task[None]

    def __init__(self, connection: psycopg.AsyncConnection, patience: float) -> None:
        self.psycopg = connection
        self.patience = patience
        self.line = socket.socket(fileno=os.dup(connection.fileno()))
        self._now = asyncio.get_running_loop().time
        self.busy = False
        self.since = self._now()

    def __enter__(self) -> psycopg.AsyncConnection:
        self.busy, self.since = True, self._now()
        return self.psycopg

    def __exit__(self, *exc_info: object) -> None:
        self.busy, self.since = False, self._now()

    async def close(self) -> None:
        self.watch.cancel()
        self.line.close()
        with suppress(Exception):
            await self.psycopg.close()
