"""The guard of an append that settles a delivery: events and acknowledgement are written together, or neither."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any, ClassVar, Self

from events.appending.guards import DatabaseGuard, Rights
from events.appending.names import LatestNames
from events.errors import EventsError
from events.subscriptions.errors import DeliveryLost
from events.subscriptions.types import DeliveryId


@dataclass(frozen=True)
class Settles(DatabaseGuard):
    """The append settles a delivery of a subscription, which must still be with its consumer.

    With an `agent`, this must be the consumer's agent. The subscription must be for the writer's stream prefix.
    """

    kind: ClassVar[str] = "settles"
    subscription: str
    delivery: DeliveryId
    agent: str | None = None
    stream_prefix: str = ""

    @cached_property
    def claim(self) -> str:  # type: ignore[override]
        return self.delivery.work

    def limited(self, rights: Rights) -> Self:
        rights.check_consuming()
        return replace(self, agent=rights.agent, stream_prefix=rights.stream_prefix)

    def parameters(self, first: int, last: int, names: LatestNames | None) -> dict[str, object] | None:
        return {
            "name": self.subscription,
            "subscription": self.delivery.number,
            "generation": self.delivery.generation,
            "position": self.delivery.position,
            "token": self.delivery.token.hex,
            "agent": self.agent,
            "prefix": self.stream_prefix,
        }

    def error(self, refusal: Mapping[str, Any]) -> EventsError:
        return DeliveryLost(
            f"The delivery {self.delivery} of {self.subscription!r} can't be settled: {_REASONS[refusal['result']]}.",
            subscription=self.subscription,
            delivery=str(self.delivery),
            result=refusal["result"],
        )


_REASONS = {
    "already-settled": "it is settled already",
    "expired": "its deadline has passed, or its subscription was rewound or ended",
    "not-yours": "it is of another subscription or agent",
}


class EventIds(Iterator[str]):
    """The ids of events that settle a delivery and have none of their own.

    They are the same for each attempt, so the work of a delivery is in the log once. After a rewind they are new.
    """

    PATTERN: ClassVar[str] = r"[0-9]{1,10}\.[0-9]{1,10}-[0-9]{1,19}-[0-9]{1,10}"
    """Of the ids of all deliveries, and of few others."""

    def __init__(self, delivery: DeliveryId) -> None:
        self._work = delivery.work
        self._numbers = count()

    def __next__(self) -> str:
        return f"{self._work}-{next(self._numbers)}"

    def __contains__(self, id: str) -> bool:
        return id.rpartition("-")[0] == self._work
