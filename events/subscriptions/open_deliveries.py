"""The deliveries that matter to an agent that goes on with a workflow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from events.models import DeliveryState
from events.reading import store
from events.reading.statement import Statement
from events.sql import resume
from events.subscriptions.types import DeliveryId
from events.types import Event

_MOST_LOOKED_AT = 1_000
"""Most deliveries of a subscription that are looked at: those in flight or retrying, and those ready or held.

So many of the workflow's newest events are looked at, too, whether they wait.
"""
_OPEN_DELIVERIES = resume.OPEN_DELIVERIES.format(columns=store.EVENT_COLUMNS)


@dataclass(frozen=True, slots=True)
class OpenDelivery:
    """The first unsettled event of a key in a subscription, and its last attempt.

    `id` is None if it is not in flight. `waiting` is the number of later events that wait for it. `state` is None if it
    is not the first one: it waits itself, for an event of another workflow.
    """

    subscription: str
    stream_prefix: str
    id: DeliveryId | None
    key: str | None
    attempt: int
    state: DeliveryState | None
    due: datetime | None
    consumer: str | None
    agent: str | None
    waiting: int
    event: Event


def open_deliveries(log_id: int, workflow: str, *, agent: str | None, room: int, limit: int) -> Statement[OpenDelivery]:
    """Return the deliveries that an agent took last, and those of a workflow's events, in order.

    With them are the workflow's events that wait for an event of another one.
    """
    of = {"log_id": log_id, "workflow": workflow, "agent": agent}
    params = {**of, "room": room, "limit": limit, "most": _MOST_LOOKED_AT}
    return Statement(_OPEN_DELIVERIES, params, _open_delivery)


def is_looked_through(log_id: int, workflow: str) -> Statement[bool]:
    """Return whether `open_deliveries` looks at every delivery of the log, and knows which of the events wait."""
    params = {"log_id": log_id, "workflow": workflow, "most": _MOST_LOOKED_AT}
    return Statement(resume.IS_LOOKED_THROUGH, params, bool)


def _open_delivery(
    number: int,
    generation: int,
    name: str,
    stream_prefix: str,
    key: str | None,
    attempt: int,
    state: int | None,
    due: datetime | None,
    token: UUID | None,
    consumer: str | None,
    agent: str | None,
    waiting: int,
    *values: Any,
) -> OpenDelivery:
    event = Event(*values)
    is_in_flight = state == DeliveryState.IN_FLIGHT and token is not None
    id = DeliveryId(number, generation, event.position, token) if is_in_flight and token else None
    taker = (consumer, agent)
    state_now = None if state is None else DeliveryState(state)
    return OpenDelivery(name, stream_prefix, id, key, attempt, state_now, due, *taker, waiting, event)
