"""The writer, by group commit: all waiting appends of a log share one transaction, and each caller gets its answer.

There is one writer in a process, and one queue and one task for each log. A flush takes the waiting appends, calls
`append_events()` once and answers; appends that come meanwhile are the next flush. So one caller pays for one commit,
and a thousand callers share one (docs/decisions/0002 has the measurements).

A flush that the database refuses is planned again: after a look-up in the log (`plan.py`), after the log's rules were
read, or without the appends that a guard refused. A connection that breaks leaves the flush in doubt: the writer
reconnects and looks it up. Every event has its id before it is first sent, and `append_events()` refuses known ids, so
a retry never writes twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import cast

import psycopg
from django.conf import settings

from events import sql
from events.appending import flush as flushes
from events.appending.checks import size
from events.appending.connection import Connection
from events.appending.names import LatestNames
from events.appending.plan import LookUp, Outcome, Plan, Request, Rules, plan
from events.errors import Busy, EventsError, LogHeld, OutcomeUnknown, QueueFull, Unavailable, brief
from events.sessions import Address
from events.types import Append

logger = logging.getLogger(__name__)

_BACKOFF_SECONDS = (0.02, 1.0)
"""The first and the longest pause between attempts."""
_MIN_PATIENCE_SECONDS = 0.05
"""The least time that a statement gets, so that it has a chance."""
_STOPPING = "The server is stopping; nothing was written."
_TOO_MANY = partial(Busy, "Too many appends were before this one; nothing was written.")
_TOO_SLOW = partial(Busy, "The database did not finish in time; nothing was written.")


class _Waiting(Request):
    """A request in the queue, with its deadline and the future for its caller."""

    __slots__ = ("deadline", "events", "future", "size")
    future: asyncio.Future[None]

    def __init__(self, appends: Sequence[Append], atomic: bool, deadline: float) -> None:
        super().__init__(appends, atomic, any(guard.needs_check for append in appends for guard in append.guards))
        self.deadline = deadline
        self.events = sum([len(append.events) for append in appends])
        self.size = sum(map(size, appends))


CheckGuards = Callable[[int, Append], Awaitable[Append]]
"""Looks at a log, without its lock, for what stands against an append's guards; returns the append with the result."""
ReadRules = Callable[[Connection, int, float], Awaitable[Rules]]
"""Reads a log's rules on a connection, within some seconds."""


class Writer:
    """The writer of a process, for every log. It lives on one event loop.

    `on_append(log_id)` is called after each commit, before the callers are answered.
    """

    def __init__(
        self,
        address: Address,
        *,
        check_guards: CheckGuards,
        read_rules: ReadRules,
        on_append: Callable[[int], None] = lambda log_id: None,
    ) -> None:
        self.address = address
        self.read_rules = read_rules
        self.on_append = on_append
        self._check_guards = check_guards
        self._logs: dict[int, _LogWriter] = {}
        self._closing = False
        self.events = 0
        """Events waiting or being written."""
        self.bytes = 0

    async def append(self, log_id: int, appends: Sequence[Append], *, atomic: bool = False) -> list[Outcome]:
        """Write, and return one outcome for each append, in order: `Appended` or an error.

        With `atomic` all are written or none, and each gets the error.

        Raises:
            QueueFull: too many appends wait; nothing was written.
            Unavailable: the writer is closing; nothing was written.
        """
        if self._closing:
            raise Unavailable(_STOPPING)
        limits = settings.EVENTSITE
        request = _Waiting(appends, atomic, asyncio.get_running_loop().time() + limits.writer_timeout)
        if self.events and (
            self.events + request.events > limits.writer_queue_events
            or self.bytes + request.size > limits.writer_queue_bytes
        ):
            raise QueueFull
        is_checked = False
        while not request.is_done:
            if request.needs_check:
                await self._check(log_id, request)
                is_checked = True
            else:
                # A caller that goes away cancels its future, and leaves the request in the queue: it may be in a flush
                # already.
                await self._put(log_id, request, first=is_checked)
        return cast("list[Outcome]", request.outcomes)

    def _put(self, log_id: int, request: _Waiting, *, first: bool) -> asyncio.Future[None]:
        """Put a request into its log's queue, and return the future of the time when it needs no more work there.

        One that was checked goes `first`: each flush before it makes more events that its check did not see.
        """
        self._hold(request)
        log = self._logs.get(log_id)
        if log is None:
            log = self._logs[log_id] = _LogWriter(log_id, self)
            log.task.add_done_callback(lambda _: self._logs.pop(log_id, None))
        request.future = asyncio.get_running_loop().create_future()
        log.put(request, first=first)
        return request.future

    async def _check(self, log_id: int, request: _Waiting) -> None:
        """Look at the log for what stands against guards, without its lock, until the request's time is up.

        The request takes its room meanwhile, as if it were in the queue.
        """
        loop = asyncio.get_running_loop()
        appends = list(request.appends)
        self._hold(request)
        try:
            for index, append in enumerate(appends):
                if append.guards and request.outcomes[index] is None and loop.time() < request.deadline:
                    appends[index] = await self._check_guards(log_id, append)
        finally:
            self.release(request)
        request.appends = appends
        request.needs_check = False
        if self._closing:  # nobody would close a writer that begins now
            request.fail(Unavailable(_STOPPING))

    def _hold(self, request: _Waiting) -> None:
        self.events += request.events
        self.bytes += request.size

    def release(self, request: _Waiting) -> None:
        self.events -= request.events
        self.bytes -= request.size

    async def aclose(self) -> None:
        """Write the waiting appends, then stop."""
        self._closing = True
        tasks = [log.stop() for log in self._logs.values()]
        await asyncio.gather(*tasks, return_exceptions=True)


