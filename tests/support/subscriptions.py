"""A subscription, and the types of the fixtures that subscribe, take and settle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from events.models import Log, Subscription
from events.subscriptions.types import Delivery, Failure, Outcome, Settled

FAILURE = Failure("Boom", "it broke", None, "it broke", "", "boom")


def make_subscription(log: Log, **fields: Any) -> Subscription:
    """A subscription named `work` to all events, from the beginning."""
    values = {
        "name": "work",
        "query": "",
        "order_by": "stream",
        "ack_deadline": 30,
        "max_attempts": 3,
        "backoff": {"first": 0.0, "factor": 2, "most": 300, "jitter": 0},
        "max_in_flight": 1000,
        "max_in_flight_per_consumer": 100,
        "passes_dead_letters": False,
        "projection": "latest",
        "with_system_events": False,
        "stream_prefix": "",
        "start": 0,
        "read_to": 0,
    }
    return Subscription.objects.create(log=log, **{**values, **fields})


class Subscribe(Protocol):
    async def __call__(self, **fields: Any) -> Subscription: ...


class TakeFrom(Protocol):
    async def __call__(
        self, consumer: str = "one", *, limit: int = 100, wait: float = 0.2, request: str | None = None
    ) -> Sequence[Delivery]: ...


class Settle(Protocol):
    async def __call__(
        self, outcome: Outcome, *deliveries: Delivery, consumer: str | None = "one", **fields: Any
    ) -> list[Settled]: ...
