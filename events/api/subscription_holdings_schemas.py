"""The bodies of the API that shows who holds which deliveries of a subscription, and releases one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from events.api.names import Name, documented
from events.api.query_schemas import LogQuery
from events.api.subscription_schemas import CircuitOut

State = Literal["ready", "in-flight", "retrying", "held", "paused"]
STATES: tuple[State, ...] = ("ready", "in-flight", "retrying", "held", "paused")
"""The names of `DeliveryState`, by its values."""
MAX_ROWS = 1_000
Redacted = Annotated[bool, documented("The event was emptied; a key that was a value of its data is null")]


class HoldingsQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """The most rows of a list of deliveries, keys or consumers."""

    limit: Annotated[int, Meta(ge=1, le=MAX_ROWS, description="The most rows")] = 100


class InFlightOut(Struct):
    """A delivery in flight."""

    delivery: Annotated[str, documented("Its id, by which it is released")]
    position: int
    type: str
    key: str | None
    consumer: str
    agent: str | None
    attempt: int
    taken_at: datetime
    held_for: Annotated[float, documented("Seconds since it was taken")]
    deadline: datetime
    redacted: Redacted


class InFlightsOut(Struct):
    """The deliveries in flight; the one that has been held for the longest time comes first."""

    deliveries: list[InFlightOut]
    in_flight: Annotated[int, documented("All deliveries in flight")]
    max_in_flight: Annotated[int, documented("As many as this, and nothing more is delivered")]


class WaitingKeyOut(Struct):
    """A key that waits, and why: the state of its first unsettled event."""

    key: str | None
    state: Annotated[
        State,
        documented("`held`: a dead letter holds the key. `paused`: the event's workflow is paused"),
    ]
    position: int
    type: str
    waiting: Annotated[int, documented("Later events of the key, which wait for this one")]
    attempt: int
    consumer: str | None
    since: Annotated[datetime | None, documented("The time of the take, or of the last failure")]
    due: Annotated[datetime | None, documented("The deadline, or the time of the next attempt")]
    error_type: Annotated[str | None, documented("Of the last failure")]
    redacted: Redacted


class WaitingKeysOut(Struct):
    """Keys that wait; those with most waiting events come first."""

    keys: list[WaitingKeyOut]


class ConsumerOut(Struct):
    """A consumer that was seen in the last day, or holds a delivery."""

    consumer: str
    agent: str | None
    last_seen_at: Annotated[datetime | None, documented("Written every few seconds")]
    in_flight: int
    oldest_taken_at: datetime | None
    per_minute: Annotated[float, documented("Deliveries in the last minute")]
    circuit: Annotated[CircuitOut | None, documented("Of the consumer's own breaker")]


class ConsumersOut(Struct):
    """The consumers of a subscription, by name."""

    consumers: list[ConsumerOut]
    max_in_flight_per_consumer: int


class ReleaseDeliveryIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """A delivery that is taken from its consumer, and the reason."""

    delivery: str
    reason: Name


class ReleasedOut(Struct):
    """The consumer that held the delivery, and since when. The event is delivered again at once."""

    position: int
    consumer: str
    agent: str | None
    taken_at: datetime


STRUCTS = (InFlightsOut, WaitingKeysOut, ConsumersOut, ReleaseDeliveryIn, ReleasedOut)
