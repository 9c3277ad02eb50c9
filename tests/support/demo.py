"""The story of the demo, as the database has it."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from events.client import ClientError, Transport
from events.models import Event, Log

AGENTS = {"router", "optimizer", "notifier", "pricing"}


@dataclass(frozen=True)
class Played:
    """A finished run: its log, to be read only, and the bodies of the requests that its actors sent."""

    log: Log
    bodies: list[bytes]


@dataclass(frozen=True)
class Told:
    """An event as the database has it. Its position, and the one that its writer had read to, count the story alone."""

    position: int
    stream: str
    version: int
    id: str
    type: str
    data: dict[str, Any]
    metadata: dict[str, Any]
    agent: str
    correlation_id: str
    causation_id: str | None
    since: timedelta | None
    """The time from the first event to this one."""
    expected_version: int | None
    read_position: int | None
    tags: list[str]


def read_story(log: Log) -> list[Told]:
    """The events of the demo's actors. Those of the server stand between them, now here and now there."""
    rows = list(Event.objects.filter(log=log).exclude(stream__startswith="eventsite-").order_by("position"))
    places = [row.position for row in rows]
    first_time = rows[0].occurred_at if rows else None
    return [
        Told(
            position=number,
            stream=row.stream,
            version=row.version,
            id=row.id,
            type=row.type,
            data=json.loads(row.data),
            metadata=json.loads(row.metadata),
            agent=row.agent or "",
            correlation_id=row.correlation_id or "",
            causation_id=row.causation_id,
            since=row.occurred_at - first_time if row.occurred_at and first_time else None,
            expected_version=row.expected_version,
            read_position=None if row.read_position is None else bisect_right(places, row.read_position),
            tags=row.tags or [],
        )
        for number, row in enumerate(rows, 1)
    ]


def only(story: list[Told], type: str, stream: str | None = None) -> Told:
    [event] = [event for event in story if event.type == type and stream in (None, event.stream)]
    return event


def in_stream(story: list[Told], stream: str) -> list[str]:
    return [event.type for event in story if event.stream == stream]


def lost_updates(story: list[Told]) -> list[tuple[Told, Told, str]]:
    """Two agents write one key of one stream; the second had not read the first's write, and checked nothing."""
    pairs = []
    writers: dict[tuple[str, str], Told] = {}
    for event in story:
        for key in event.data:
            first = writers.get((event.stream, key))
            unseen = first and event.expected_version is None and (event.read_position or 0) < first.position
            if first and unseen and first.agent != event.agent:
                pairs.append((first, event, key))
            writers[event.stream, key] = event
    return pairs


def server_events(log: Log, stream: str) -> list[tuple[str, str, Any]]:
    """The events of a stream of the server: type, agent and data."""
    rows = Event.objects.filter(log=log, stream=f"eventsite-{stream}").order_by("position")
    return [(row.type, row.agent or "", json.loads(row.data)) for row in rows]


def cut_off(transport: Transport, *, after: int) -> Transport:
    appends_left = after

    async def send(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        nonlocal appends_left
        if method == "POST" and not appends_left:
            raise ClientError("cut off")
        appends_left -= method == "POST"
        return await transport(method, path, body, token)

    return send
