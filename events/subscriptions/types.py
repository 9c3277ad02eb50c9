"""The values of subscriptions: frozen, without Django. Those of each delivery are structs, which are quick to make."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, Self
from uuid import UUID

from msgspec import Struct

from events.query.tree import Query
from events.subscriptions.keys import Key
from events.types import Event

Outcome = Literal["ack", "fail", "poison", "release", "extend"]
Result = Literal["settled", "already-settled", "expired", "not-yours"]


@dataclass(frozen=True, slots=True)
class Served:
    """A subscription as its server knows it: its number, the version of its settings, its query and its keys."""

    log_id: int
    number: int
    name: str
    version: int
    generation: int
    query: Query
    key: Key
    stream_prefix: str

    def is_acknowledgement(self, settlement: Settlement) -> bool:
        """Return whether a settlement says that a delivery of this subscription is done."""
        delivery = settlement.delivery
        is_own = (delivery.number, delivery.generation) == (self.number, self.generation)
        return is_own and settlement.outcome == "ack"

    def shown_key(self, key: str | None, event: Event) -> str | None:
        """Return the key with which an event is delivered: a value of data is redacted with its event."""
        return self.key(event) if event.data == "null" else key

    def delivery_id(self, position: int, token: UUID) -> DeliveryId:
        return DeliveryId(self.number, self.generation, position, token)


class DeliveryId(Struct, frozen=True, gc=False):
    """The id of a delivery: it names one attempt by one consumer.

    As a text: `<number>.<generation>-<position>-<token>`, with the number and generation of the subscription.
    """

    PATTERN: ClassVar[str] = r"[0-9]{1,9}\.[0-9]{1,9}-[0-9]{1,18}-[0-9a-f]{32}"
    number: int
    generation: int
    position: int
    token: UUID

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id.

        Raises:
            ValueError: the text is not the id of a delivery.
        """
        if not re.fullmatch(cls.PATTERN, text):
            raise ValueError(text)
        work, position, token = text.split("-")
        number, generation = work.split(".")
        return cls(int(number), int(generation), int(position), UUID(hex=token))

    @property
    def work(self) -> str:
        """The name of the work: `<number>.<generation>-<position>`, the same for each attempt, until a rewind."""
        return f"{self.number}.{self.generation}-{self.position}"

    def __str__(self) -> str:
        return f"{self.work}-{self.token.hex}"


@dataclass(frozen=True, slots=True)
class Take:
    """A consumer's wish for deliveries. The same `request` again gets the same ones, if the caller knows it."""

    consumer: str
    agent: str | None
    limit: int
    request: str
    is_repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The answer to a take, and how far its subscription is."""

    deliveries: Sequence[Delivery]
    read_to: int
    head: int


class Delivery(Struct, frozen=True, gc=False):
    """One event that is delivered to one consumer, for its `attempt`, until `deadline`. `head`: what it could see."""

    id: DeliveryId
    key: str | None
    attempt: int
    deadline: datetime
    head: int
    event: Event


class Failure(Struct, frozen=True):
    """A failure; `fault` is the same for failures with the same error, message and frame."""

    error_type: str
    message: str
    traceback: str | None
    plain_message: str
    frame: str
    fault: str


class Settlement(Struct, frozen=True, gc=False):
    """The settlement of a delivery. Without a consumer, the delivery's id alone decides."""

    delivery: DeliveryId
    outcome: Outcome
    consumer: str | None = None
    agent: str | None = None
    delay: float | None = None
    seconds: float | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer to a settlement. `retry_at` is the time of the next attempt, if there will be one."""

    result: Result
    retry_at: datetime | None = None
