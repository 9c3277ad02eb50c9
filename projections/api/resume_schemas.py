"""The bodies of the read with which an agent goes on with a workflow."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from events.api.lease_schemas import HeldLeaseOut
from events.api.names import documented
from events.api.pause_schemas import PauseOut
from events.api.query_schemas import LogQuery, NameText
from events.api.schemas import EventOut

MAX_LISTED = 100
DeliveryStateName = Literal["ready", "in-flight", "retrying", "held", "paused", "waiting"]


class ResumeQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """The agent that goes on with the workflow."""

    agent: (
        Annotated[NameText, Meta(description="Whose deliveries, leases and pause are told, besides the workflow's")]
        | None
    ) = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LISTED, description="Most entries of each list")] = MAX_LISTED


class LifecycleOut(Struct):
    """The state of the workflow by the projection `lifecycle`."""

    state: Annotated[str, documented("`Idle`, `Processing`, `AwaitingInput`, `Completed` or `Failed`")]
    agent_state: Annotated[str | None, documented("What the agent is doing in it; null if it has done nothing")]
    events: Annotated[int, documented("The number of the workflow's events")]


class EffectOut(Struct):
    """An event that an event caused."""

    position: int
    stream: str
    type: str
    agent: str | None


class UnfinishedOut(Struct):
    """Work that was begun, and has no outcome."""

    work: Annotated[str, documented("Its stream, and the word that its types begin with unless that is the category")]
    state: Annotated[str, documented("`Processing` or `AwaitingInput`")]
    event: Annotated[EventOut, documented("The event that began it: its data have what is needed to go on")]
    effects: Annotated[list[EffectOut], documented("The last events that name it as their cause; up to 20")]


class OpenDeliveryOut(Struct):
    """An event that a subscription has not settled: the first one of its key, or it waits for another workflow's."""

    subscription: str
    delivery: Annotated[
        str | None,
        documented("Its id, if it is in flight with the agent, and the token may take from the subscription"),
    ]
    state: DeliveryStateName
    key: str | None
    attempt: Annotated[int, documented("The number of the last attempt; 0: there was none")]
    due: Annotated[datetime | None, documented("The deadline, or the time of the next attempt")]
    consumer: Annotated[str | None, documented("Who took it last")]
    agent: Annotated[str | None, documented("The agent as which it was taken last")]
    waiting: Annotated[int, documented("Later events that wait for it")]
    event: EventOut


class WorkflowStandingOut(Struct):
    """Where a workflow stands. All of it is true at `position`."""

    workflow: str
    agent: str | None
    position: Annotated[int, documented("The log's head when everything here was read, in one transaction")]
    lifecycle: LifecycleOut
    last_event: Annotated[
        EventOut | None, documented("The agent's last of the newest 1,000 events; the workflow's, without an agent")
    ]
    unfinished: Annotated[list[UnfinishedOut], documented("Begun and not finished: by the agent, then by others")]
    unfinished_count: Annotated[int, documented("Of all, also of those that are not listed")]
    deliveries: Annotated[
        list[OpenDeliveryOut], documented("Of the workflow's events, and those that the agent took; in order")
    ]
    has_all_deliveries: Annotated[bool, documented("Of the events that the subscriptions have read")]
    leases: Annotated[list[HeldLeaseOut], documented("The workflow's, and those of the agent")]
    pauses: Annotated[list[PauseOut], documented("Of the workflow and of the agent; empty: nothing is refused")]


STRUCTS = (WorkflowStandingOut,)
