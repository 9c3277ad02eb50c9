"""The worker that maps what is held. Decoding and mapping keep a processor busy, so they have a process of their own.

One worker at a time maps the runs of a log: it holds the log's advisory lock, which ends with its session. Whatever
moment it is killed at, the next worker maps the same traces again, and their events are in the log once, by their ids.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, TypeAlias
from uuid import UUID

import psycopg
from django.conf import settings

from events.appending.writer import Writer
from events.errors import EventsError, brief
from events.otel.careful import map_carefully
from events.otel.delivering import Delivery, Refused
from events.otel.mapping.run import MappedRun, RunName
from events.otel.pieces import KeptPiece, Material, material_of
from events.otel.runs import Run
from events.otel.spans import LogRecord, Span
from events.otel.store import Store
from events.reading.notify import Notifier
from events.rules import read_no_rules
from events.sessions import address, direct
from events.types import Append

logger = logging.getLogger(__name__)


Attempts: TypeAlias = dict[int, set[UUID]]
"""The traces of each log whose attempts are counted and have not ended."""


class MapRun(Protocol):
    """`map_carefully()`, or what a test has for it."""

    def __call__(
        self,
        spans: Sequence[Span],
        records: Sequence[LogRecord] = ...,
        *,
        name: RunName | None = ...,
        ids_in_log: Collection[str] = ...,
    ) -> MappedRun: ...


_POLL_SECONDS = 1.0
_RETRY_SECONDS = 1.0
"""The wait after the database was away."""
_REST_SECONDS = 5.0
"""The time for which a log is left alone that took no events."""
_TIDY_SECONDS = 10.0
"""The time between two removals of what is no longer needed."""
MOST_ATTEMPTS = 5
"""A trace is given up when so many workers have died with it."""
_LONG_SECONDS = 20.0
"""A run that takes so long to map counts as one of which a worker died, if the session is lost."""
_NAMED_EVENTS = 200
"""Events of runs that are named together, with one statement, before they are appended."""
_SETTINGS = {
    "timezone": "UTC",
    "synchronous_commit": "off",  # Postgres may forget the last of it after the events only, and then it is done again
    "enable_seqscan": "off",  # its tables are empty again and again, so statistics say nothing
    "enable_bitmapscan": "off",
    "lock_timeout": "10s",
    "statement_timeout": "60s",
    "idle_session_timeout": "60s",  # a worker that was stopped must not hold its locks
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}


def run(stop_event: threading.Event) -> None:
    """Map what is due, in all logs, until the event is set. While the database is away, wait."""
    asyncio.run(_run(stop_event))


async def _run(stop_event: threading.Event) -> None:
    attempts: Attempts = {}
    while not stop_event.is_set():
        try:
            async with working(is_stopping=stop_event.is_set, attempts=attempts) as worker:
                while not stop_event.is_set():
                    if not await worker.turn():
                        await asyncio.sleep(_POLL_SECONDS)
        except (psycopg.Error, OSError) as error:
            logger.warning("spans wait for the database: %s", brief(error))
            await asyncio.sleep(_RETRY_SECONDS)


@asynccontextmanager
async def working(
    *,
    is_stopping: Callable[[], bool] = lambda: False,
    map: MapRun = map_carefully,
    attempts: Attempts | None = None,
) -> AsyncIterator[Worker]:
    """Give a worker with a session, and a writer of its own that no rule of a log refuses.

    `attempts` are those that a worker of this process left open when its session was lost.
    """
    async with await direct().connect("otel", _SETTINGS) as session:
        notifier = Notifier(address())
        task = asyncio.create_task(notifier.run(), name="notifier")
        writer = Writer(address(), check_guards=_unguarded, read_rules=read_no_rules, on_append=notifier.mention)
        try:
            yield Worker(
                Store(session), writer, is_stopping=is_stopping, map=map, attempts={} if attempts is None else attempts
            )
        finally:
            await writer.aclose()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _unguarded(log_id: int, append: Append) -> Append:
    return append


@dataclass(frozen=True, slots=True)
class _Mapped:
    """A run with what it was mapped from, and to. Its spans are gone: they would be most of what a worker holds."""

    run: Run
    pieces: Sequence[KeptPiece]
    tokens_with_content: Set[int]
    result: MappedRun | None
    """None if there are log records only: they are kept, to be read with their spans."""

    @property
    def number_of_events(self) -> int:
        return len(self.result.events) if self.result else 0


class Worker:
    """Maps what is due. `turn()` does a bounded part of it."""

    def __init__(
        self, store: Store, writer: Writer, *, is_stopping: Callable[[], bool], map: MapRun, attempts: Attempts
    ) -> None:
        self.store = store
        self.writer = writer
        self._attempts = attempts
        self._map_run = map
        self._is_stopping = is_stopping
        self._tidy_time = time.monotonic()
        self._rests: dict[int, float] = {}
        """The time until which a log that takes no events is left alone, so that the others need not wait for it."""

    async def turn(self) -> bool:
        """Map some of the runs that are due in each log; return whether to go on at once."""
        await self._take_attempts_back()
        if time.monotonic() >= self._tidy_time + _TIDY_SECONDS:
            self._tidy_time = time.monotonic()
            await self.store.forget()
        has_worked = False
        for log_id in await self.store.due_logs():
            if self._is_stopping():
                return False
            if time.monotonic() >= self._rests.get(log_id, 0) and await self.store.lock(log_id):
                try:
                    has_worked |= await self._map_in(log_id)
                except EventsError as error:
                    logger.warning("log %s takes no spans now: %s", log_id, brief(error))
                    self._rests[log_id] = time.monotonic() + _REST_SECONDS
                await self.store.unlock(log_id)  # after any other error the session ends, and the lock with it
        return has_worked

    async def _take_attempts_back(self) -> None:
        """Take the attempts back that ended with an error: this process has not died."""
        for log_id, traces in list(self._attempts.items()):
            if traces:
                await self.store.attempt(log_id, traces, step=-1)
            del self._attempts[log_id]

    async def _map_in(self, log_id: int) -> bool:
        """Map the runs of the traces that have been due for longest; return whether there was something to do.

        Raises:
            EventsError: the log takes no events now. Nothing is lost.
        """
        due_traces = await self.store.due(log_id)
        suspects = [(id, attempts) for id, attempts in due_traces if attempts]
        if suspects and suspects[0][1] >= MOST_ATTEMPTS:
            detail = f"{MOST_ATTEMPTS} workers ended while they mapped this trace."
            await self._leave(log_id, [suspects[0][0]], "worker-died", detail)
            return True
        # A worker may have died of one of them, so that one is mapped alone.
        runs = await self.store.runs(log_id, [id for id, _ in suspects[:1] or due_traces])
        most_bytes = settings.EVENTSITE.otel_trace_max_bytes
        due_runs = [run for run in runs if run.is_due(most_bytes=most_bytes)]
        for run in runs:
            if run not in due_runs and any(trace.is_due for trace in run.traces):
                await self.store.postpone(log_id, run)
        if batch := _batch(due_runs, most_bytes):
            traces = {trace.id for run in batch for trace in run.held}
            self._attempts[log_id] = traces
            await self.store.attempt(log_id, traces, step=1)
            # Of a run that is larger than what a worker reads at once, the traces of which nothing was read are next.
            self._attempts[log_id] = traces - await self._map(log_id, batch)
            await self._take_attempts_back()
        return bool(due_traces)

    async def _map(self, log_id: int, runs: Sequence[Run]) -> set[UUID]:
        """Append the events of runs, and return the traces of which something was read."""
        by_trace = await self.store.pieces(log_id, runs)
        names = await self.store.names(log_id, runs)
        results: list[_Mapped] = []
        unnamed: list[_Mapped] = []
        async with Delivery(self.writer, log_id, is_stopping=self._is_stopping) as delivery:
            for run in runs:
                pieces = [piece for trace in run.traces for piece in by_trace.get(trace.id, ())]
                if any(piece.is_held for piece in pieces):  # else others that came meanwhile took its room
                    name = next((name for id, name in names.items() if id in run.ids), None)
                    unnamed += await self._mapped(log_id, run, pieces, name)
                if run is runs[-1] or sum(each.number_of_events for each in unnamed) >= _NAMED_EVENTS:
                    await self._deliver(log_id, unnamed, delivery)
                    results += unnamed
                    unnamed = []
        await self._note(log_id, results, delivery.refused)
        return {trace_id for trace_id, pieces in by_trace.items() if any(piece.is_held for piece in pieces)}

    async def _mapped(
        self, log_id: int, run: Run, pieces: Sequence[KeptPiece], name: RunName | None
    ) -> Sequence[_Mapped]:
        """Return a run with its events, or nothing if it can't be mapped."""
        start = time.monotonic()
        try:
            material = material_of(pieces)
            result = await self._result(log_id, material, name) if material.spans else None
        except (psycopg.Error, TimeoutError):
            raise
        except Exception as error:  # whatever is wrong with one run must not hold up the others
            logger.exception("a run of log %s can't be mapped", log_id)
            detail = f"The mapper failed with {type(error).__name__}; the log of the server says more."
            await self._leave(log_id, [trace.id for trace in run.held], "can-not-be-mapped", detail)
            return ()
        if time.monotonic() - start > _LONG_SECONDS:  # if the session is lost now, the run may be the reason
            self._attempts.pop(log_id, None)
        return (_Mapped(run, pieces, material.tokens_with_content, result),)

    async def _result(self, log_id: int, material: Material, name: RunName | None) -> MappedRun:
        """Map a run. What the log has under another id, as other spans were there when it was told, keeps that id.

        A run that has no name yet has no event in the log.
        """
        result = self._map_run(material.spans, material.records, name=name)
        if name and (ids := await self.store.ids_in_log(log_id, result.other_ids)):
            return self._map_run(material.spans, material.records, name=name, ids_in_log=ids)
        return result

    async def _deliver(self, log_id: int, mapped: Sequence[_Mapped], delivery: Delivery) -> None:
        """Keep the names of runs, and then append their events: a worker that comes after this one needs the names."""
        await self.store.name(log_id, [(each.run, each.result.name) for each in mapped if each.result])
        for each in mapped:
            await delivery.add(each.result.events if each.result else ())

    async def _note(self, log_id: int, mapped: Sequence[_Mapped], refused: Sequence[Refused]) -> None:
        for each in refused:
            logger.error("log %s refuses the event %s of a span: %s", log_id, each.event.id, brief(each.error))
        await self.store.fail(log_id, [_failure(each) for each in refused])
        await self.store.seen_content(log_id, set().union(*(each.tokens_with_content for each in mapped)))
        pieces = [piece for each in mapped for piece in each.pieces]
        await self.store.mapped(log_id, [each.run for each in mapped], pieces)

    async def _leave(self, log_id: int, traces: Sequence[UUID], code: str, detail: str) -> None:
        """Leave traces that can't be mapped, and tell people."""
        await self.store.fail(log_id, [{"trace_id": str(id), "code": code, "detail": detail} for id in traces])
        await self.store.park(log_id, traces)


def _batch(runs: Sequence[Run], most_bytes: int) -> list[Run]:
    """Return the first runs, as many as a worker takes at once, but at least one."""
    batch: list[Run] = []
    room = most_bytes
    for run in runs:
        room -= run.bytes
        if batch and room < 0:
            break
        batch.append(run)
    return batch


def _failure(refused: Refused) -> dict[str, str]:
    """Return a failure for people. The id of an event begins with its trace."""
    event = refused.event
    return {
        "trace_id": event.id.partition(":")[0],
        "stream": event.stream,
        "event_id": event.id,
        "code": refused.error.code,
        "detail": refused.error.detail,
    }
