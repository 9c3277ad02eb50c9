"""The exporters of a log: counts and times for each token. A process gathers them, and writes them every second.

So the exports of a token never wait for one row. The last second of a killed process is lost. If the database is away,
the counts are written later; those whose writing it did not answer may then be counted twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass, field
from time import monotonic

import orjson
import psycopg

from events import engine
from events.errors import EventsError, brief
from events.sql import otel as sql

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
_MOST_CHARACTERS = 300
"""Of a text that is kept."""
_MOST_UNKNOWN = 100
"""Refused tokens of which a process keeps the reason until it has looked whose they are."""
_COUNTS = (
    *("exports", "compressed", "bytes", "spans", "records"),
    *("refused_spans", "dropped_records", "dropped_metrics", "refusals"),
)


@dataclass(slots=True)
class _Note:
    """The counts of one token since they were last written."""

    counts: Counter[str] = field(default_factory=Counter)
    first_time: float | None = None
    last_time: float | None = None
    user_agent: str = ""
    refused_time: float | None = None
    refused_status: int | None = None
    refused_reason: str | None = None

    def followed_by(self, later: _Note | None) -> _Note:
        """Return the counts of this note and of a later one together."""
        if later is None:
            return self
        refusal = later if later.refused_time is not None else self
        return _Note(
            counts=self.counts + later.counts,
            first_time=self.first_time or later.first_time,
            last_time=later.last_time or self.last_time,
            user_agent=later.user_agent,
            refused_time=refusal.refused_time,
            refused_status=refusal.refused_status,
            refused_reason=refusal.refused_reason,
        )


class Exporters:
    """Gathers what the exporters of this process send."""

    def __init__(self) -> None:
        self._notes: dict[tuple[int, int], _Note] = {}
        self._unknown: dict[bytes, _Note] = {}
        """Refusals of tokens that gave no access, by their hashes."""
        self._task: asyncio.Task[None] | None = None

    def taken(self, log_id: int, token_id: int, user_agent: str, **counts: int) -> None:
        """Count an export that was answered 200. `counts` are columns of `otel_exporter`."""
        note = self._note(log_id, token_id, user_agent)
        note.counts.update(counts, exports=1)
        note.last_time = monotonic()
        note.first_time = note.first_time or note.last_time

    def refused(self, log_id: int, token_id: int, user_agent: str, error: EventsError) -> None:
        """Count an export that was refused, and keep the reason."""
        self._refuse(self._note(log_id, token_id, user_agent), error)

    def unauthorized(self, token_hash: bytes, user_agent: str, error: EventsError) -> None:
        """Count an export whose token gave no access: it was revoked, has expired, or stood in a wrong header."""
        if token_hash in self._unknown or len(self._unknown) < _MOST_UNKNOWN:
            self._refuse(self._written_later(self._unknown.setdefault(token_hash, _Note()), user_agent), error)

    def _refuse(self, note: _Note, error: EventsError) -> None:
        note.counts["refusals"] += 1
        note.refused_time = monotonic()
        note.refused_status = error.status
        note.refused_reason = _kept(error.detail)

    def _note(self, log_id: int, token_id: int, user_agent: str) -> _Note:
        return self._written_later(self._notes.setdefault((log_id, token_id), _Note()), user_agent)

    def _written_later(self, note: _Note, user_agent: str) -> _Note:
        note.user_agent = _kept(user_agent)
        if self._task is None or self._task.done():
            # The task has a context of its own: it belongs to no asker, and waits for no turn.
            self._task = asyncio.create_task(self._write_later(), context=Context())
        return note

    async def _write_later(self) -> None:
        while self._notes or self._unknown:  # also those that come while others are written
            await asyncio.sleep(_PAUSE_SECONDS)
            await self.write()

    async def aclose(self) -> None:
        """Write the last counts of a process that stops."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.write()

    async def write(self) -> None:
        """Write what was gathered. If the database is away, that is kept for the next time."""
        notes, self._notes = self._notes, {}
        unknown, self._unknown = self._unknown, {}
        if not notes and not unknown:
            return
        try:
            await _write(notes, unknown)
        except BaseException as error:
            for key, note in notes.items():
                self._notes[key] = note.followed_by(self._notes.get(key))
            for token_hash, note in unknown.items():
                self._unknown[token_hash] = note.followed_by(self._unknown.get(token_hash))
            if not isinstance(error, psycopg.Error | OSError):
                raise
            logger.warning("exporters: %s", brief(error))


async def _write(notes: Mapping[tuple[int, int], _Note], unknown: Mapping[bytes, _Note]) -> None:
    async with engine.current().pool.connection() as session:
        rows = [_row(log_id, token_id, note) for (log_id, token_id), note in notes.items()]
        if unknown:
            cursor = await session.execute(sql.TOKENS_OF, {"hashes": list(unknown)})
            rows += [
                _row(log_id, token_id, unknown[token_hash])
                for log_id, token_id, token_hash in await cursor.fetchall()
                if (log_id, token_id) not in notes
            ]
        await session.execute(sql.NOTE_EXPORTS, {"notes": orjson.dumps(rows).decode()})


def _row(log_id: int, token_id: int, note: _Note) -> dict[str, object]:
    now = monotonic()
    return {
        **{name: note.counts[name] for name in _COUNTS},
        "log_id": log_id,
        "token_id": token_id,
        "first_age": None if note.first_time is None else now - note.first_time,
        "last_age": None if note.last_time is None else now - note.last_time,
        "refused_age": None if note.refused_time is None else now - note.refused_time,
        "refused_status": note.refused_status,
        "refused_reason": note.refused_reason,
        "user_agent": note.user_agent,
    }


def _kept(text: str) -> str:
    """Return a text as Postgres can keep it, cut."""
    return text[:_MOST_CHARACTERS].replace("\0", "\ufffd")
