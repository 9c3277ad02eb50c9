"""NOTIFY and LISTEN: hints that a log has grown. Losing one costs a poll interval, never an event."""

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

_COALESCE = 0.01
"""Seconds between two notifications of this process: a busy log is mentioned a hundred times a second at most."""
_RETRY = 1.0
_PING = 15.0
"""Seconds of silence after which the listening connection is tried."""


class Notifier:
    """Tells the other processes which logs have grown, in a transaction of its own.

    Inside the append's transaction NOTIFY would hold a lock of the whole database across the commit.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._grown: set[int] = set()
        self._wake = asyncio.Event()
        self.backend_pid: int | None = None
        """That of its session's process at the server; not known through a pooler."""

    def mention(self, log_id: int) -> None:
        self._grown.add(log_id)
        self._wake.set()

    async def run(self) -> NoReturn:
        while True:
            try:
                async with await self._address.connect("notifier") as connection:
                    self.backend_pid = None if self._address.is_pooled else connection.info.backend_pid
                    while True:
                        await self._wake.wait()
                        self._wake.clear()
                        grown, self._grown = self._grown, set()
                        await connection.execute(sql.NOTIFY, {"logs": ",".join(map(str, grown))})
                        await asyncio.sleep(_COALESCE)
            except (psycopg.Error, OSError) as error:
                logger.warning("notifier: %s", brief(error))
                await asyncio.sleep(_RETRY)


async def listen(address: Address, on_growth: Callable[[int], None], *, own: Notifier) -> NoReturn:
    """Call `on_growth(log_id)` for each notification of other processes, over one connection, for ever.

    What the process's own notifier mentions, the process knew before: to look at the log once more would find nothing.
    """
    while True:
        try:
            async with await address.connect("listener") as connection:
                await connection.execute(sql.LISTEN)
                while True:
                    async for notification in connection.notifies(timeout=_PING):
                        # Whoever may connect may notify: a payload that is no id is not ours.
                        if notification.payload.isdecimal() and notification.pid != own.backend_pid:
                            on_growth(int(notification.payload))
                    # A connection that was cut silently says so only when it is used.
                    async with asyncio.timeout(_PING):
                        await connection.execute("")
        except (psycopg.Error, OSError, TimeoutError) as error:
            logger.warning("listener: %s", brief(error))
            await asyncio.sleep(_RETRY)
