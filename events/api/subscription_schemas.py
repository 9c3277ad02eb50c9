"""The bodies of the API of subscriptions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Struct, UnsetType

from events.api.guard_schemas import QueryText
from events.api.names import Name, documented
from events.api.schemas import EventOut
from events.api.settling_schemas import DeliveryText

MAX_MESSAGE_CHARACTERS = 10_000
MAX_TRACEBACK_CHARACTERS = 100_000
Seconds = Annotated[float, documented("Seconds", minimum=0)]
OrderBy = Annotated[
    str,
    documented(
        "What events must have in common to be delivered in order: `stream`, `workflow`, `agent`, `none`,"
        " or a JSON Pointer into data, such as `/order/id`"
    ),
]


class BackoffIn(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The pause before each further attempt, in seconds: `first`, then `factor` times longer each, at most `most`."""

    first: Annotated[float, documented("Seconds before the second attempt", minimum=0, maximum=86_400)] = 1
    factor: Annotated[float, documented("How much longer each further pause is", minimum=1, maximum=100)] = 2
    most: Annotated[float, documented("The longest pause, in seconds", minimum=0, maximum=86_400)] = 300
    jitter: Annotated[
        float, documented("The share by which a pause is longer or shorter by chance", minimum=0, maximum=1)
    ] = 0.2


