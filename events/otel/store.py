"""The held traces as a worker reads them, and notes what became of them, on a session of its own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from psycopg import AsyncConnection

from events.otel.mapping.run import RunName
from events.otel.pieces import KeptPiece
from events.otel.runs import HeldTrace, Run, runs_of
from events.sql import otel as sql

LOCKS = 7305
"""The class of the advisory locks; a log's lock is held by the worker that maps its runs."""
_MOST_DUE = 128
"""Traces that a worker looks at together."""
_MOST_TIED = 2_000
"""Traces of the runs that a worker looks at together. Of one run with more traces, some are mapped apart."""
_MOST_LINKS = 128
"""Links of a trace that are looked at."""
_MOST_FAILURES = 100
"""Failures of a log that are kept: the newest."""
_MOST_FORGOTTEN = 1_000
"""Traces, or pieces of traces, that one statement removes."""
_ANSWER_SECONDS = 70.0
"""A session that says nothing for so long is lost: Postgres itself ends a statement before."""


class Store:
    """The held traces, on the session of a worker, on which every statement is a transaction."""

    def __init__(self, session: AsyncConnection[Any]) -> None:
        self._session = session

    async def _rows(self, statement: str, **params: Any) -> list[tuple[Any, ...]]:
        """Execute a statement, and return its rows, if it has any.

        Raises:
            psycopg.Error, TimeoutError: the session is of no use any more, or the statement took too long.
        """
        async with asyncio.timeout(_ANSWER_SECONDS):
            cursor = await self._session.execute(statement, params, prepare=True, binary=True)
            return await cursor.fetchall() if cursor.description else []

    async def due_logs(self) -> list[int]:
        """Return the logs that have a trace which is due."""
        return [log_id for (log_id,) in await self._rows(sql.DUE_LOGS)]

    async def lock(self, log_id: int) -> bool:
        """Take the lock of a log; return False if another session holds it. It ends with the session."""
        return await self._rows(sql.LOCK, part=LOCKS, log_id=log_id) == [(True,)]

    async def unlock(self, log_id: int) -> None:
        await self._rows(sql.UNLOCK, part=LOCKS, log_id=log_id)

    async def due(self, log_id: int) -> list[tuple[UUID, int]]:
        """Return traces that are due, and how often a worker died with each."""
        return [(trace_id, attempts) for trace_id, attempts in await self._rows(sql.DUE, log_id=log_id, most=_MOST_DUE)]

    async def runs(self, log_id: int, traces: Sequence[UUID]) -> list[Run]:
        """Return the runs to which some traces belong, or the first ones of them, in the order of these."""
        rows = await self._rows(sql.TIED, log_id=log_id, traces=list(traces), most=_MOST_TIED, most_links=_MOST_LINKS)
        tied_ids = [id for (id,) in rows]
        if len(tied_ids) == _MOST_TIED and len(traces) > 1:
            return await self.runs(log_id, traces[: len(traces) // 2])
        ids = list(dict.fromkeys([*traces, *tied_ids]))
        links = await self._rows(sql.LINKS, log_id=log_id, traces=ids, most_links=_MOST_LINKS)
        silence = settings.EVENTSITE.otel_silence_seconds
        rows = await self._rows(sql.TRACES, log_id=log_id, traces=ids, silence=silence)
        by_id = {row[0]: HeldTrace(*row) for row in rows}
        return runs_of([by_id[id] for id in ids if id in by_id], [(one, other) for one, other in links])

    async def names(self, log_id: int, runs: Iterable[Run]) -> dict[UUID, RunName]:
        """Return the names that traces of runs were mapped to, the oldest first."""
        rows = await self._rows(sql.NAMES, log_id=log_id, traces=[id for run in runs for id in run.ids])
        return {trace_id: RunName(stream, correlation_id) for trace_id, stream, correlation_id in rows}

    async def ids_in_log(self, log_id: int, ids: Collection[str]) -> set[str]:
        """Return those of some ids whose events are in the log."""
        return {id for (id,) in await self._rows(sql.IDS_IN_LOG, log_id=log_id, ids=list(ids))} if ids else set()

    async def postpone(self, log_id: int, run: Run) -> None:
        """Let the traces of a run that are due wait for the others."""
        await self._rows(
            sql.POSTPONE,
            log_id=log_id,
            traces=[trace.id for trace in run.traces],
            until=run.due_at,
            silence=settings.EVENTSITE.otel_silence_seconds,
        )

    async def attempt(self, log_id: int, traces: Iterable[UUID], *, step: int) -> None:
        """Count an attempt to map traces, before it begins (`step` 1), or take it back (-1)."""
        await self._rows(sql.ATTEMPT, log_id=log_id, traces=list(traces), step=step)

    async def pieces(self, log_id: int, runs: Iterable[Run]) -> dict[UUID, list[KeptPiece]]:
        """Return pieces by their traces: those that were mapped, then those that are held.

        Of each there are as many as a worker takes at once, so of a large run some may be left.
        """
        runs = list(runs)
        params = {"log_id": log_id, "most_bytes": settings.EVENTSITE.otel_trace_max_bytes}
        mapped_ids = [trace.id for run in runs for trace in run.traces if trace.mapped]
        kept_rows = await self._rows(sql.KEPT_PIECES, traces=mapped_ids, **params) if mapped_ids else []
        held_rows = await self._rows(sql.HELD_PIECES, traces=_ids(runs), **params)
        by_trace: defaultdict[UUID, list[KeptPiece]] = defaultdict(list)
        for piece in [*(KeptPiece(False, *row) for row in kept_rows), *(KeptPiece(True, *row) for row in held_rows)]:
            by_trace[piece.trace_id].append(piece)
        return by_trace

    async def mapped(self, log_id: int, runs: Iterable[Run], pieces: Iterable[KeptPiece]) -> None:
        """Note that pieces of runs were mapped. What came meanwhile stays held."""
        last_numbers = {trace.id: trace.pieces for run in runs for trace in run.traces}
        pieces_by_trace: defaultdict[UUID, list[KeptPiece]] = defaultdict(list)
        for piece in pieces:
            if piece.is_held:
                pieces_by_trace[piece.trace_id].append(piece)
        await self._rows(
            sql.MAPPED,
            log_id=log_id,
            traces=list(pieces_by_trace),
            upto=[max(piece.number for piece in group) for group in pieces_by_trace.values()],
            seen=[last_numbers[id] for id in pieces_by_trace],
            spans=[sum(piece.count for piece in group if not piece.are_records) for group in pieces_by_trace.values()],
            records=[sum(piece.count for piece in group if piece.are_records) for group in pieces_by_trace.values()],
            bytes=[sum(piece.size for piece in group) for group in pieces_by_trace.values()],
            settle=settings.EVENTSITE.otel_settle_seconds,
            silence=settings.EVENTSITE.otel_silence_seconds,
        )

    async def name(self, log_id: int, names: Sequence[tuple[Run, RunName]]) -> None:
        """Keep the names of runs for what comes of them later."""
        traces = [(trace.id, name) for run, name in names for trace in run.traces]
        await self._rows(
            sql.NAME,
            log_id=log_id,
            traces=[id for id, _ in traces],
            streams=[name.stream for _, name in traces],
            correlation_ids=[name.correlation_id for _, name in traces],
        )

    async def park(self, log_id: int, traces: Sequence[UUID]) -> None:
        """Leave traces that can't be mapped, until more of them comes or somebody wants them to be mapped."""
        await self._rows(sql.PARK, log_id=log_id, traces=list(traces))

    async def fail(self, log_id: int, failures: Sequence[dict[str, Any]]) -> None:
        """Keep failures for people: each has `trace_id`, `code` and `detail`, and may have `stream` and `event_id`."""
        if failures:
            await self._rows(sql.FAIL, log_id=log_id, failures=orjson.dumps(failures).decode(), most=_MOST_FAILURES)

    async def seen_content(self, log_id: int, tokens: Iterable[int]) -> None:
        """Note that messages came with tokens."""
        if ids := list(tokens):
            await self._rows(sql.SEEN_CONTENT, log_id=log_id, tokens=ids)

    async def forget(self) -> None:
        """Remove what is no longer needed: context that is old, or more than a log may keep, and old names."""
        limits = settings.EVENTSITE
        context = {"context": limits.otel_context_seconds}
        for statement, params in (
            (sql.FORGET_OLD_PIECES, context),
            (sql.FORGET_UNREAD_PIECES, {"most_bytes": limits.otel_trace_max_bytes}),
            (sql.FORGET_OLD, context),
            (sql.FORGET_SURPLUS, {"most_bytes": limits.otel_log_max_bytes}),
        ):
            while await self._rows(statement, most=_MOST_FORGOTTEN, **params) == [(_MOST_FORGOTTEN,)]:
                pass
        await self._rows(sql.FORGET_NAMES, **context)


def _ids(runs: Iterable[Run]) -> list[UUID]:
    return [trace.id for run in runs for trace in run.held]