class _LogWriter:
    """One log's queue, connection and task."""

    def __init__(self, log_id: int, writer: Writer) -> None:
        self._log_id = log_id
        self._writer = writer
        self._connection = Connection(writer.address)
        self._rules = Rules()
        self._names: LatestNames | None = None
        self._queue: deque[_Waiting] = deque()
        self._obstacle: Callable[[], EventsError] = _TOO_MANY
        self._wake = asyncio.Event()
        self._stopping = False
        self.task = asyncio.create_task(self._run(), name=f"writer of log {log_id}")

    def put(self, request: _Waiting, *, first: bool) -> None:
        if first:
            self._queue.appendleft(request)
        else:
            self._queue.append(request)
        self._wake.set()

    def stop(self) -> asyncio.Task[None]:
        self._stopping = True
        self._wake.set()
        return self.task

    async def _run(self) -> None:
        try:
            while await self._something_waits():
                batch = self._take_batch()
                try:
                    await self._write(batch)
                except Exception:
                    # A defect must not leave callers waiting for ever, nor stop the log.
                    logger.exception("a flush of log %s failed", self._log_id)
                    await self._connection.close()
                    for request in batch:
                        request.in_doubt = True
                        self._give_up(request)
                self._answer(batch)
        finally:
            await self._connection.close()

    async def _something_waits(self) -> bool:
        while not self._queue:
            if self._stopping:
                return False
            self._wake.clear()
            await self._wake.wait()
        return True

    def _take_batch(self) -> list[_Waiting]:
        """Return the requests that have waited longest, up to a flush's limits but at least one."""
        limits = settings.EVENTSITE
        batch: list[_Waiting] = []
        events = size = 0
        while self._queue:
            request = self._queue[0]
            events += request.events
            size += request.size
            if batch and (events > limits.writer_flush_events or size > limits.writer_flush_bytes):
                break
            batch.append(self._queue.popleft())
        return batch

    async def _write(self, batch: list[_Waiting]) -> None:
        """Work on a batch until every request in it has its outcomes."""
        look_up: LookUp | None = None
        pause = _BACKOFF_SECONDS[0]
        while waiting := self._in_time(batch):
            flush = Plan()
            try:
                await self._open(patience=self._patience(waiting))
                if look_up is None and any(request.in_doubt for request in waiting):
                    look_up = await self._look_up(waiting)
                flush = plan(waiting, look_up, self._rules)
                is_known = bool(flush.accepted) and await self._flush(flush, patience=self._patience(waiting))
                needs_look_up = not is_known and any(not request.is_done for request in waiting)
                look_up = await self._look_up(waiting) if needs_look_up else None
            except (psycopg.OperationalError, OSError) as error:
                await self._recover(error, flush, waiting)
                look_up = None
                await asyncio.sleep(pause)
                pause = min(pause * 2, _BACKOFF_SECONDS[1])
            except psycopg.Error as error:
                await self._isolate(error, waiting)
                look_up = None

    async def _open(self, *, patience: float) -> None:
        """Connect if there is no connection. What is known of the log ends with a connection.

        Another server may have taken over since, without the last commits.
        """
        if not self._connection.is_open:
            self._rules, self._names = Rules(), None
            await self._connection.open(patience=patience)

    def _in_time(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Return the requests that need work here, after giving up those that have waited too long."""
        now = asyncio.get_running_loop().time()
        waiting = [request for request in batch if not request.is_done and not request.needs_check]
        for request in waiting:
            if request.deadline <= now:
                self._give_up(request)
        return [request for request in waiting if not request.is_done]

    def _patience(self, waiting: list[_Waiting]) -> float:
        """Return the seconds that are left for the request that has waited longest."""
        seconds = min([request.deadline for request in waiting]) - asyncio.get_running_loop().time()
        return max(_MIN_PATIENCE_SECONDS, seconds)

    async def _flush(self, flush: Plan, *, patience: float) -> bool:
        """Write a flush in one transaction, or nothing.

        Returns False if the log is not as the plan assumed, so that a look-up has to come next.
        """
        parameters = flushes.append_parameters(self._log_id, flush, rules_at=self._rules.position, names=self._names)
        [row] = await self._connection.execute(sql.APPEND, parameters, patience=patience)
        is_written, first_position, base_versions, rules_at, refusals = row
        if is_written:
            flushes.settle(flush, first_position, base_versions)
            self._note_names(flush, first_position)
            self._obstacle = _TOO_MANY
            self._writer.on_append(self._log_id)
            return True
        if refusals and "unread" in refusals[0]:
            self._names = None  # another process wrote: all guards must be asked
            return True
        if refusals:
            flushes.settle_refusals(flush, refusals)
            return True
        return await self._learn_rules(rules_at, patience)

    def _note_names(self, flush: Plan, first_position: int) -> None:
        """Keep the names of a flush that was written, since guards began to ask for them."""
        if self._names is None and not flush.terms:
            return
        if self._names is None or first_position != self._names.upto + 1:  # another process wrote, too
            self._names = LatestNames(first_position - 1)
        for request, index in flush.accepted:
            append = request.appends[index]
            self._names.add(append.stream, append.events)

    async def _look_up(self, waiting: list[_Waiting]) -> LookUp:
        parameters = flushes.look_up_parameters(self._log_id, waiting)
        rows = await self._connection.execute(sql.LOOK_UP, parameters, patience=self._patience(waiting))
        look_up = flushes.look_up_result(rows)
        await self._learn_rules(look_up.rules_at, self._patience(waiting))
        return look_up

    async def _learn_rules(self, rules_at: int, patience: float) -> bool:
        """Read the log's rules if there are later ones than those that are known; return whether there were."""
        if rules_at <= self._rules.position:
            return False
        self._rules = await self._writer.read_rules(self._connection, self._log_id, patience)
        return True

    async def _recover(self, error: Exception, flush: Plan, waiting: list[_Waiting]) -> None:
        """Note the reason of a failure that may pass, and the requests that are in doubt."""
        logger.warning("log %s: %s", self._log_id, brief(error))
        self._obstacle = _obstacle(error)
        if not self._connection.is_settled:
            await self._connection.close()
            for request, _ in flush.accepted:
                request.in_doubt = True
        if self._stopping:
            for request in waiting:
                self._give_up(request)

    def _give_up(self, request: Request) -> None:
        """Answer a request that could not be finished: nothing was written, or the outcome is unknown."""
        if request.in_doubt:
            ids = [event.id for append in request.appends for event in append.events]
            request.fail(OutcomeUnknown(ids=ids))
        else:
            request.fail(self._obstacle())

    async def _isolate(self, error: psycopg.Error, waiting: list[_Waiting]) -> None:
        """Try each request alone after the database refused the content of a flush, so that one can't fail another."""
        logger.error("log %s: a flush was refused: %s", self._log_id, error)
        if len(waiting) == 1:
            waiting[0].fail(EventsError("The database refused this content; nothing was written."))
            return
        for request in waiting:
            await self._write([request])

    def _answer(self, batch: list[_Waiting]) -> None:
        for request in batch:
            self._writer.release(request)
            if not request.future.done():
                request.future.set_result(None)


def _obstacle(error: Exception) -> Callable[[], EventsError]:
    """Return the reason why nothing was written, for requests that waited in vain."""
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return LogHeld
    if isinstance(error, psycopg.errors.QueryCanceled):
        return _TOO_SLOW
    return Unavailable
