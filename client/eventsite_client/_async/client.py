"""The client: its methods for the log. `working.py` has those for agents at work, and `states.py` those for states."""

from __future__ import annotations

from collections.abc import Sequence

from eventsite_client._async.deciding import AsyncDecision
from eventsite_client._async.following import AsyncFollower
from eventsite_client._async.reading import AsyncEvents, AsyncStreamEvents
from eventsite_client._async.working import AsyncWorker
from eventsite_client._core import requests
from eventsite_client._core.answers import all_appended
from eventsite_client._core.deadline import SLACK_SECONDS, Deadline
from eventsite_client._core.deciding import Basis
from eventsite_client._core.following import Cursor
from eventsite_client._core.paging import EventsPage, LogReading, StreamReading
from eventsite_client._core.requests import Demands
from eventsite_client.errors import TimedOut
from eventsite_client.types import (
    Append,
    Appended,
    Condition,
    Event,
    ExpectedVersion,
    HeldLease,
    Holding,
    NewEvent,
    ReadAs,
    Settles,
)

_WAIT_SECONDS = 20.0
"""The longest long poll: proxies end requests that take much longer."""


class AsyncClient(AsyncWorker):
    """A client of one log of Eventsite, for one token.

        async with AsyncClient() as client:
            await client.append("order-42", NewEvent("OrderPlaced", {"sku": "A-7"}))

    A request is sent again while the server is away or busy, until the timeout: that is safe, since each event has its
    id before it is sent. Make one client and keep it. It goes on after a fork.

    Args:
        url: the address of the server, such as `http://127.0.0.1:8000`; by default that of `EVENTSITE_URL`.
        token: the token, which opens one log; by default that of `EVENTSITE_TOKEN`.
        timeout: the seconds after which a call ends, with all its repetitions. What waits on purpose waits longer.
        transport: a function that makes a transport of httpx2, for proxies, certificates and tests. It is called for
            each new pool of connections: at first, after a fork, for `log()`, and in another event loop.
        spool: a folder of this user in which `log()` keeps events until they are sent, in files of each process.
        when_full: what `log()` does if more than `log_bytes` wait: `block`, or `drop` the event and count it.
        log_bytes: the bytes that may wait, with those held back; by default 16 MiB, and 1 GiB with a spool.

    Raises:
        ValueError: there is no address, or no token.
        TypeError: `transport` is no function.
        OSError: the folder of the spool can't be written to.
    """

    async def append(
        self,
        stream: str,
        *events: NewEvent,
        expected_version: ExpectedVersion = "any",
        read_position: int | None = None,
        conditions: Sequence[Condition] = (),
        leases: Sequence[HeldLease | Holding] = (),
        settles: Sequence[Settles] = (),
        idempotency_key: str | None = None,
    ) -> Appended:
        """Append events to a stream, all or none.

        Args:
            stream: the name of the stream.
            events: what happened. Events without an `id` get one; with `settles`, the server's, the same each time.
            expected_version: the version at which the stream must be, as you have read it.
            read_position: the position up to which you had read the log when you decided: it proves lost updates.
            conditions: no event may have come that fits one of them.
            leases: leases that the writer must hold: those of `lease()`.
            settles: deliveries that are settled together with the append, or not at all.
            idempotency_key: a name of this append: whoever appends the same with the same name appends nothing.

        Raises:
            Conflict: the stream is at another version, or an event came that a condition does not allow.
            IdConflict: the log has an event with the same id and other content.
            Paused: somebody has paused the agent or the workflow of an event.
            LeaseLost, LeaseNeeded, DeliveryLost: the writer does not hold what it must.
            Invalid: the request breaks a rule or a limit.
            TypeError, ValueError: there are no events, or JSON can't hold the data of one (NaN, an unknown object).
            NoAnswer, Unavailable: the time was up. The events may be written: append them again with `error.ids`.
        """
        append = Append(
            stream=stream,
            events=events,
            expected_version=expected_version,
            read_position=read_position,
            idempotency_key=idempotency_key,
        )
        return await self._call(requests.append(append, Demands(conditions, leases, settles)))

    async def append_all(
        self,
        *appends: Append,
        conditions: Sequence[Condition] = (),
        leases: Sequence[HeldLease | Holding] = (),
        settles: Sequence[Settles] = (),
    ) -> list[Appended]:
        """Append to several streams, all or none. Return the places for each; raise the errors of `append()`."""
        many = await self._call(requests.append_all(appends, Demands(conditions, leases, settles)))
        return all_appended(many)

    def events(
        self,
        q: str = "",
        *,
        after: int = 0,
        before: int | None = None,
        backward: bool = False,
        limit: int | None = None,
        read_as: ReadAs = "stored",
    ) -> AsyncEvents:
        """Return an iterator over the events of a query, to the end that the log has at the first page.

        Its `read_position` is what an append that rests on the events needs.

        Args:
            q: the query, such as `type:Order* data.amount>100`. The empty one fits all events.
            after: positions after this one only.
            before: positions before this one only.
            backward: the newest events first.
            limit: at most so many events.
            read_as: `newest`: the data in the newest schema version.
        """
        reading = LogReading(q, after=after, before=before, backward=backward, limit=limit, read_as=read_as)
        return AsyncEvents(self._call, reading)

    def stream_events(
        self,
        stream: str,
        q: str = "",
        *,
        from_version: int | None = None,
        backward: bool = False,
        limit: int | None = None,
        read_as: ReadAs = "stored",
    ) -> AsyncStreamEvents:
        """Return an iterator over the events of a stream, to the version that it has at the first page.

        Its `version` and `read_position` are what an append that rests on the events needs.

        Args:
            stream: the name of the stream; one without events is no error.
            q: a query that the events fit.
            from_version: from this version on, in either direction.
            backward: the newest events first.
            limit: at most so many events.
            read_as: `newest`: the data in the newest schema version.
        """
        reading = StreamReading(stream, q=q, from_version=from_version, backward=backward, limit=limit, read_as=read_as)
        return AsyncStreamEvents(self._call, reading)

    async def event(self, position: int, *, read_as: ReadAs = "stored") -> Event:
        """Return the event at a position of the log.

        Raises:
            NotFound: there is none, or none that the token may see.
        """
        params = None if read_as == "stored" else read_as
        return await self._call(requests.get(f"/events/{position}", Event, read_as=params))

    def follow(self, q: str = "", *, after: int = 0, read_as: ReadAs = "stored") -> AsyncFollower:
        """Return an endless iterator over the events of a query, as they come.

        The iterator keeps its place over broken connections and restarts of the server: no event is lost, and none
        comes twice. It takes server-sent events; where a proxy holds these back, it asks by long polls. Once the server
        has answered, it waits for as long as the server is away. Keep `position` somewhere to go on there later.

        Args:
            q: the query. Relative times (`since:2h`) count from each connection.
            after: positions after this one only.
            read_as: `newest`: the data in the newest schema version.

        Raises (the iterator):
            NoAnswer: the server did not answer at all before the timeout.
            InvalidQuery, Unauthorized, …: the server refuses to answer.
            ProjectionFailed: the next event can't be read in the newest schema version.
        """
        return AsyncFollower(self, Cursor(q, after=after, read_as=read_as))

    async def wait_for(self, q: str, *, after: int = 0, timeout: float | None = None) -> Event:
        """Return the first event of a query after a position; wait until there is one.

        Args:
            q: the query.
            after: positions after this one only, such as `appended.last_position`.
            timeout: the seconds to wait; by default the client's timeout.

        Raises:
            TimedOut: no event came in time.
            NoAnswer: the server was away for all of that time, or for the client's timeout.
        """
        deadline = Deadline(self._timeout if timeout is None else timeout)
        while True:
            wait = min(_WAIT_SECONDS, deadline.left())
            request = requests.get("/events", EventsPage, q=q, after=after, limit=1, wait=wait)
            until = Deadline(min(self._timeout + wait, deadline.left()))
            page = await self._call(request, until, slack=SLACK_SECONDS)
            if page.events:
                return page.events[0]
            after = page.next or after
            if not deadline.left():
                raise TimedOut(f"No event came that fits {q!r}; the log was searched up to {after}.")

    def decide(
        self,
        stream: str,
        *,
        q: str | None = None,
        projection: str | None = None,
        leases: Sequence[HeldLease | Holding] = (),
        rounds: int = 10,
    ) -> AsyncDecision:
        """Decide by what a stream holds, and append only if nothing came between; else go round again.

            async for attempt in client.decide("order-42"):
                async with attempt as order:
                    if not any(event.type == "OrderShipped" for event in order.events):
                        order.append(NewEvent("OrderShipped", {"carrier": "post"}))

        The block may run several times, so what it does outside of the log must be harmless the second time. It appends
        nothing if it raises. Let it run to its end; if you want to return from it, write a function of the attempt
        instead: `await client.decide("order-42").call(ship)`.

        The append carries the version and the position that were read. So no update of another writer gets lost, and
        the log can prove it.

        Args:
            stream: the stream that is read, and to which the events are appended.
            q: read the events of this query instead, from whichever streams. The append is refused if another event
                came that fits it.
            projection: read the state of the stream by this projection (`attempt.state`) instead of its events. A
                projection that is behind the log is waited for.
            leases: leases that the writer must hold.
            rounds: how often to go round at most.

        Raises (the loop):
            Conflict: other writers were quicker in each of the rounds.
        """
        return AsyncDecision(self, Basis(stream, q, projection, leases), rounds)
