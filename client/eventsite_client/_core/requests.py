"""Requests as values: the method, the address, the body, and how the answer is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from eventsite_client._core import json
from eventsite_client._core.context import NOTHING, current
from eventsite_client._core.ids import new_id
from eventsite_client.types import (
    Append,
    Appended,
    Condition,
    HeldLease,
    Holding,
    NewEvent,
    Settles,
)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Request(Generic[T_co]):
    """One request, which may be sent any number of times: it does nothing the second time."""

    method: str
    path: str
    """The path after `/api`, with the query."""
    gives: type[T_co]
    """The type of the answer."""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    """The seconds that the server may take on purpose: a long poll."""
    ids: tuple[str, ...] = ()
    """The ids of the events that are appended."""
    takes_job: bool = False
    """A job is an answer. Else the request is sent again until the job is done."""


class Many(msgspec.Struct):
    """The answer to an append to several streams."""

    results: list[Result]


class Result(msgspec.Struct):
    """The answer to one of several appends."""

    status: int
    body: msgspec.Raw


def get(
    path: str, gives: type[T], *, wait: float = 0.0, headers: Mapping[str, str] | None = None, **params: object
) -> Request[T]:
    """Return a request that reads. With `wait`, the server may take so many seconds until something comes."""
    return Request("GET", address(path, {**params, "wait": wait or None}), gives, headers=headers or {}, wait=wait)


def address(path: str, params: Mapping[str, object]) -> str:
    """Return a path with its parameters. Those of None are left out, and so are empty texts."""
    query = urlencode([(name, value) for name, value in params.items() if value is not None and value != ""])
    return f"{path}?{query}" if query else path


def name_in_path(name: str) -> str:
    """Return a name as a part of a path. A name of dots would be taken for a relative path."""
    return quote(name, safe="") if name.strip(".") else name.replace(".", "%2E")


@dataclass(frozen=True, slots=True)
class Demands:
    """The demands of an append, or of several that are written together: all hold, or nothing is written."""

    conditions: Sequence[Condition] = ()
    leases: Sequence[HeldLease | Holding] = ()
    settles: Sequence[Settles] = ()

    def members(self) -> dict[str, Any]:
        """Return the members of the request."""
        members = {
            "if": list(self.conditions),
            "leases": [_held(lease) for lease in self.leases],
            "settles": list(self.settles),
        }
        return {name: value for name, value in members.items() if value}


def append(append: Append, demands: Demands) -> Request[Appended]:
    """Return the request that appends to one stream.

    Raises:
        ValueError: there are no events.
        TypeError, ValueError: JSON can't hold the data of an event.
    """
    events = completed(append.events, settles=demands.settles)
    body = json.encode({"events": events, **_own_demands(append), **demands.members()})
    path = f"/streams/{name_in_path(append.stream)}/events"
    return Request("POST", path, Appended, body, ids=ids_of(events))


def append_all(appends: Sequence[Append], demands: Demands) -> Request[Many]:
    """Return the request that appends to several streams, all or none. It raises the errors of `append()`."""
    if not appends:
        raise ValueError("There is nothing to append.")
    bodies: list[dict[str, Any]] = []
    ids: tuple[str, ...] = ()
    for each in appends:
        events = completed(each.events, settles=demands.settles)
        ids += ids_of(events)
        bodies.append({"stream": each.stream, "events": events, **_own_demands(each)})
    body = json.encode({"appends": bodies, "atomic": True, **demands.members()})
    return Request("POST", "/events", Many, body, ids=ids)


def completed(events: Sequence[NewEvent], *, settles: Sequence[Settles] = ()) -> list[NewEvent]:
    """Return the events with ids, and with what the current run gives them.

    The server makes the ids of events that settle a delivery: they are the same for each attempt.

    Raises:
        ValueError: there are no events.
    """
    if not events:
        raise ValueError("There is nothing to append.")
    return [_completed(each, has_id=not settles) for each in events]


def in_run(event: NewEvent) -> NewEvent:
    """Return an event with the agent, the workflow and the cause of the current run, where it has none of its own.

    Raises:
        TypeError: it is no event.
    """
    if not isinstance(event, NewEvent):
        raise TypeError(f"An event is a NewEvent, and no {type(event).__name__}.")
    run = current()
    if run is NOTHING:
        return event
    return msgspec.structs.replace(
        event,
        agent=event.agent or run.agent,
        correlation_id=event.correlation_id or run.workflow,
        causation_id=event.causation_id or run.cause,
    )


def _completed(event: NewEvent, *, has_id: bool) -> NewEvent:
    event = in_run(event)
    return msgspec.structs.replace(event, id=new_id()) if has_id and event.id is None else event


def ids_of(events: Iterable[NewEvent]) -> tuple[str, ...]:
    """Return the ids that events have."""
    return tuple(event.id for event in events if event.id is not None)


def _own_demands(append: Append) -> dict[str, Any]:
    members = {
        "expected_version": None if append.expected_version == "any" else append.expected_version,
        "read_position": append.read_position,
        "idempotency_key": append.idempotency_key,
    }
    return {name: value for name, value in members.items() if value is not None}


def _held(lease: HeldLease | Holding) -> dict[str, Any]:
    grant = lease if isinstance(lease, HeldLease) else lease.held
    kind, _, name = grant.lease.partition(":")
    return {kind: name, "token": grant.token}
