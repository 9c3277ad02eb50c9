"""The unsettled part of one subscription: deliveries in flight, keys that wait and why, and who holds what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from events.reading.statement import Statement
from events.sql import subscription_overview as sql


@dataclass(frozen=True, slots=True)
class InFlight:
    """A delivery in flight, with the type of its event; `token` is a part of its id. The database knows how long.

    `key` is None if there is none, or if it is a value of data and the event was redacted.
    """

    position: int
    type: str
    key: str | None
    consumer: str
    agent: str | None
    attempt: int
    taken_at: datetime
    deadline: datetime
    token: UUID
    held_seconds: float
    is_redacted: bool


@dataclass(frozen=True, slots=True)
class WaitingKey:
    """The first unsettled event of a key, and the number of events that wait for it.

    `key` is None as that of an `InFlight`. `state` is a `DeliveryState`. `since` is the time of the take, or of the
    last failure with its error and outcome.
    """

    key: str | None
    state: int
    position: int
    type: str
    waiting: int
    consumer: str | None
    attempt: int
    due: datetime | None
    since: datetime | None
    error_type: str | None
    outcome: str | None
    is_redacted: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """A consumer, and its deliveries in flight."""

    consumer: str
    deliveries: int
    oldest_taken_at: datetime
    newest_taken_at: datetime


def in_flight(
    log_id: int, number: int, *, consumer: str | None = None, position: int | None = None, limit: int
) -> Statement[InFlight]:
    """Return what is in flight, of one consumer or at one position; held for the longest time first."""
    params = {"log_id": log_id, "number": number, "consumer": consumer, "position": position, "limit": limit}
    return Statement(sql.IN_FLIGHT, params, InFlight)


def waiting_keys(log_id: int, number: int, *, limit: int) -> Statement[WaitingKey]:
    """Return the keys that wait, those with most waiting events first."""
    return Statement(sql.WAITING_KEYS, {"log_id": log_id, "number": number, "limit": limit}, WaitingKey)


def holders(log_id: int, number: int, *, after: int | None = None, limit: int) -> Statement[Holder]:
    """Return the consumers that hold a delivery, or that lose one in a rewind to `after`; the longest first."""
    return Statement(sql.HOLDERS, {"log_id": log_id, "number": number, "after": after, "limit": limit}, Holder)
