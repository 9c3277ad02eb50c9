"""The breakers of subscriptions and of their consumers, as the database keeps them (`events/sql/judge_breaker.sql`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from events.models import BreakerState
from events.reading.statement import Statement
from events.sessions import Pool
from events.sql import subscription_consumers as sql

ALL = ""
"""The consumer of the breaker of a subscription as a whole."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """The state of a breaker, since a time.

    An open one stays so `until` a time. `failures` counts those among the `of` last deliveries; of one that is not
    closed, among those that opened it. `trial` is the position of the event that a half-open one lets through.
    """

    number: int
    consumer: str
    state: BreakerState
    changed_at: datetime
    until: datetime | None
    failures: int
    of: int
    trial: int | None


def circuits(log_id: int, number: int | None = None, consumer: str | None = None) -> Statement[Circuit]:
    """Return the circuits of a log, or of one subscription; of all consumers, or of one, which may be `ALL`."""
    return Statement(sql.CIRCUITS, {"log_id": log_id, "number": number, "consumer": consumer}, _circuit)


async def circuits_of_consumers(pool: Pool, log_id: int, number: int) -> Mapping[str, Circuit]:
    """Return the circuits of the consumers of a subscription, by their names; its own is that of `ALL`."""
    return {each.consumer: each for each in await circuits(log_id, number).afetch(pool)}


async def circuits_of_subscriptions(pool: Pool, log_id: int, number: int | None = None) -> Mapping[int, Circuit]:
    """Return the circuits of one or all subscriptions of a log as a whole, by their numbers."""
    return {each.number: each for each in await circuits(log_id, number, ALL).afetch(pool)}


def _circuit(
    number: int,
    consumer: str,
    state: int,
    changed_at: datetime,
    until: datetime | None,
    failures: int,
    of: int,
    trial: int | None,
) -> Circuit:
    return Circuit(number, consumer, BreakerState(state), changed_at, until, failures, of, trial)
