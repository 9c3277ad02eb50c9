"""The settings of a subscription in the API: a body becomes settings, and settings an answer."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UnsetType

from events.api.subscription_schemas import BreakerIn, CircuitOut, OldestOut, SubscriptionIn, SubscriptionOut
from events.appending.checks import check_count, check_name
from events.models import BreakerState
from events.subscriptions import store
from events.subscriptions.breakers import Circuit
from events.subscriptions.settings import Settings, check_bounds, check_order, check_query
from events.subscriptions.store import Status

_DAY_SECONDS = 86_400.0
_MAX_OUTCOMES = 1_000
_CIRCUITS: dict[BreakerState, Literal["closed", "open", "half-open"]] = {
    BreakerState.CLOSED: "closed",
    BreakerState.OPEN: "open",
    BreakerState.HALF_OPEN: "half-open",
}


def start_of(body: SubscriptionIn) -> int | None:
    """Return the position after which a subscription begins, or `store.NOW`; None if the body does not say."""
    if isinstance(body.start, UnsetType):
        return None
    if isinstance(body.start, int):
        return check_count(body.start, "start", minimum=0)
    return 0 if body.start == "beginning" else store.NOW


def settings_of(body: SubscriptionIn) -> Settings:
    """Return the settings of a body.

    Raises:
        Invalid, InvalidQuery, NotForEvents
    """
    backoff = body.backoff
    pauses = {
        "first": check_bounds(backoff.first, "backoff.first", minimum=0, maximum=_DAY_SECONDS),
        "factor": check_bounds(backoff.factor, "backoff.factor", minimum=1, maximum=100),
        "most": check_bounds(backoff.most, "backoff.most", minimum=0, maximum=_DAY_SECONDS),
        "jitter": check_bounds(backoff.jitter, "backoff.jitter", minimum=0, maximum=1),
    }
    return Settings(
        check_query(body.q),
        check_order(body.order_by),
        check_bounds(body.ack_deadline, "ack_deadline", minimum=1, maximum=_DAY_SECONDS / 2),
        check_count(body.max_attempts, "max_attempts", minimum=1, maximum=100),
        pauses,
        check_count(body.max_in_flight, "max_in_flight", minimum=1, maximum=10_000),
        check_count(body.max_in_flight_per_consumer, "max_in_flight_per_consumer", minimum=1, maximum=10_000),
        body.when_exhausted == "pass",
        check_name(body.projection, "projection"),
        body.system,
        None if body.breaker is None else _breaker(body.breaker),
    )


def _breaker(body: BreakerIn) -> dict[str, float]:
    of = check_count(body.of, "breaker.of", minimum=1, maximum=_MAX_OUTCOMES)
    return {
        "failures": check_count(body.failures, "breaker.failures", minimum=1, maximum=of),
        "of": of,
        "minimum": check_count(body.minimum, "breaker.minimum", minimum=1, maximum=of),
        "pause": check_bounds(body.pause, "breaker.pause", minimum=1, maximum=_DAY_SECONDS),
    }


def subscription_out(status: Status, circuit: Circuit | None) -> SubscriptionOut:
    """Return what the API tells of a subscription."""
    settings = status.settings
    return SubscriptionOut(
        name=status.name,
        q=settings.query,
        order_by=settings.order_by,
        ack_deadline=settings.ack_deadline,
        max_attempts=settings.max_attempts,
        backoff=settings.backoff,
        max_in_flight=settings.max_in_flight,
        max_in_flight_per_consumer=settings.max_in_flight_per_consumer,
        when_exhausted="pass" if settings.passes_dead_letters else "hold",
        projection=settings.projection,
        breaker=None if settings.breaker is None else msgspec.convert(settings.breaker, BreakerIn),
        circuit=circuit_out(circuit),
        system=settings.with_system_events,
        start=status.start,
        generation=status.generation,
        paused=status.is_paused,
        pause_reason=status.pause_reason,
        head=status.head,
        read_to=status.read_to,
        floor=status.floor,
        behind=status.head - status.read_to,
        in_flight=status.in_flight,
        ready=status.ready,
        retrying=status.retrying,
        waiting=status.waiting,
        held=status.held,
        of_paused_workflows=status.of_paused_workflows,
        without_key=status.without_key,
        oldest_unsettled=_oldest_out(status),
        oldest_unsettled_at=status.oldest_unsettled_at,
    )


def _oldest_out(status: Status) -> OldestOut | None:
    recorded_at, age = status.oldest_unsettled_at, status.oldest_unsettled_age
    return None if recorded_at is None or age is None else OldestOut(status.floor + 1, recorded_at, round(age, 3))


def circuit_out(circuit: Circuit | None) -> CircuitOut | None:
    """Return what the API tells of a breaker, if there is one."""
    if circuit is None:
        return None
    return CircuitOut(
        _CIRCUITS[circuit.state], circuit.changed_at, circuit.until, circuit.failures, circuit.of, circuit.trial
    )
