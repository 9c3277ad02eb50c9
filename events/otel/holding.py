"""Holding: what an export brought is committed before the export is answered, and waits until its traces are due.

The bytes that a log holds are bounded. Each process reads them once a second at most, and adds what it holds itself;
so several processes may go over the bound by what they take in a second.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from time import monotonic

import psycopg
from django.conf import settings

from events.errors import TooMuchHeld, Unavailable, brief
from events.otel.intake import size
from events.otel.wire import Division, Piece
from events.reading.statement import Statement
from events.sessions import Pool
from events.sql import otel as sql

logger = logging.getLogger(__name__)

_FRESH_SECONDS = 1.0
"""The time for which the held bytes of a log are known."""


class Holding:
    """Holds the exports of a process."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[float, int]] = {}
        """The time at which the held bytes of a log were read, and their number, with what came since."""

    async def hold(self, pool: Pool, log_id: int, token_id: int, division: Division, *, are_records: bool) -> None:
        """Commit the pieces of an export, all or none.

        Raises:
            TooMuchHeld: the log holds too much already.
            Unavailable: nothing was committed, or it is not known; the pieces may be held again.
        """
        if not division.pieces:
            return
        limits = settings.EVENTSITE
        params = [
            *(log_id, token_id, are_records),
            *_parameters(division.pieces),
            *(limits.otel_settle_seconds, limits.otel_silence_seconds, limits.otel_trace_max_bytes),
        ]
        await self._take_room(pool, log_id, sum(map(size, division.pieces)))
        with _trying_again():
            async with pool.connection() as session:
                await session.execute(sql.HOLD, params, prepare=True)

    async def check_room(self, pool: Pool, log_id: int, new_bytes: int) -> None:
        """Refuse an export, before it is decoded, for which a log has no room.

        Raises:
            TooMuchHeld: the log holds too much already.
            Unavailable: the database did not say.
        """
        limit = settings.EVENTSITE.otel_log_max_bytes
        read_at, held_bytes = self._held.get(log_id, (-_FRESH_SECONDS, 0))
        if monotonic() - read_at >= _FRESH_SECONDS:
            with _trying_again():
                held_bytes = await Statement(sql.HELD_BYTES, {"log_id": log_id}, int).afirst(pool) or 0
            self._held[log_id] = monotonic(), held_bytes
        if held_bytes + new_bytes > limit:
            raise TooMuchHeld(f"The log holds {held_bytes:,} bytes that are not mapped yet; the limit is {limit:,}.")

    async def _take_room(self, pool: Pool, log_id: int, new_bytes: int) -> None:
        await self.check_room(pool, log_id, new_bytes)
        read_at, held_bytes = self._held[log_id]
        self._held[log_id] = read_at, held_bytes + new_bytes


@contextmanager
def _trying_again() -> Iterator[None]:
    """Make any error of the database one after which an exporter tries again: after a 500 it would not."""
    try:
        yield
    except psycopg.Error as error:
        logger.warning("an export is not held: %s", brief(error))
        raise Unavailable("The database did not take the export.") from None


def _parameters(pieces: list[Piece]) -> list[str | bytes]:
    """Return the pieces as `hold_export()` takes them."""
    ties = [(piece.trace_id, other) for piece in pieces for other in piece.linked]
    return [
        ",".join([piece.trace_id for piece in pieces]),
        ",".join([str(piece.count) for piece in pieces]),
        ",".join([str(size(piece)) for piece in pieces]),
        ",".join([str(piece.has_root) for piece in pieces]),
        ",".join([str(len(piece.body)) for piece in pieces]),
        b"".join([piece.body for piece in pieces]),
        ",".join(chain.from_iterable(ties)),
        ",".join(chain.from_iterable((other, one) for one, other in ties)),
    ]