class BreakerIn(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """When deliveries stop because too many fail: to a consumer whose own fail, to all if those of all do."""

    failures: Annotated[int, documented("It opens after so many failures", minimum=1, maximum=1_000)]
    of: Annotated[int, documented("among so many last deliveries,", minimum=1, maximum=1_000)]
    minimum: Annotated[int, documented("but not before so many deliveries", minimum=1, maximum=1_000)]
    pause: Annotated[float, documented("Seconds until one event is delivered as a trial", minimum=1, maximum=86_400)]


class CircuitOut(Struct):
    """The state of a breaker. A half-open one lets one event through, as a trial."""

    state: Literal["closed", "open", "half-open"]
    changed_at: datetime
    until: Annotated[datetime | None, documented("The end of its pause, if it is open")]
    failures: Annotated[int, documented("Failures, since it closed; if it is not closed, those that opened it,")]
    of: Annotated[int, documented("among so many deliveries")]
    trial: Annotated[int | None, documented("The position of the trial")]


class SubscriptionIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """A subscription: which events it delivers, in which order, and what happens when they can't be done."""

    q: QueryText
    start: (
        Annotated[
            Literal["beginning", "now"] | int,
            documented("Where it begins: after this position; when absent, with the log's first event"),
        ]
        | UnsetType
    ) = UNSET
    order_by: OrderBy = "stream"
    ack_deadline: Annotated[
        float, documented("Seconds in which a delivery must be settled", minimum=1, maximum=43_200)
    ] = 30
    max_attempts: Annotated[
        int, documented("Attempts after which an event is a dead letter", minimum=1, maximum=100)
    ] = 3
    backoff: BackoffIn = BackoffIn()
    max_in_flight: Annotated[int, documented("Deliveries that are not settled yet", minimum=1, maximum=10_000)] = 1_000
    max_in_flight_per_consumer: Annotated[int, documented("Of one consumer", minimum=1, maximum=10_000)] = 100
    when_exhausted: Annotated[
        Literal["hold", "pass"],
        documented("Whether a dead letter holds the later events of its key, or lets them pass"),
    ] = "hold"
    projection: Annotated[Name, documented("The projection that shows the state which a consumer saw")] = "latest"
    breaker: Annotated[BreakerIn | None, documented("null: nothing stops deliveries that fail")] = None
    system: Annotated[bool, documented("Deliver the server's own events, too")] = False


class OldestOut(Struct):
    """The first event that is not settled."""

    position: int
    recorded_at: datetime
    age: Annotated[float, documented("Seconds since it was recorded, by the database's clock")]


class SubscriptionOut(Struct):
    """A subscription, and how far it is."""

    name: str
    q: str
    order_by: str
    ack_deadline: float
    max_attempts: int
    backoff: dict[str, float]
    max_in_flight: int
    max_in_flight_per_consumer: int
    when_exhausted: str
    projection: str
    breaker: BreakerIn | None
    circuit: Annotated[CircuitOut | None, documented("Of the breaker of the subscription as a whole; null: none yet")]
    system: bool
    start: int
    generation: int
    paused: bool
    pause_reason: str | None
    head: Annotated[int, documented("The log's last position")]
    read_to: Annotated[int, documented("Every event up to here is settled, in flight, or waits")]
    floor: Annotated[
        int,
        documented(
            "Every event up to here is settled. A dead letter that holds its key is not settled; one that has passed"
            " counts as settled"
        ),
    ]
    behind: Annotated[int, documented("Positions from `read_to` to the head")]
    ready: Annotated[int, documented("Events that were read, and that a take gets at once")]
    in_flight: Annotated[int, documented("Deliveries that are not settled, and whose deadline has not passed")]
    retrying: Annotated[int, documented("Events that wait for their next attempt, or whose deadline has just passed")]
    waiting: Annotated[int, documented("Events that wait for an earlier one of their key")]
    held: Annotated[int, documented("Dead letters that hold their key")]
    of_paused_workflows: Annotated[int, documented("Events that wait until their workflow is resumed")]
    without_key: Annotated[int, documented("Events since its last rewind that had no key: delivered without order")]
    oldest_unsettled: Annotated[OldestOut | None, documented("null: all that was read is settled")]
    oldest_unsettled_at: Annotated[datetime | None, documented("`recorded_at` of it")]


class SubscriptionsOut(Struct):
    """The subscriptions of the log, by name."""

    subscriptions: list[SubscriptionOut]


class TakeIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """A consumer that asks for deliveries."""

    consumer: Annotated[Name, documented("The name of the process that will settle them")]
    agent: Annotated[Name | UnsetType, documented("The agent that it works as; a token may pin it")] = UNSET
    limit: Annotated[int, documented("Most deliveries", minimum=1, maximum=1_000)] = 100
    wait: Annotated[float, documented("Seconds to wait until there is one", minimum=0, maximum=60)] = 30
    request: Annotated[
        Name | UnsetType, documented("An id of this request: sent again, it gets the same deliveries")
    ] = UNSET


class DeliveryOut(Struct):
    """One event for one consumer, until the deadline."""

    delivery: Annotated[str, documented("Its id, to settle it: it names this attempt by this consumer")]
    position: int
    key: str | None
    attempt: int
    deadline: datetime
    head: Annotated[int, documented("The last position that the consumer could see")]
    event: EventOut
    redacted: Annotated[bool, documented("The event was emptied: its data is null, as is a key that was a value of it")]


class DeliveriesOut(Struct):
    """Deliveries, lowest position first; none if there was none in time."""

    deliveries: list[DeliveryOut]
    read_to: int
    behind: int


class FailureIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """The error of an attempt that failed."""

    type: Annotated[Name, documented("The kind of error, for example the name of the exception")]
    message: Annotated[str, documented("What it says", maxLength=MAX_MESSAGE_CHARACTERS)] = ""
    traceback: Annotated[
        str | UnsetType, documented("Where it happened, as the language prints it", maxLength=MAX_TRACEBACK_CHARACTERS)
    ] = UNSET


class SettlementIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """The settlement of one delivery."""

    delivery: DeliveryText
    outcome: Annotated[
        Literal["ack", "fail", "poison", "release", "extend"],
        documented(
            "`ack`: it is done. `fail`: another attempt follows, if there is one left. `poison`: it can never be done."
            " `release`: given back, which counts no attempt. `extend`: it takes longer"
        ),
    ]
    error: Annotated[FailureIn | UnsetType, documented("Of a failure")] = UNSET
    delay: Annotated[
        float | UnsetType, documented("Seconds until the next attempt, instead of the backoff", minimum=0)
    ] = UNSET
    seconds: Annotated[float | UnsetType, documented("How much longer it takes, from now", minimum=1)] = UNSET


class SettleIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """The settlements of some deliveries of one consumer."""

    consumer: Name
    settlements: Annotated[list[SettlementIn], documented("Each is answered by itself", minItems=1, maxItems=1_000)]


class SettledOut(Struct, omit_defaults=True):
    """The answer to a settlement."""

    delivery: str
    result: Literal["settled", "already-settled", "expired", "not-yours"]
    retry_at: datetime | None = None


class SettlementsOut(Struct):
    """The answers to settlements, in their order."""

    results: list[SettledOut]


STRUCTS = (SubscriptionIn, SubscriptionOut, SubscriptionsOut, TakeIn, DeliveriesOut, SettleIn, SettlementsOut)
