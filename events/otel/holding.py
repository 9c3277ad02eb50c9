"""Holding: what an export brought is committed before the export is answered, and waits until its traces are due.

The bytes that a log holds are bounded. Each process reads them once a second at most, and adds what it holds itself;
so several processes may go over the bound by what they take in a second.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextvars import Context
from dataclasses import dataclass
from itertools import chain
from time import monotonic

import psycopg
from django.conf import settings

from events.errors import TooMuchHeld, Unavailable, brief
from events.otel.intake import size
from events.otel.wire import Division, Piece, packed
from events.reading.statement import Statement
from events.sessions import Pool
from events.sql import otel as sql

logger = logging.getLogger(__name__)

_FRESH_SECONDS = 1.0
"""The time for which the held bytes of a log are known."""
_QUICK_BYTES = 128 * 1024
"""Bodies of this size are compressed at once, in half a millisecond. More is compressed in a thread."""
_MOST_EXPORTS = 64
_MOST_BYTES = 4 * 2**20
"""Of the exports that share a commit; one may be larger."""


@dataclass(slots=True)
class _Export:
    """An export that waits to be committed."""

    token_id: int
    are_records: bool
    pieces: list[Piece]
    sizes: list[int]
    bodies: list[bytes]
    is_held: asyncio.Future[None]

    @property
    def bytes(self) -> int:
        return sum(map(len, self.bodies))

    def end(self, error: Exception | None = None) -> None:
        """Let who waits go on; it may have gone."""
        if not self.is_held.done():
            self.is_held.set_exception(error) if error else self.is_held.set_result(None)


class Holding:
    """Holds the exports of a process. Those of a log that come while others of it are committed share one commit."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[float, int]] = {}
        """The time at which the held bytes of a log were read, and their number, with what came since."""
        self._waiting: dict[int, deque[_Export]] = {}
        """The exports that wait, of each log for which a task is at work."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def hold(self, pool: Pool, log_id: int, token_id: int, division: Division, *, are_records: bool) -> None:
        """Commit the pieces of an export, all or none.

        Raises:
            TooMuchHeld: the log holds too much already.
            Unavailable: nothing was committed, or it is not known; the pieces may be held again.
        """
        if not division.pieces:
            return
        sizes = list(map(size, division.pieces))
        await self._take_room(pool, log_id, sum(sizes))
        bodies = await _packed(division.pieces)
        is_held = asyncio.get_running_loop().create_future()
        export = _Export(token_id, are_records, division.pieces, sizes, bodies, is_held)
        if log_id in self._waiting:
            self._waiting[log_id].append(export)
        else:
            self._waiting[log_id] = deque([export])
            # The task has a context of its own: it belongs to no asker, and waits for no turn.
            task = asyncio.create_task(self._commit_all(pool, log_id), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await export.is_held

    async def _commit_all(self, pool: Pool, log_id: int) -> None:
        """Commit the exports of a log, as many together as wait, until none waits."""
        waiting = self._waiting[log_id]
        try:
            while waiting:
                await self._commit(pool, log_id, _batch(waiting))
        finally:
            del self._waiting[log_id]

    async def _commit(self, pool: Pool, log_id: int, batch: list[_Export]) -> None:
        limits = settings.EVENTSITE
        times = limits.otel_settle_seconds, limits.otel_silence_seconds
        params = [log_id, *_parameters(batch), *times, limits.otel_trace_max_bytes]
        try:
            async with asyncio.timeout(limits.writer_timeout), pool.connection() as session:
                await session.execute(sql.HOLD, params, prepare=True)
        except Exception as error:  # whatever it is, they are waited for
            if len(batch) == 1 or isinstance(error, psycopg.OperationalError | TimeoutError):
                _refuse(batch, error)
            else:  # one of them may be to blame
                for export in batch:
                    await self._commit(pool, log_id, [export])
        else:
            for export in batch:
                export.end()

    async def check_room(self, pool: Pool, log_id: int, new_bytes: int) -> None:
        """Refuse an export, before it is decoded, for which a log has no room.

        Raises:
            TooMuchHeld: the log holds too much already.
            Unavailable: the database did not say.
        """
        limit = settings.EVENTSITE.otel_log_max_bytes
        read_at, held_bytes = self._held.get(log_id, (-_FRESH_SECONDS, 0))
        if monotonic() - read_at >= _FRESH_SECONDS:
            self._held[log_id] = monotonic(), held_bytes  # who comes meanwhile need not read it, too
            try:
                held_bytes = await Statement(sql.HELD_BYTES, {"log_id": log_id}, int).afirst(pool) or 0
            except psycopg.Error as error:
                logger.warning("an export is not held: %s", brief(error))
                raise Unavailable("The database did not answer.") from None
            self._held[log_id] = monotonic(), held_bytes
        if held_bytes + new_bytes > limit:
            raise TooMuchHeld(f"The log holds {held_bytes:,} bytes that are not mapped yet; the limit is {limit:,}.")

    async def _take_room(self, pool: Pool, log_id: int, new_bytes: int) -> None:
        await self.check_room(pool, log_id, new_bytes)
        read_at, held_bytes = self._held[log_id]
        self._held[log_id] = read_at, held_bytes + new_bytes


async def _packed(pieces: list[Piece]) -> list[bytes]:
    """Return the bodies of pieces as they are kept: many bytes are compressed in a thread."""
    bodies = [piece.body for piece in pieces]
    if sum(map(len, bodies)) <= _QUICK_BYTES:
        return list(map(packed, bodies))
    return await asyncio.to_thread(lambda: list(map(packed, bodies)))


def _batch(waiting: deque[_Export]) -> list[_Export]:
    """Take the first exports that wait, at least one."""
    batch = [waiting.popleft()]
    room = _MOST_BYTES - batch[0].bytes
    while waiting and len(batch) < _MOST_EXPORTS and (room := room - waiting[0].bytes) >= 0:
        batch.append(waiting.popleft())
    return batch


def _refuse(batch: list[_Export], error: Exception) -> None:
    """Have the exporters try again, whatever the database said: they would not after a 500."""
    logger.warning("%s exports are not held: %s", len(batch), brief(error))
    for export in batch:
        export.end(Unavailable("The database did not take the export."))


def _parameters(batch: list[_Export]) -> list[str | bytes]:
    """Return the pieces as `hold_exports()` takes them."""
    pieces = [piece for export in batch for piece in export.pieces]
    ties = [(piece.trace_id, other) for piece in pieces for other in piece.linked]
    return [
        ",".join([str(export.token_id) for export in batch for _ in export.pieces]),
        ",".join([str(export.are_records) for export in batch for _ in export.pieces]),
        ",".join([piece.trace_id for piece in pieces]),
        ",".join([str(piece.count) for piece in pieces]),
        ",".join([str(size) for export in batch for size in export.sizes]),
        ",".join([str(piece.has_root) for piece in pieces]),
        ",".join([str(len(body)) for export in batch for body in export.bodies]),
        b"".join([body for export in batch for body in export.bodies]),
        ",".join(chain.from_iterable(ties)),
        ",".join(chain.from_iterable((other, one) for one, other in ties)),
    ]
