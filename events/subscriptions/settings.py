"""The settings of a subscription, checked; and what is stored of them."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from events.appending.checks import check_name
from events.errors import Invalid
from events.json import pointer
from events.models import OrderBy
from events.query.parse import events_query
from events.subscriptions.errors import NoSuchSubscription
from events.subscriptions.keys import MAX_KEY_CHARACTERS

_NAME = re.compile(r"[a-z0-9-]{1,63}", re.ASCII)
Start = Literal["beginning", "now"] | int


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a subscription, as its row has them."""

    query: str
    order_by: str
    ack_deadline: float
    max_attempts: int
    backoff: dict[str, float]
    max_in_flight: int
    max_in_flight_per_consumer: int
    passes_dead_letters: bool
    projection: str
    with_system_events: bool
    breaker: dict[str, float] | None = None

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


def check_subscription_name(name: str, field: str = "name") -> str:
    """Return the name of a subscription."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"{field} must have 1 to 63 of a-z, 0-9 and -, as the name of a subscription.", field=field)
    return name


def check_known_name(name: str) -> None:
    """Raise an error for a name that no subscription can have, before the database is asked.

    Raises:
        NoSuchSubscription
    """
    if not _NAME.fullmatch(name):
        raise NoSuchSubscription(f"There is no subscription {name!r}.")


def check_bounds(value: float, field: str, *, minimum: float, maximum: float) -> float:
    """Return a number within its bounds."""
    if math.isfinite(value) and minimum <= value <= maximum:
        return value
    raise Invalid(f"{field} must be from {minimum:g} to {maximum:g}.", field=field, limit=maximum)


def check_query(text: str) -> str:
    """Return the query of a subscription. It may not count a time from now: it would mean another time at each event.

    Raises:
        InvalidQuery, NotForEvents, Invalid
    """
    query = events_query(text, datetime.now(UTC))
    if query != events_query(text, datetime(2000, 1, 1, tzinfo=UTC)):
        raise Invalid("q counts a time from now; give the time itself, such as since:2026-01-31T12:00Z.", field="q")
    return text


def check_order(order_by: str) -> str:
    """Return what events are ordered by: an `OrderBy`, or a JSON Pointer into data."""
    if order_by in list(OrderBy):
        return order_by
    if pointer.is_below(order_by) and len(order_by) <= MAX_KEY_CHARACTERS:
        return check_name(order_by, "order_by", limit=MAX_KEY_CHARACTERS)
    kinds = ", ".join(OrderBy)
    detail = f"order_by must be {kinds}, or a JSON Pointer into data, such as /order/id; in a key, ~ is ~0 and / is ~1."
    raise Invalid(detail, field="order_by")
