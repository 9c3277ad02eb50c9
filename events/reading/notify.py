"""NOTIFY and LISTEN: hints that a log has grown, or that deliveries of it are ready.

A lost hint costs a poll interval, never an event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NoReturn

import psycopg

from events import sql
from events.errors import brief
from events.sessions import Address

logger = logging.getLogger(__name__)

_READY = "ready "
"""Begins the hint that deliveries are ready; the id of the log follows."""
_COALESCE_SECONDS = 0.01
"""The time between two notifications of this process: a busy log is mentioned a hundred times a second at most."""
_RETRY_SECONDS = 1.0
_PING_SECONDS = 15.0
"""The silence after which the listening connection is tested."""


class Notifier:
    """Tells the other processes which logs have grown, or have deliveries that are ready, in a transaction of its own.

    In the append's transaction, NOTIFY would hold a lock of the whole database until after the commit.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._hints: set[str] = set()
        self._wake = asyncio.Event()
        self.backend_pid: int | None = None
        """The process id of its session at the server; None through a pooler, which hides it."""

    def mention(self, log_id: int) -> None:
        self._hint(str(log_id))

    def mention_ready(self, log_id: int) -> None:
        self._hint(f"{_READY}{log_id}")

    def _hint(self, hint: str) -> None:
        self._hints.add(hint)
        self._wake.set()

    async def run(self) -> NoReturn:
        while True:
            try:
                async with await self._address.connect("notifier") as connection:
                    self.backend_pid = None if self._address.is_pooled else connection.info.backend_pid
                    while True:
                        await self._wake.wait()
                        self._wake.clear()
                        hints, self._hints = self._hints, set()
                        await connection.execute(sql.NOTIFY, {"hints": ",".join(hints)})
                        await asyncio.sleep(_COALESCE_SECONDS)
            except (psycopg.Error, OSError) as error:
                logger.warning("notifier: %s", brief(error))
                await asyncio.sleep(_RETRY_SECONDS)


async def listen(
    address: Address, on_growth: Callable[[int], None], on_ready: Callable[[int], None], *, own: Notifier
) -> NoReturn:
    """Call one of the functions with a log for each notification of other processes, over one connection, for ever.

    Notifications of the process's own notifier are ignored: the process has told its tails already.
    """
    while True:
        try:
            async with await address.connect("listener") as connection:
                await connection.execute(sql.LISTEN)
                while True:
                    async for notification in connection.notifies(timeout=_PING_SECONDS):
                        # Any client of the database may notify: a payload that is not an id is not ours.
                        log_id = notification.payload.removeprefix(_READY)
                        if log_id.isdecimal() and notification.pid != own.backend_pid:
                            (on_growth if log_id == notification.payload else on_ready)(int(log_id))
                    # A connection that was cut silently raises an error only when it is used.
                    async with asyncio.timeout(_PING_SECONDS):
                        await connection.execute("")
        except (psycopg.Error, OSError, TimeoutError) as error:
            logger.warning("listener: %s", brief(error))
            await asyncio.sleep(_RETRY_SECONDS)
