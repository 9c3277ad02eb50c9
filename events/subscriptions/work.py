"""The work that waits for a subscription in a process, and the events that were found for it. Pure, but for futures."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import orjson

from events.appending.flush import join, join_nullable
from events.subscriptions.types import Delivery, Settled, Settlement, Take
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


@dataclass(frozen=True, slots=True)
class Found:
    """An event that fits the query and was not delivered yet, with its key."""

    key: str | None
    event: Event


@dataclass(slots=True)
class Range:
    """What was found in the log after the position `begin`, up to which the subscription has read, up to `end`."""

    begin: int
    end: int
    redacted_at: int = 0
    """The position of the last redaction before the events were read."""
    found: deque[Found] = field(default_factory=deque)

    def cut(self, read_to: int) -> None:
        """Leave out what was delivered, or waits for its key, by now."""
        self.begin, self.end = read_to, max(read_to, self.end)
        while self.found and self.found[0].event.position <= read_to:
            self.found.popleft()


class Taken(msgspec.Struct, array_like=True, frozen=True):
    """A delivery as `serve_subscription()` returns it."""

    take: int
    position: int
    key: str | None
    attempt: int
    deadline: datetime
    head: int
    token: UUID


class Verdict(msgspec.Struct, array_like=True, frozen=True):
    """The answer to a settlement as `serve_subscription()` returns it."""

    number: int
    result: str
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of `serve_subscription()`."""

    served: bool | None
    settled: list[list[Any]] | None
    taken: list[list[Any]] | None
    read_to: int
    head: int
    redacted_at: int
    due_in: float | None

    @property
    def deliveries(self) -> list[Taken]:
        return msgspec.convert(self.taken or [], list[Taken])

    @property
    def verdicts(self) -> list[Verdict]:
        return msgspec.convert(self.settled or [], list[Verdict])


def parameters(
    log_id: int,
    number: int,
    version: int,
    takes: Sequence[WaitingTake],
    settlements: Sequence[Settlement],
    range: Range,
) -> list[object]:
    """Return the parameters of `serve_subscription()`, in its order."""
    return [
        log_id,
        number,
        version,
        _json([_settlement(n, settlement) for n, settlement in enumerate(settlements)]),
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
        "outcome": settlement.outcome,
        "delay": settlement.delay,
        "seconds": settlement.seconds,
        **(msgspec.structs.asdict(failure) if failure else {}),
    }
