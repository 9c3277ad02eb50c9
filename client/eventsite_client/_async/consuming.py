"""Consumers: events that are taken from a subscription, and settled with what they lead to."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Literal

from eventsite_client._async.caller import AsyncCaller
from eventsite_client._async.io import AsyncRepeating, shielded, sleep
from eventsite_client._core.answers import all_appended
from eventsite_client._core.consuming import Consumer, Delivery, Settlements, make_request, status_request
from eventsite_client._core.context import Run
from eventsite_client._core.deadline import GIVE_BACK_SECONDS, Deadline
from eventsite_client._core.ids import new_id
from eventsite_client._core.requests import Request, in_run
from eventsite_client._core.retrying import Retrying
from eventsite_client.errors import DeliveryLost, EventsiteError, NoAnswer, Paused, Unavailable
from eventsite_client.types import Appended, Event, NewEvent, SubscriptionStatus

logger = logging.getLogger("eventsite_client")

_WAIT_SECONDS = 20.0
_PAUSED_SECONDS = 1.0
"""The pause after an event that was given back, since what it leads to is paused: it may come back at once."""
_SETTLE_SECONDS = 1.0


class AsyncSubscription:
    """A subscription: a place in the log from which consumers take events."""

    def __init__(self, caller: AsyncCaller, name: str) -> None:
        self._caller = caller
        self.name = name

    async def make(
        self,
        q: str,
        *,
        start: Literal["beginning", "now"] | int | None = None,
        order_by: str | None = None,
        ack_deadline: float | None = None,
        max_attempts: int | None = None,
        backoff: Mapping[str, float] | None = None,
        when_exhausted: Literal["hold", "pass"] | None = None,
        breaker: Mapping[str, float] | None = None,
        max_in_flight: int | None = None,
        max_in_flight_per_consumer: int | None = None,
        projection: str | None = None,
        system: bool | None = None,
    ) -> SubscriptionStatus:
        """Make the subscription, or change it; made again, it stays as it is. It needs a token with the scope `admin`.

        Args:
            q: the events that it delivers.
            start: `beginning` (by default), `now`, or the position after which it begins.
            order_by: what events have in common that are delivered in order: `stream` (by default), `workflow`,
                `agent`, `none`, or a JSON Pointer into data.
            ack_deadline: the seconds in which a delivery must be settled, or extended; by default 30.
            max_attempts: the attempts after which an event is a dead letter; by default 3.
            backoff: the pauses between attempts: `first`, `factor`, `most` (seconds) and `jitter`.
            when_exhausted: whether a dead letter holds the later events of its key (by default), or lets them pass.
            breaker: when deliveries stop, because so many fail: `failures`, `of`, `minimum` and `pause` (seconds).
            max_in_flight: the deliveries that are not settled, at most; by default 1,000.
            max_in_flight_per_consumer: the same of one consumer; by default 100.
            projection: the projection that shows the state before a dead letter; by default `latest`.
            system: deliver the server's own events, too.
        """
        settings = {
            "q": q, "start": start, "order_by": order_by, "ack_deadline": ack_deadline, "max_attempts": max_attempts,
            "backoff": backoff, "when_exhausted": when_exhausted, "breaker": breaker, "max_in_flight": max_in_flight,
            "max_in_flight_per_consumer": max_in_flight_per_consumer, "projection": projection, "system": system,
        }  # fmt: skip
        return await self._caller._call(make_request(self.name, settings))

    async def status(self) -> SubscriptionStatus:
        """Return the settings of the subscription, and how far it is."""
        return await self._caller._call(status_request(self.name))

    def take(
        self,
        *,
        agent: str | None = None,
        consumer: str | None = None,
        most_seconds: float = 600.0,
        stop_when_idle: float | None = None,
    ) -> AsyncTaking:
        """Return an endless iterator over events to work on, one at a time.

            async for work in client.subscription("packing").take(agent="packer"):
                async with work:
                    work.append(NewEvent("OrderPacked", {"sku": work.event.data["sku"]}))

        When its block ends, what `work.append()` took is written together with the acknowledgement, or neither is. An
        `Exception` of the block is reported with its traceback and logged, and the event is tried again later (after
        `Hopeless` it is a dead letter at once). Whatever else ends the block, such as Ctrl-C, gives the event back.
        While the block runs, its deadline is extended. Events of the block get the event as their cause, and its
        workflow. Begin the block at once: an event whose block never begins waits for its deadline.

        Args:
            agent: the agent as which it works, and whose events it appends.
            consumer: a name of this process alone; by default one is made.
            most_seconds: how long a block may take. After that the event goes to another consumer: a block that hangs
                has failed.
            stop_when_idle: end when no event came for so many seconds.

        Raises (the iterator, or the end of a block):
            DeliveryLost: the block took too long, or the subscription was rewound. Nothing was written.
        """
        return AsyncTaking(self._caller, Consumer(self.name, agent=agent, name=consumer), most_seconds, stop_when_idle)


class AsyncTaking(AsyncIterator["AsyncWork"]):
    """The events that one consumer takes. `AsyncSubscription.take()` describes it."""

    def __init__(
        self, caller: AsyncCaller, consumer: Consumer, most_seconds: float, stop_when_idle: float | None
    ) -> None:
        self._caller = caller
        self._consumer = consumer
        self._most_seconds = most_seconds
        self._stop_when_idle = stop_when_idle
        self._ack_seconds = 0.0
        self._work: AsyncWork | None = None

    def __aiter__(self) -> AsyncTaking:
        return self

    async def __anext__(self) -> AsyncWork:
        if self._work is not None and not self._work._has_begun:
            raise RuntimeError("Work is a context manager: `async with work: …`.")
        if not self._ack_seconds:
            status = await self._caller._call(status_request(self._consumer.subscription))
            self._ack_seconds = status.ack_deadline
        delivery = await self._next_delivery()
        self._work = AsyncWork(self._caller, self._consumer, delivery, self._ack_seconds, self._most_seconds)
        return self._work

    async def _next_delivery(self) -> Delivery:
        idle_at = None if self._stop_when_idle is None else time.monotonic() + self._stop_when_idle
        retrying = Retrying()
        while True:
            wait = _WAIT_SECONDS if idle_at is None else max(0.0, min(_WAIT_SECONDS, idle_at - time.monotonic()))
            take = new_id()
            try:
                deliveries = (await self._caller._call(self._consumer.take_request(take, wait))).deliveries
            except (NoAnswer, Unavailable) as error:  # a consumer outlives its server
                if idle_at is not None and time.monotonic() >= idle_at:
                    raise
                logger.warning("%s waits for the server: %s", self._consumer.name, error)
                await sleep(retrying.pause_after(error) or _PAUSED_SECONDS)
                continue
            except BaseException as error:
                if not isinstance(error, Exception):  # that was interrupted, maybe after the server gave it an event
                    await shielded(self._give_back, take)
                raise
            if deliveries:
                return deliveries[0]
            if idle_at is not None and time.monotonic() >= idle_at:
                raise StopAsyncIteration

    async def _give_back(self, take: str) -> None:
        """Give back the event of a take whose answer nobody waits for."""
        deadline = Deadline(GIVE_BACK_SECONDS)
        try:
            answer = await self._caller._call(self._consumer.take_request(take, 0.0), deadline)
            for delivery in answer.deliveries:
                await self._caller._call(self._consumer.settle_request(delivery, "release"), deadline)
        except EventsiteError as error:
            logger.warning("an event may wait for its deadline: %s", error)


class AsyncWork:
    """An event to work on, until its block ends."""

    def __init__(
        self, caller: AsyncCaller, consumer: Consumer, delivery: Delivery, ack_seconds: float, most_seconds: float
    ) -> None:
        self._caller = caller
        self._consumer = consumer
        self._delivery = delivery
        self._ack_seconds = ack_seconds
        self._most_seconds = most_seconds
        self._drafts: dict[str, list[NewEvent]] = {}
        self._run = Run(delivery.event.correlation_id, agent=consumer.agent, cause=delivery.event)
        self._has_begun = False
        self.appended: list[Appended] = []
        """The places of what was appended, once the block has ended: one answer for each stream."""
        self.is_lost = False
        """Whether the event is with another consumer by now, as the block took too long."""

    @property
    def event(self) -> Event:
        """The event."""
        return self._delivery.event

    @property
    def redacted(self) -> bool:
        """Whether the data of the event was redacted; it is None then."""
        return self._delivery.redacted

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1 on."""
        return self._delivery.attempt

    @property
    def read_position(self) -> int:
        """The last position of the log that the consumer could see when it took the event."""
        return self._delivery.head

    def append(self, *events: NewEvent, stream: str | None = None) -> None:
        """Append events when the block ends, to the stream of its event or to another one: all, or none.

        An event without an id gets one that is the same for each attempt.
        """
        self._drafts.setdefault(self.event.stream if stream is None else stream, []).extend(map(in_run, events))

    async def __aenter__(self) -> AsyncWork:
        self._has_begun = True
        self._began = time.monotonic()
        if self._most_seconds < self._ack_seconds:
            try:
                await self._extend()
            except BaseException:
                await shielded(self._settle, "release", Deadline(GIVE_BACK_SECONDS))
                raise
        self._run.__enter__()
        self._keeping = AsyncRepeating(self._ack_seconds / 3, self._extend)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        try:
            if error is not None and not isinstance(error, Exception):
                await shielded(self._give_back)
                return False
            try:
                return await self._end(error)
            except BaseException as failure:
                if not isinstance(failure, Exception):  # that was interrupted, too
                    await shielded(self._give_back)
                raise
        finally:
            self._run.__exit__(None, None, None)

    async def _give_back(self) -> None:
        await self._keeping.stop()
        await self._settle("release", Deadline(GIVE_BACK_SECONDS))

    async def _end(self, error: Exception | None) -> bool:
        """Settle the event after its block, and return whether the error of the block is dealt with.

        Raises:
            DeliveryLost: the event is with another consumer by now.
        """
        deadline = Deadline(self._caller._timeout)
        await self._keeping.stop()
        failure = await self._finish(deadline) if error is None else error
        if isinstance(failure, Paused):
            logger.info("event %d is given back: %s", self._delivery.position, failure)
            await self._settle("release", deadline)
            await sleep(_PAUSED_SECONDS)
        elif isinstance(failure, DeliveryLost):
            await self._settle("release", deadline)
            return False
        elif failure is not None:
            await self._fail(failure, deadline, may_be_settled=error is None)
        return True

    async def _finish(self, deadline: Deadline) -> Exception | None:
        """Write what the block appended, and settle the event. Return the error that this failed with.

        Raises:
            DeliveryLost: the event is with another consumer by now.
        """
        drafts = {stream: events for stream, events in self._drafts.items() if events}
        try:
            if drafts:
                request = self._consumer.append_request(self._delivery, drafts)
                self.appended = all_appended(await self._caller._call(request, deadline))
            else:
                answer = await self._caller._call(self._consumer.settle_request(self._delivery, "ack"), deadline)
                self._consumer.check(self._delivery, answer)
        except DeliveryLost:
            self.is_lost = True
            raise
        except Exception as error:
            return error
        return None

    async def _fail(self, error: Exception, deadline: Deadline, *, may_be_settled: bool) -> None:
        """Report a failure. After an answer that was lost, the event may be settled: then nothing has failed.

        Raises:
            DeliveryLost: the event is with another consumer by now, so this failure counts for nothing.
        """
        answer = await self._send_settlement(self._consumer.failure_request(self._delivery, error), deadline)
        if may_be_settled and answer is not None and answer.results[0].result == "already-settled":
            logger.info("event %d was settled, although the answer was lost: %s", self._delivery.position, error)
            return
        logger.error("event %d failed at attempt %d", self._delivery.position, self.attempt, exc_info=error)
        if answer is not None:
            try:
                self._consumer.check(self._delivery, answer)
            except DeliveryLost as lost:
                self.is_lost = True
                raise lost from error

    async def _settle(self, outcome: Literal["release"], deadline: Deadline) -> None:
        await self._send_settlement(self._consumer.settle_request(self._delivery, outcome), deadline)

    async def _send_settlement(self, request: Request[Settlements], deadline: Deadline) -> Settlements | None:
        """Send a settlement, and return the answer. If it does not arrive, the deadline says the same a little later.

        There is a second for it, also if what came before has used up the time.
        """
        try:
            return await self._caller._call(request, Deadline(max(_SETTLE_SECONDS, deadline.left())))
        except EventsiteError as error:
            logger.warning("event %d waits for its deadline: %s", self._delivery.position, error)
            return None

    async def _extend(self) -> bool:
        """Extend the deadline. Return whether to do so again."""
        seconds_left = self._most_seconds - (time.monotonic() - self._began)
        if seconds_left <= 0:
            self.is_lost = True
            return False
        seconds = max(1.0, min(self._ack_seconds, seconds_left))
        request = self._consumer.settle_request(self._delivery, "extend", seconds=seconds)
        try:
            answer = await self._caller._call(request, Deadline(min(self._ack_seconds / 3, self._caller._timeout)))
            self._consumer.check(self._delivery, answer)
        except DeliveryLost:
            self.is_lost = True
            return False
        except EventsiteError as error:
            logger.warning("the deadline of event %d could not be extended: %s", self._delivery.position, error)
        return True
