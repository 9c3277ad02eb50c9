"""The server of one subscription in a process: what waits for it shares a transaction, as appends share a flush.

The database decides under the subscription's lock (`serve_subscription()`), so any number of processes may serve one
subscription. The log is searched before, without the lock. What was found and not delivered is kept for the next take.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, cast

import psycopg
from psycopg_pool import PoolTimeout

from events.errors import EventsError, Unavailable, brief
from events.reading import scan, store
from events.sessions import Pool
from events.sql import subscriptions as sql
from events.subscriptions.consumers import Consumers
from events.subscriptions.errors import NoSuchSubscription
from events.subscriptions.types import Deliveries, Delivery, DeliveryId, Result, Served, Settled, Settlement, Take
from events.subscriptions.work import Answer, Found, Range, Taken, WaitingSettlements, WaitingTake, parameters
from events.types import Event

logger = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
"""The longest time until the database is asked again, should a notification be lost."""
_IDLE_SECONDS = 60.0
"""The time after which a server that nobody asks ends, with the events that it keeps."""
_SEARCH_EVENTS = 1_000
_SEARCH_BYTES = 2 * 2**20
_SETTLEMENTS = 1_000
"""Settlements of one transaction; a request with more is one all the same."""
_LOOKED_AT = 100
"""Events that a take looks at, besides twice as many as it may get: keys of some may not be free."""
_SETTLED = Settled("settled")
_FIRST_PART = 8
"""Events that are read at first for an answer, of those that were found by an earlier take."""
_MOST_BYTES = 4 * 2**20
"""Data and metadata of the events that one take gets; one event may have more."""
_RETRY_SECONDS = 0.5
_EVENTS_AT = sql.EVENTS_AT.format(columns=store.EVENT_COLUMNS)


class Server:
    """The server of one subscription. `load` returns what is known of the subscription, or None if it is gone."""

    def __init__(
        self, served: Served, pool: Pool, load: Callable[[], Awaitable[Served | None]], consumers: Consumers
    ) -> None:
        self.served = served
        self._pool = pool
        self._load = load
        self._consumers = consumers
        self._now = asyncio.get_running_loop().time
        self._takes: list[WaitingTake] = []
        self._settlements: deque[WaitingSettlements] = deque()
        self._range: Range | None = None
        self._has_grown = True
        self._read_to = self._head = 0
        self._due = float("inf")
        self._served_at = float("-inf")
        self._idle_since = self._now()
        self._wake = asyncio.Event()
        self.is_gone = False
        self.task = asyncio.create_task(self._run(), name=f"subscription {served.name}")

    async def take(self, take: Take, *, wait: float) -> Deliveries:
        """Return the next deliveries for a consumer, as soon as there is one; none after `wait` seconds.

        Raises:
            NoSuchSubscription, Unavailable
        """
        waiting = WaitingTake(take, self._now() + wait, asyncio.get_running_loop().create_future())
        self._takes.append(waiting)
        self.log_has_grown()
        try:
            return Deliveries(await waiting.future, self._read_to, self._head)
        except asyncio.CancelledError:
            if waiting.future.done() and not waiting.future.cancelled() and not waiting.future.exception():
                self.give_back(take, [each.id for each in waiting.future.result()])
            raise

    async def settle(self, settlements: Sequence[Settlement]) -> list[Settled]:
        """Settle deliveries, each by itself.

        Raises:
            NoSuchSubscription, Unavailable
        """
        future: asyncio.Future[list[Settled]] = asyncio.get_running_loop().create_future()
        self._settlements.append(WaitingSettlements(settlements, future))
        self._wake.set()
        return await future

    def retire(self) -> None:
        """Come to an end. Whoever waits is told that the subscription is gone."""
        self.is_gone = True
        self._fail(NoSuchSubscription(f"There is no subscription {self.served.name!r}."))
        self._wake.set()

    def stop(self) -> asyncio.Task[None]:
        """Come to an end; return the task. A pool that is opening a connection may lose the cancellation alone."""
        self.is_gone = True
        self.task.cancel()
        return self.task

    def log_has_grown(self) -> None:
        self._has_grown = True
        self._wake.set()

    def give_back(self, take: Take, deliveries: Sequence[DeliveryId]) -> None:
        """Give back the deliveries that a caller did not get, unless the same request may come again for them."""
        if not take.is_repeatable:
            self._release(deliveries)

    def _release(self, deliveries: Sequence[DeliveryId]) -> None:
        """Give back what nobody works on. It costs no attempt."""
        if deliveries:
            self._settlements.append(WaitingSettlements([Settlement(each, "release") for each in deliveries]))
            self._wake.set()

    async def _run(self) -> None:
        while await self._something_to_do():
            try:
                await self._serve()
            except EventsError as error:
                self._fail(error)
            except (psycopg.OperationalError, PoolTimeout, OSError) as error:
                logger.warning("subscription %s: %s", self.served.name, brief(error))
                self._fail(Unavailable())
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:  # a defect must not leave callers waiting for ever
                logger.exception("subscription %s", self.served.name)
                self._fail(EventsError("This work can't be done; the server's log has the details."))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _something_to_do(self) -> bool:
        """Wait for a settlement; while a take waits, also for an event, the end of a pause or deadline, or a second.

        Returns False when the server has come to its end: its subscription is gone, or nobody has asked for a minute.
        """
        while not self.is_gone:
            now = self._now()
            for waiting in self._takes:
                if waiting.was_served and waiting.deadline <= now and not waiting.future.done():
                    waiting.future.set_result(())
            self._takes = [waiting for waiting in self._takes if not waiting.future.done()]
            moment = min(self._due, self._served_at + _POLL_SECONDS)
            if self._settlements or (self._takes and (self._has_grown or moment <= now)):
                return True
            if self._takes:
                self._idle_since = now
            elif now >= self._idle_since + _IDLE_SECONDS:
                self.retire()
                return False
            self._wake.clear()
            end = self._idle_since + _IDLE_SECONDS
            timeout = min([moment, *(waiting.deadline for waiting in self._takes)] if self._takes else [end]) - now
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
        return False

    async def _serve(self) -> None:
        """Do the work that waits, in one transaction."""
        takes, batch = list(self._takes), self._batch()
        settlements = [settlement for waiting in batch for settlement in waiting.settlements]
        range = await self._search() if takes else Range(0, 0)
        part = range.first(_LOOKED_AT + 2 * sum(waiting.take.limit for waiting in takes))
        served = self.served
        async with self._pool.connection() as session:
            values = parameters(served, takes, settlements, part)
            cursor = await session.execute(sql.SERVE, values, prepare=True)
            answer = Answer(*cast("tuple[object, ...]", await cursor.fetchone()))  # type: ignore[arg-type]
        if not answer.served:
            await self._reload()
            return
        self._served_at = self._idle_since = self._now()
        self._read_to, self._head = answer.read_to, answer.head
        for waiting_take in takes:
            waiting_take.was_served = True
        self._due = float("inf") if answer.due_in is None else self._now() + answer.due_in
        for waiting in batch:
            self._settlements.remove(waiting)
        self._answer_settlements(batch, answer)
        events = {found.event.position: found.event for found in part.found}
        deliveries = answer.deliveries({found.event.position: found.key for found in part.found})
        if answer.redacted_at > range.redacted_at:
            events.clear()
        if takes:
            if answer.read_to > range.begin and (answer.read_to < answer.head or range.found):
                self._has_grown = True
            range.cut(answer.read_to)
        self._consumers.note(served, [waiting.take for waiting in takes], deliveries, settlements)
        try:
            await self._answer_takes(takes, deliveries, events)
        except BaseException:
            for number, waiting_take in enumerate(takes):
                if waiting_take.future.done():  # its deliveries were handed over, or given back
                    continue
                ids = [served.delivery_id(each.position, each.token) for each in deliveries if each.take == number]
                self.give_back(waiting_take.take, ids)
            raise

    def _batch(self) -> list[WaitingSettlements]:
        """Return the settlements that have waited longest: those of one request, or more up to a limit."""
        batch: list[WaitingSettlements] = []
        count = 0
        for waiting in self._settlements:
            count += len(waiting.settlements)
            if batch and count > _SETTLEMENTS:
                break
            batch.append(waiting)
        return batch

    async def _search(self) -> Range:
        """Return what comes next in the log: what was found before, or the result of a search.

        The log may grow during the search, and what comes then is noted for the next one.
        """
        range, served = self._range, self.served
        has_grown, self._has_grown = self._has_grown, False
        if range is not None and (range.found or not has_grown):
            return range
        read_to, redacted_at = await self._progress()
        if range is None:
            range = self._range = Range(read_to, read_to)
        range.redacted_at = redacted_at
        search = scan.search_events(
            served.log_id, served.query, after=range.end, backward=False, limit=_SEARCH_EVENTS, room=_SEARCH_BYTES
        )
        result = await search.afetch(self._pool)
        range.end = max(range.end, result.searched_to)
        range.found.extend(Found(served.key(event), event) for event in result.events)
        return range

    async def _progress(self) -> tuple[int, int]:
        """Return the position up to which the subscription has read, and the one of the last redaction."""
        async with self._pool.connection() as session:
            parameters = {"log_id": self.served.log_id, "number": self.served.number}
            cursor = await session.execute(sql.READ_TO, parameters, prepare=True)
            return await cursor.fetchone() or (0, 0)

    async def _reload(self) -> None:
        """Read the settings again, as they have changed. Another subscription of this name has a server of its own."""
        served = await self._load()
        self._range = None
        if served is None or served.number != self.served.number:
            self.retire()
        else:
            self.served = served
            self._has_grown = True

    def _fail(self, error: EventsError) -> None:
        """Give the error to everybody who waits. What nobody works on is given back later."""
        self._range = None
        futures: list[asyncio.Future[Any] | None] = [waiting.future for waiting in self._takes]
        futures += [waiting.future for waiting in self._settlements]
        for future in futures:
            if future is not None and not future.done():
                future.set_exception(error)
        self._takes.clear()
        self._settlements = deque(waiting for waiting in self._settlements if waiting.future is None)

    def _answer_settlements(self, batch: Sequence[WaitingSettlements], answer: Answer) -> None:
        verdicts = answer.verdicts
        number = 0
        for waiting in batch:
            results = []
            for _ in waiting.settlements:
                verdict = verdicts.get(number)
                results.append(Settled(cast("Result", verdict.result), verdict.retry_at) if verdict else _SETTLED)
                number += 1
            if waiting.future is not None and not waiting.future.done():
                waiting.future.set_result(results)

    async def _answer_takes(
        self, takes: Sequence[WaitingTake], taken: Sequence[Taken], events: dict[int, Event]
    ) -> None:
        of_takes: list[list[Taken]] = [[] for _ in takes]
        for each in taken:
            of_takes[each.take].append(each)
        for waiting, of_take in zip(takes, of_takes, strict=True):
            end = await self._load_answer(of_take, events)
            ids = [self.served.delivery_id(each.position, each.token) for each in of_take]
            self._release(ids[end:])
            if waiting.future.done():
                self.give_back(waiting.take, ids[:end])
            elif of_take:
                waiting.future.set_result(
                    [
                        Delivery(id, each.key, each.attempt, each.deadline, each.head, events[each.position])
                        for id, each in zip(ids, of_take[:end], strict=False)
                    ]
                )

    async def _load_answer(self, taken: Sequence[Taken], events: dict[int, Event]) -> int:
        """Read the events that are missing for one answer; return how many fit: the first one always does.

        They are read in growing parts, so that no more is in memory than about twice of what fits.
        """
        size, place, part = 0, 0, _FIRST_PART
        while place < len(taken):
            next_ones = taken[place : place + part]
            if missing := [each.position for each in next_ones if each.position not in events]:
                events |= await self._events_at(missing)
            for each in next_ones:
                size += events[each.position].size
                if place and size > _MOST_BYTES:
                    return place
                place += 1
            part *= 2
        return place

    async def _events_at(self, positions: Sequence[int]) -> dict[int, Event]:
        async with self._pool.connection() as session:
            parameters = {"log_id": self.served.log_id, "positions": ",".join(map(str, positions))}
            cursor = await session.execute(_EVENTS_AT, parameters, prepare=True, binary=True)
            return {event.position: event for event in (Event(*row) for row in await cursor.fetchall())}
