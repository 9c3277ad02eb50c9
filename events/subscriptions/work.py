"""The work that waits for a subscription in a process, and the events that were found for it. Pure, but for futures."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec
import orjson

from events.appending.flush import join, join_nullable
from events.subscriptions.types import Delivery, Result, Served, Settled, Settlement, Take
from events.types import Event


@dataclass(slots=True, eq=False)
class WaitingTake:
    """A take in the queue. If there is nothing for it at its deadline, it is answered with nothing."""

    take: Take
    deadline: float
    future: asyncio.Future[Sequence[Delivery]]
    was_served: bool = False
    """There was nothing for it so far."""


@dataclass(slots=True, eq=False)
class WaitingSettlements:
    """The settlements of one request, and the future of their answers. The server's own have none."""

    settlements: Sequence[Settlement]
    future: asyncio.Future[list[Settled]] | None = None


class Found(msgspec.Struct, frozen=True, gc=False):
    """An event that fits the query and was not delivered yet, with its key."""

    key: str | None
    event: Event


@dataclass(slots=True)
class Range:
    """The events that a search found from `begin`, up to which the subscription has read, to `end`."""

    begin: int
    end: int
    redacted_at: int = 0
    """The position of the last redaction before the events were read."""
    found: deque[Found] = field(default_factory=deque)
    bytes: int = 0
    """Data and metadata of the events that were found."""

    def add(self, found: Iterable[Found]) -> None:
        for each in found:
            self.found.append(each)
            self.bytes += each.event.size

    def first(self, events: int) -> Range:
        """Return the range up to the end of so many events, or a copy of the whole: more may be found meanwhile."""
        first_ones = deque(islice(self.found, events))
        end = first_ones[-1].event.position if len(first_ones) < len(self.found) else self.end
        return Range(self.begin, end, self.redacted_at, first_ones)

    def cut(self, read_to: int) -> None:
        """Leave out what was delivered, or waits for its key, by now."""
        self.begin, self.end = read_to, max(read_to, self.end)
        while self.found and self.found[0].event.position <= read_to:
            self.bytes -= self.found.popleft().event.size


class Taken(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A delivery as `serve_subscription()` returns it, if its event was delivered before."""

    take: int
    position: int
    key: str | None
    attempt: int
    deadline: datetime
    head: int
    token: UUID


class New(msgspec.Struct, array_like=True, frozen=True):
    """Events that are delivered for the first time, by one take."""

    take: int
    positions: list[int]
    deadline: datetime
    token: UUID


class Verdict(msgspec.Struct, array_like=True, frozen=True):
    """The answer to a settlement as `serve_subscription()` returns it."""

    number: int
    result: Result
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of `serve_subscription()`."""

    served: bool | None
    settled: list[list[Any]] | None
    taken: list[list[Any]] | None
    new: list[list[Any]] | None
    read_to: int
    head: int
    redacted_at: int
    has_ready: bool
    due_in: float | None

    @property
    def counts(self) -> Counter[int]:
        """The number of deliveries of each take that got one, by its number."""
        counts = Counter(number for number, *_ in self.taken or ())
        for number, positions, *_ in self.new or ():
            counts[number] += len(positions)
        return counts

    def deliveries(self, range: Range) -> list[Taken]:
        """Return what was delivered. `range` has the events that were found in the log, with their keys."""
        deliveries = msgspec.convert(self.taken or [], list[Taken])
        keys = {found.event.position: found.key for found in range.found} if self.new else {}
        for new in msgspec.convert(self.new or [], list[New]):
            deliveries += [
                Taken(new.take, position, keys[position], 1, new.deadline, self.head, new.token)
                for position in new.positions
            ]
        return deliveries

    @property
    def verdicts(self) -> dict[int, Settled]:
        """The answers to settlements by their number. An acknowledgement that is not here is simply settled."""
        verdicts = msgspec.convert(self.settled or [], list[Verdict])
        return {each.number: Settled(each.result, each.retry_at) for each in verdicts}


def parameters(
    served: Served,
    takes: Sequence[WaitingTake],
    settlements: Sequence[Settlement],
    range: Range,
) -> list[object]:
    """Return the parameters of `serve_subscription()`, in its order."""
    is_usual = all(map(served.is_acknowledgement, settlements))
    acks = settlements if is_usual else ()
    return [
        served.log_id,
        served.number,
        served.version,
        join([str(ack.delivery.position) for ack in acks]),
        join([ack.delivery.token.hex for ack in acks]),
        join_nullable([ack.consumer for ack in acks]),
        join_nullable([ack.agent for ack in acks]),
        None if is_usual else _json([_settlement(n, settlement) for n, settlement in enumerate(settlements)]),
        _json([_take(n, waiting.take) for n, waiting in enumerate(takes)]),
        range.begin,
        range.end,
        join([str(found.event.position) for found in range.found]),
        join_nullable([found.key for found in range.found]),
    ]


def _json(values: list[dict[str, object]]) -> str | None:
    return orjson.dumps(values).decode() if values else None


def _take(number: int, take: Take) -> dict[str, object]:
    return {
        "n": number,
        "consumer": take.consumer,
        "agent": take.agent,
        "limit": take.limit,
        "request": take.request,
    }


def _settlement(number: int, settlement: Settlement) -> dict[str, object]:
    failure = settlement.failure
    return {
        "n": number,
        "subscription": settlement.delivery.number,
        "generation": settlement.delivery.generation,
        "position": settlement.delivery.position,
        "token": str(settlement.delivery.token),
        "consumer": settlement.consumer,
        "agent": settlement.agent,
        "outcome": settlement.outcome,
        "delay": settlement.delay,
        "seconds": settlement.seconds,
        **(msgspec.structs.asdict(failure) if failure else {}),
    }
