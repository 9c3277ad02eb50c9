"""The events that one appends, and the answers of the server."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

ExpectedVersion = int | Literal["any", "no_stream", "stream_exists"]
"""The version at which a stream must be: a number, or a word. `no_stream` is 0."""
ReadAs = Literal["stored", "newest"]
"""`newest`: the data of events in the newest schema version that the server's upcasters know."""
ReplayKind = Literal["stream", "workflow", "agent", "type", "key", "query", "log"]
"""The events that a replay steps through. Its name is that of the stream, …; it is the query; nothing for the log."""


class _Content(Struct, frozen=True, omit_defaults=True):
    """The fields that are given by place."""

    type: str
    data: Any = UNSET


class NewEvent(_Content, frozen=True, omit_defaults=True, kw_only=True):
    """An event to append: `NewEvent("OrderPlaced", {"sku": "A-7"}, agent="router")`.

    `data` and the values of `metadata` may be anything that JSON can hold, also dataclasses, structs of msgspec and
    models of pydantic. The client gives an event its `id` if it has none.
    """

    id: str | None = None
    agent: str | None = None
    """The agent whose event this is."""
    correlation_id: str | None = None
    """The workflow to which the event belongs."""
    causation_id: str | None = None
    """The id of the event that led to this one."""
    tags: tuple[str, ...] = ()
    """Up to sixteen names by which the event is found, such as `customer:4711`."""
    metadata: dict[str, Any] = {}
    occurred_at: datetime | str | None = None
    """When it happened, with a zone. The log notes by itself when it was recorded."""
    schema_version: int = 1
    """The shape of `data`."""

    def __post_init__(self) -> None:
        if self.data is UNSET:
            msgspec.structs.force_setattr(self, "data", {})  # an event without data has an empty object


class Event(Struct, frozen=True, kw_only=True):
    """A recorded event."""

    position: int
    """Its place in the log, from 1 on, without gaps."""
    stream: str
    version: int
    """Its place in its stream, from 1 on."""
    id: str
    type: str
    data: Any
    metadata: dict[str, Any]
    agent: str | None
    schema_version: int
    correlation_id: str | None
    causation_id: str | None
    occurred_at: datetime | None
    recorded_at: datetime
    tags: tuple[str, ...]


class PlacedEvent(Struct, frozen=True, kw_only=True):
    """The place that an event got."""

    id: str
    position: int
    version: int


class Appended(Struct, frozen=True, kw_only=True):
    """The places of the events of an append."""

    log: str
    stream: str
    first_position: int
    last_position: int
    version: int
    """The version of the stream after the append."""
    replayed: bool
    """The events were in the log already: the append was sent before."""
    events: tuple[PlacedEvent, ...]


class Condition(Struct, frozen=True, kw_only=True):
    """No event that fits the query may have come after the position."""

    q: str
    none_after: int


class HeldLease(Struct, frozen=True, kw_only=True):
    """A lease that an append needs: its name as the grant returned it, such as `workflow:run-7`, and its token."""

    lease: str
    token: int


class Holding(Protocol):
    """A holder of a lease, such as the block of `client.lease()`."""

    @property
    def held(self) -> HeldLease:
        """The lease."""


class Settles(Struct, frozen=True, kw_only=True):
    """A delivery of a subscription that an append settles."""

    subscription: str
    delivery: str


class SubscriptionStatus(Struct, frozen=True, kw_only=True):
    """The settings of a subscription, and how far it is. It has settings that are not here."""

    name: str
    q: str
    order_by: str
    ack_deadline: float
    max_attempts: int
    start: int
    paused: bool
    head: int
    """The last position of the log."""
    read_to: int
    """Every event up to here is settled, in flight, or waits."""
    ready: int
    """Events that a consumer gets at once."""
    in_flight: int
    """Deliveries that are not settled, and whose deadline has not passed."""
    retrying: int
    """Events that wait for their next attempt."""
    waiting: int
    """Events that wait for an earlier one of their key."""
    held: int
    """Dead letters that hold their key."""


class Append(Struct, frozen=True, kw_only=True):
    """Events for one of several streams. `append()` describes the members."""

    stream: str
    events: tuple[NewEvent, ...]
    expected_version: ExpectedVersion = "any"
    read_position: int | None = None
    idempotency_key: str | None = None


class Stale(Struct, frozen=True, kw_only=True):
    """The reason why a state does not include the newest events."""

    reason: str
    position: int
    head: int
    error: str | None
    error_position: int | None


class State(Struct, frozen=True, kw_only=True):
    """The result of a projection for the events of a key."""

    projection: str
    key: str
    value: Any = field(name="state")
    position: int
    """The position of the last event in the state; 0 without events."""
    version: int | None
    """The version of the last event in the state; None if the key is not a stream."""
    events: int
    stale: Stale | None
    """None if the state includes every event that was asked for. Look at it before you act on a state."""


class ListedState(Struct, frozen=True, kw_only=True):
    """A state of a list. If the projection raised `error` at `error_position`, it is the state before that."""

    key: str
    value: Any = field(name="state")
    position: int
    version: int | None
    events: int
    error: str | None
    error_position: int | None


class Moment(Struct, frozen=True, kw_only=True):
    """One side of a difference."""

    position: int
    version: int | None
    events: int


class Change(Struct, frozen=True, kw_only=True):
    """An operation of JSON Patch (RFC 6902), with the old value. A value that there isn't is `msgspec.UNSET`."""

    op: str
    path: str
    value: Any = UNSET
    old: Any = UNSET
    from_: str | UnsetType = field(name="from", default=UNSET)


class Diff(Struct, frozen=True, kw_only=True):
    """The changes that turn the state at one moment into the one at another."""

    projection: str
    key: str
    before: Moment = field(name="from")
    after: Moment = field(name="to")
    changes: tuple[Change, ...]


class StepEvent(Struct, frozen=True, kw_only=True):
    """The event of a step of a replay, without its data."""

    position: int
    stream: str
    version: int
    id: str
    type: str
    agent: str | None
    at: datetime
    """The time that the agent sent, else the time of recording."""


class Touch(Struct, frozen=True, kw_only=True):
    """A step that changed a value. `pointer` is the value's at that time, since items of arrays move."""

    place: int
    n: int | None
    pointer: str
    event: StepEvent
    changes: tuple[Change, ...]


class Why(Struct, frozen=True, kw_only=True):
    """The history of a value: the steps that changed it, newest first."""

    place: int
    """The step at which the value was looked at: a version in a stream, else a position."""
    position: int
    pointer: str
    found: bool
    """Whether there is a value at the pointer."""
    value: Any
    history: tuple[Touch, ...]
    more: int
    """The number of changes that are not listed."""
    previous: int | None
    next: int | None


class Found(Struct, frozen=True, kw_only=True):
    """The step that a seek came to. If `place` is None, no step up to `searched_to` fits."""

    place: int | None
    """The version of the event in a stream, else its position."""
    position: int | None
    searched_to: int
    """The place up to which every step was tested."""
    error_position: int | None
    """The position of the event at which the projection raised: there is no state from there on."""
