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
from events.reading import store
from events.sessions import Pool
from events.sql import subscriptions as sql
from events.subscriptions.consumers import Consumers
from events.subscriptions.errors import NoSuchSubscription
from events.subscriptions.newest import Newest
from events.subscriptions.types import Deliveries, Delivery, DeliveryId, Served, Settled, Settlement, Take
from events.subscriptions.upcoming import Turns, Upcoming
from events.subscriptions.work import Answer, Range, Taken, WaitingSettlements, WaitingTake, parameters
from events.types import Event

logger = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
"""The longest time until the database is asked again, should a notification be lost."""
_IDLE_SECONDS = 60.0
"""The time after which a server that nobody asks ends, with the events that it keeps."""
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
    """The server of one subscription. `load` returns what is known of the subscription, or None if it is gone.

    It calls `on_ready` when a settlement lets events be delivered that nobody here has taken: others may wait for them.
    """

    def __init__(
        self,
        served: Served,
        pool: Pool,
        turns: Turns,
        newest: Newest,
        load: Callable[[], Awaitable[Served | None]],
        consumers: Consumers,
        on_ready: Callable[[], None],
    ) -> None:
        self.served = served
        self._pool = pool
        self._load = load
        self._consumers = consumers
        self._on_ready = on_ready
        self._now = asyncio.get_running_loop().time
        self._takes: list[WaitingTake] = []
        self._settlements: deque[WaitingSettlements] = deque()
        self._upcoming = Upcoming(pool, turns, newest)
        self._is_asked_to_settle = asyncio.Event()
        self._answers: set[asyncio.Task[None]] = set()
        self._has_grown = True
        self._must_look = True
        self._read_to = self._head = 0
        self._due = float("inf")
        self._served_at = float("-inf")
        self._idle_since = self._now()
        self._wake = asyncio.Event()
        self.is_gone = False
        self._is_stopping = False
        self.task = asyncio.create_task(self._run(), name=f"subscription {served.name}")

    async def take(self, take: Take, *, wait: float) -> Deliveries:
        """Return the next deliveries for a consumer, as soon as there is one; none after `wait` seconds.

        Raises:
            NoSuchSubscription, Unavailable
        """
        end = self._now() + (0 if self._is_stopping else wait)
        waiting = WaitingTake(take, end, asyncio.get_running_loop().create_future())
        self._takes.append(waiting)
        self.look()
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
        self._is_asked_to_settle.set()
        self._wake.set()
        return await future

    def retire(self) -> None:
        """Come to an end. Whoever waits is told that the subscription is gone."""
        self.is_gone = True
        self._fail(NoSuchSubscription(f"There is no subscription {self.served.name!r}."))
        self._wake.set()

    def end_waits(self) -> None:
        """Answer takes at once from now on, also with nothing: the process is about to stop."""
        self._is_stopping = True
        for waiting in self._takes:
            waiting.deadline = self._now()
        self._wake.set()

    async def stop(self) -> None:
        """Come to an end at once. A pool that is opening a connection may lose the cancellation alone."""
        self.is_gone = True
        tasks = [self.task, *self._answers]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def log_has_grown(self) -> None:
        """See whether the log's new events can be delivered."""
        self._has_grown = True
        self._wake.set()

    def look(self) -> None:
        """Ask the database what can be delivered, new events or not."""
        self._must_look = True
        self.log_has_grown()

    def give_back(self, take: Take, deliveries: Sequence[DeliveryId]) -> None:
        """Give back the deliveries that a caller did not get, unless the same request may come again for them."""
        if not take.is_repeatable:
            self._release(deliveries)

    def _release(self, deliveries: Sequence[DeliveryId]) -> None:
        """Give back what nobody works on. It costs no attempt."""
        if deliveries:
            self._settlements.append(WaitingSettlements([Settlement(each, "release") for each in deliveries]))
            self._is_asked_to_settle.set()
            self._wake.set()

    async def _run(self) -> None:
        try:
            while await self._something_to_do():
                try:
                    await self._serve()
                except Exception as error:  # a defect must not leave callers waiting for ever
                    self._fail(self._problem(error))
                    await self._upcoming.forget()
                    if not isinstance(error, EventsError):
                        await asyncio.sleep(_RETRY_SECONDS)
        finally:
            await self._upcoming.forget()

    def _problem(self, error: Exception) -> EventsError:
        """Return what callers are told of an error."""
        if isinstance(error, EventsError):
            return error
        if isinstance(error, psycopg.OperationalError | PoolTimeout | OSError):
            logger.warning("subscription %s: %s", self.served.name, brief(error))
            return Unavailable()
        logger.error("subscription %s", self.served.name, exc_info=error)
        return EventsError("This work can't be done; the server's log has the details.")

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
        """Do the work that waits, in one transaction. Takes are answered while the next one runs."""
        served, takes = self.served, list(self._takes)
        ahead = await self._find() if takes else None
        if takes and not self._must_ask(ahead):
            return
        self._must_look = self._upcoming.has_other_news = False
        batch = self._batch()
        settlements = [settlement for waiting in batch for settlement in waiting.settlements]
        part = ahead.first(_LOOKED_AT + 2 * sum(waiting.take.limit for waiting in takes)) if ahead else Range(0, 0)
        async with self._pool.connection() as session:
            values = parameters(served, takes, settlements, part)
            cursor = await session.execute(sql.SERVE, values, prepare=True)
            answer = Answer(*cast("tuple[object, ...]", await cursor.fetchone()))  # type: ignore[arg-type]
        if not answer.served:
            await self._reload()
            return
        self._served_at = self._idle_since = self._now()
        self._read_to, self._head = answer.read_to, answer.head
        self._due = float("inf") if answer.due_in is None else self._now() + answer.due_in
        self._consumers.note(served, [waiting.take for waiting in takes], answer.counts, settlements)
        self._answer_settlements(batch, answer)
        self._answer_takes(takes, part, answer, is_whole=ahead is not None)
        if ahead is not None:
            if self._upcoming.note(served, read_to=answer.read_to, head=answer.head):
                self.look()
            if answer.redacted_at > part.redacted_at:
                await self._upcoming.forget()

    async def _find(self) -> Range | None:
        """Return the events that takes may get; None if a settlement came before they were found."""
        if not self._settlements:
            self._is_asked_to_settle.clear()
        has_grown, self._has_grown = self._has_grown, False
        ahead = await self._upcoming.range(self.served, has_grown=has_grown, interruption=self._is_asked_to_settle)
        if ahead is None:
            self._has_grown = True
        return ahead

    def _must_ask(self, ahead: Range | None) -> bool:
        """Return whether the database must be asked. If the log has nothing new that fits, mostly it need not.

        Else an append would let all subscriptions of its log ask. Their places move on a second later.
        """
        return (
            ahead is None
            or bool(ahead.found or self._settlements)
            or self._must_look
            or self._upcoming.has_other_news
            or not all(waiting.was_served for waiting in self._takes)
            or min(self._due, self._served_at + _POLL_SECONDS) <= self._now()
        )

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

    async def _reload(self) -> None:
        """Read the settings again, as they have changed. Another subscription of this name has a server of its own."""
        served = await self._load()
        await self._upcoming.forget()
        if served is None or served.number != self.served.number:
            self.retire()
        else:
            self.served = served
            self._has_grown = self._must_look = True

    def _fail(self, error: EventsError) -> None:
        """Give the error to everybody who waits. What nobody works on is given back later."""
        futures: list[asyncio.Future[Any] | None] = [waiting.future for waiting in self._takes]
        futures += [waiting.future for waiting in self._settlements]
        for future in futures:
            if future is not None and not future.done():
                future.set_exception(error)
        self._takes.clear()
        self._settlements = deque(waiting for waiting in self._settlements if waiting.future is None)

    def _answer_settlements(self, batch: Sequence[WaitingSettlements], answer: Answer) -> None:
        answered = set(batch)
        self._settlements = deque(waiting for waiting in self._settlements if waiting not in answered)
        verdicts = answer.verdicts
        number = 0
        for waiting in batch:
            numbers = range(number, number + len(waiting.settlements))
            number = numbers.stop
            if waiting.future is not None and not waiting.future.done():
                waiting.future.set_result([verdicts.get(each, _SETTLED) for each in numbers])
        if batch and answer.has_ready:
            self._on_ready()

    def _answer_takes(self, takes: Sequence[WaitingTake], found: Range, answer: Answer, *, is_whole: bool) -> None:
        """Begin to answer the takes that got something. If all was found that there is, the others get nothing yet."""
        counts = answer.counts
        for waiting in takes:
            waiting.was_served = waiting.was_served or is_whole
        answered = {takes[number] for number in counts}
        self._takes = [waiting for waiting in self._takes if waiting not in answered]
        if counts:
            task = asyncio.create_task(
                self._answer(self.served, takes, found, answer), name=f"answers of {self.served.name}"
            )
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    async def _answer(self, served: Served, takes: Sequence[WaitingTake], found: Range, answer: Answer) -> None:
        """Hand over what takes got. What can't be handed over is given back."""
        of_takes: dict[int, list[Taken]] = {number: [] for number in answer.counts}
        try:
            for each in answer.deliveries(found):
                of_takes[each.take].append(each)
            is_stale = answer.redacted_at > found.redacted_at
            events = {} if is_stale else {each.event.position: each.event for each in found.found}
            for number, taken in of_takes.items():
                await self._hand_over(served, takes[number], taken, events)
        except Exception as error:
            problem = self._problem(error)
            for number, taken in of_takes.items():
                future = takes[number].future
                if not future.done():
                    self.give_back(
                        takes[number].take, [served.delivery_id(each.position, each.token) for each in taken]
                    )
                    future.set_exception(problem)

    async def _hand_over(
        self, served: Served, waiting: WaitingTake, taken: Sequence[Taken], events: dict[int, Event]
    ) -> None:
        end = await self._load_answer(taken, events)
        ids = [served.delivery_id(each.position, each.token) for each in taken]
        self._release(ids[end:])
        if waiting.future.done():
            self.give_back(waiting.take, ids[:end])
            return
        answers = zip(ids[:end], taken, [events[each.position] for each in taken[:end]], strict=False)
        waiting.future.set_result(
            [
                Delivery(id, served.shown_key(each.key, event), each.attempt, each.deadline, each.head, event)
                for id, each, event in answers
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
