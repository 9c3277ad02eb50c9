"""A subscription, and the types of the fixtures that subscribe, take and settle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol
from uuid import uuid4

from django.db.models import F
from django.utils import timezone

from events.models import (
    Breaker,
    BreakerState,
    DeadLetter,
    Delivery,
    DeliveryState,
    Log,
    Subscription,
    SubscriptionConsumer,
    SubscriptionPlace,
)
from events.subscriptions import types
from events.subscriptions.guard import EventIds, Settles
from events.subscriptions.types import Failure, Outcome, Settled
from events.types import Append
from tests.support.factories import make_append

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
        "lowest": 0,
    }
    values.update(fields)
    place = {name: values.pop(name) for name in ("read_to", "lowest")}
    subscription = Subscription.objects.create(log=log, **values)
    SubscriptionPlace.objects.create(log=log, subscription_id=subscription.id, **place)
    return subscription


def read_to(subscription: Subscription) -> int:
    """How far a subscription has read."""
    return SubscriptionPlace.objects.get(log_id=subscription.log_id, subscription_id=subscription.id).read_to


def make_delivery(subscription: Subscription, position: int, **fields: Any) -> Delivery:
    """The row of an unsettled event: by default in flight for ten seconds, with twenty to go."""
    now = timezone.now()
    values = {
        "chain": position,
        "key": f"key-{position}",
        "state": DeliveryState.IN_FLIGHT,
        "attempt": 1,
        "consumer": "one",
        "request": "r",
        "token": uuid4(),
        "head": position,
        "taken_at": now - timedelta(seconds=10),
        "due": now + timedelta(seconds=20),
    }
    ids = {"log": subscription.log, "subscription_id": subscription.id, "position": position}
    return Delivery.objects.create(**ids, **{**values, **fields})


def expire(log: Log, *, by: timedelta = timedelta(days=1), **deliveries: Any) -> None:
    """Let time pass for some deliveries of a log: their deadlines, and their next attempts, are that much earlier."""
    Delivery.objects.filter(log=log, **deliveries).update(due=F("due") - by)
    SubscriptionPlace.objects.filter(log=log).update(due_from=None)


def make_consumer(subscription: Subscription, name: str, **fields: Any) -> SubscriptionConsumer:
    """A consumer that was seen just now, and took three deliveries."""
    now = timezone.now()
    values = {
        "last_seen_at": now,
        "minute": now.replace(second=0, microsecond=0),
        "in_minute": 3,
        "in_minute_before": 0,
    }
    ids = {"log": subscription.log, "subscription_id": subscription.id, "name": name}
    return SubscriptionConsumer.objects.create(**ids, **{**values, **fields})


def make_breaker(subscription: Subscription, consumer: str = "", **fields: Any) -> Breaker:
    """The breaker of a subscription, or of a consumer: by default open for 42 seconds and some."""
    now = timezone.now()
    values = {"state": BreakerState.OPEN, "until": now + timedelta(seconds=42.9)}
    ids = {"log": subscription.log, "subscription_id": subscription.id, "consumer": consumer}
    return Breaker.objects.create(**ids, **{**values, **fields})


def make_letter(subscription: Subscription, position: int, **fields: Any) -> DeadLetter:
    """A dead letter that holds its key. It has no row in `delivery`."""
    values = {
        "key": f"key-{position}",
        "holds": True,
        "state": "open",
        "attempts": 3,
        "died_at": timezone.now(),
        "fault": "f",
        "error_type": "KeyError",
        "plain_message": "#",
        "frame": "",
    }
    ids = {"log": subscription.log, "subscription_id": subscription.id, "position": position}
    return DeadLetter.objects.create(**ids, **{**values, **fields})


def settling_append(delivery: types.Delivery, *, subscription: str = "work") -> Append:
    """The append of one `Done`, with the position of its event, that settles a delivery."""
    id = next(EventIds(delivery.id))
    data = str(delivery.event.position).encode()
    done = {"id": id, "type": "Done", "data": data, "causation_id": delivery.event.id}
    return make_append(f"done-{delivery.key}", done, guards=(Settles(subscription, delivery.id),))


class Subscribe(Protocol):
    async def __call__(self, **fields: Any) -> Subscription: ...


class TakeFrom(Protocol):
    async def __call__(
        self, consumer: str = "one", *, limit: int = 100, wait: float = 0.2, request: str | None = None
    ) -> Sequence[types.Delivery]: ...


class Settle(Protocol):
    async def __call__(
        self, outcome: Outcome, *deliveries: types.Delivery, consumer: str | None = "one", **fields: Any
    ) -> list[Settled]: ...
