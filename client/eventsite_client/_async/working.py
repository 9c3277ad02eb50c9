"""The methods of the client for agents at work: what they log, take, hold and keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TypeVar

from eventsite_client._async.consuming import AsyncSubscription
from eventsite_client._async.io import sleep
from eventsite_client._async.leasing import AsyncLease
from eventsite_client._async.projecting import AsyncProjection
from eventsite_client._async.states import AsyncStateReader
from eventsite_client._background.log import Logged
from eventsite_client._core import bulk
from eventsite_client._core.breaking import Breaker, Circuit
from eventsite_client._core.context import Cause, Run
from eventsite_client._core.deadline import Deadline
from eventsite_client._core.leasing import Wish
from eventsite_client.types import Event, NewEvent

S = TypeVar("S")

_ROOM_SECONDS = 0.05
"""The pause of a caller that waits for room."""
_FLUSH_SECONDS = 0.005
"""The pause between two looks whether all is sent."""


class AsyncWorker(AsyncStateReader):
    """The methods for agents at work."""

    async def log(self, stream: str, *events: NewEvent) -> None:
        """Append events in the background, in order, and return at once. A thread sends them, many at a time.

        With a `spool`, an event that this returned for is in a file, and gets to the log also if the process is killed
        or the server is away for long: the next client with the same spool, address and token sends what is left.
        Without one, it waits in memory: what was not sent is lost when the process is killed.

        What the server refuses does not hold up the rest. If it refuses for now, as the agent or the workflow is paused
        or a lease is demanded, the event is held back and tried again: with a spool on disk, also after the end of the
        process. Else it is counted in `logged`, named in the log of this process, and kept in `refused.jsonl` of the
        spool. If there is no room (`log_bytes`), this waits, or drops the event and counts it (`when_full`).

        Args:
            stream: the name of the stream.
            events: what happened. Each is an append of its own, without any demands.

        Raises:
            TypeError, ValueError: JSON can't hold the data of an event, as `append()` says.
            OSError: the disk of the spool is full (with `when_full="block"`).
            RuntimeError: the process ends while this waits for room.
        """
        for event in events:
            line = bulk.line_of(stream, event)
            while not self._log.put(line):
                await sleep(_ROOM_SECONDS)

    async def flush(self, timeout: float | None = None) -> bool:
        """Wait until what was logged before this call is sent. Return whether all of it is, before the timeout.

        False at once: events are held back, or some were dropped or refused since the flush before; `logged` tells.
        """
        deadline = Deadline(self._timeout if timeout is None else timeout)
        with self._log.flushing() as is_through:
            while (result := is_through()) is None:
                if not deadline.left():
                    return False
                await sleep(_FLUSH_SECONDS)
        return result

    @property
    def logged(self) -> Logged:
        """The numbers of logged events that are sent, dropped or refused, and the bytes that wait."""
        return self._log.logged

    def run(
        self,
        workflow: str | None = None,
        *,
        agent: str | None = None,
        cause: Cause | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Run:
        """Return a block, or a decorator, that gives its events a workflow, an agent and a cause.

            with client.run("order-1004", agent="router"):
                await client.append("order-1004", NewEvent("OrderAssigned"))

        An event keeps what it has of its own. A block inside another one changes only what it names. Tasks of asyncio
        take it along; for a thread, `carry(function)` does. Another process gets it in `trace_headers()`.

        Args:
            workflow: the `correlation_id` of the events.
            agent: their agent.
            cause: the event that led to them: itself, its id, or the append whose last event it is.
            headers: the headers of a request that another process sent, with `traceparent` and `baggage`. If they name
                no workflow, the id of the trace is the workflow.
        """
        return Run(workflow, agent=agent, cause=cause, headers=headers)

    def subscription(self, name: str) -> AsyncSubscription:
        """Return a subscription: `take()` gives its events to consumers, `make()` makes it."""
        return AsyncSubscription(self, name)

    def lease(
        self,
        *,
        workflow: str | None = None,
        stream: str | None = None,
        name: str | None = None,
        agent: str | None = None,
        ttl: int = 60,
        wait: float = 0.0,
    ) -> AsyncLease:
        """Hold the lease of a workflow, of a stream, or of any other name, while a block lasts.

            async with client.lease(workflow="order-1004", agent="packer") as lease:
                await client.append("box-7", NewEvent("BoxPacked"), leases=[lease])

        It is renewed in time. An append that carries it is refused once another holder has it.

        Args:
            workflow, stream, name: what the lease is for: one of these.
            agent: the holder; by default the agent of the current run.
            ttl: the seconds after which it runs out if this process dies: 1 to 3,600.
            wait: the seconds to wait for it if somebody else has it.

        Raises (the block):
            LeaseHeld: somebody else has it.
            LeaseLost: at the end: it was lost meanwhile.
        """
        return AsyncLease(self, Wish(workflow, stream, name, agent, ttl), wait)

    def breaker(
        self,
        service: str,
        *,
        failures: int = 5,
        of: int = 10,
        minimum: int = 5,
        pause: float = 60.0,
        errors: tuple[type[Exception], ...] = (Exception,),
    ) -> Breaker:
        """Return a breaker for a service that this process calls: make one for each service, and keep it.

            payments = client.breaker("payments")
            with payments.call():
                await charge(order)

        After too many failures its blocks raise at once, for a while. Then one is a trial. Each change is an event of
        the stream `breaker-<service>`, logged in the background: `circuit.opened`, `.half_opened`, `.closed`. If there
        is no room for it, it is dropped and counted in `logged`: a call does not wait for the log.

        Args:
            service: its name.
            failures: it opens after so many failures
            of: among so many last calls,
            minimum: but not before so many calls.
            pause: the seconds until the trial, and from one that does not end until the next.
            errors: the exceptions that are failures of the service. Others count as successes.
        """
        circuit = Circuit(service, failures=failures, of=of, minimum=minimum, pause=pause)
        return Breaker(circuit, errors, self._note)

    def _note(self, stream: str, event: NewEvent) -> None:
        self._log.offer(bulk.line_of(stream, event))

    def projection(
        self,
        q: str,
        fold: Callable[[S | None, Event], S],
        *,
        key: Callable[[Event], str | None] = attrgetter("stream"),
        after: int = 0,
    ) -> AsyncProjection[S]:
        """Return a dictionary of this process that is folded from the events of a query.

            stock = client.projection("type:Stock*", lambda count, event: (count or 0) + event.data["change"])
            await stock.catch_up()
            print(stock["A-7"])

        `catch_up()` folds what has come; `follow()` goes on for ever.

        Args:
            q: the query.
            fold: makes the state after an event of the state before, which is None at first.
            key: the key of an event's state, by default its stream; None leaves the event out.
            after: begin after this position.
        """
        return AsyncProjection(self, q, fold, key, after)
