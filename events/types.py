"""The values of the log, and of appends to it: frozen, without Django.

Values that come by the ten thousand are structs of msgspec: a frozen dataclass takes 1.4 µs to make, as long as psycopg
takes to read its row, and a struct 0.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

ANY_VERSION = None
"""Expected version `any`: append at any version of the stream."""
NO_STREAM = 0
"""Expected version `no_stream`: the stream has no event yet."""
STREAM_EXISTS = -1
"""Expected version `stream_exists`: the stream has at least one event."""
REDACTED = "event.redacted"
"""The type of an event that records the redaction of another."""


class Event(Struct, frozen=True, gc=False):
    """One recorded event.

    `position` is its place in the log and `version` its place in the stream; both count from 1 without gaps. `data` and
    `metadata` are JSON *text*, exactly the value that was sent: parse them with `parse_float=Decimal` or splice them
    into an answer as they are. `expected_version` (None: any, -1: stream_exists) and `read_position` say how far the
    writer had read. `tags` is None if the event has none.
    """

    position: int
    stream: str
    version: int
    id: str
    type: str
    data: str
    metadata: str
    agent: str | None
    schema_version: int
    correlation_id: str | None
    causation_id: str | None
    occurred_at: datetime | None
    recorded_at: datetime
    expected_version: int | None = None
    read_position: int | None = None
    tags: Sequence[str] | None = None

    @property
    def at(self) -> datetime:
        """The time for display and filters: the agent's clock if it was sent, else the server's."""
        return self.occurred_at or self.recorded_at

    @property
    def size(self) -> int:
        """The size of data and metadata in bytes."""
        return _bytes(self.data) + _bytes(self.metadata)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def category_of(stream: str) -> str | None:
    """Return the part of a stream's name before the first `-`; None if there is none."""
    category, dash, _ = stream.partition("-")
    return category if dash and category else None


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """One stream as a list shows it; `version` is also the number of its events."""

    name: str
    version: int
    last_position: int

    @property
    def category(self) -> str | None:
        return category_of(self.name)


@dataclass(frozen=True, slots=True)
class WorkflowInfo:
    """One workflow as a list shows it. `agents` holds twenty at the most.

    `first_at` and `last_at` are of one clock: the agents', or the server's if they sent no times. A duration between
    two clocks would mean nothing.
    """

    correlation_id: str
    first_position: int
    last_position: int
    events: int
    first_recorded_at: datetime
    last_recorded_at: datetime
    first_occurred_at: datetime | None
    last_occurred_at: datetime | None
    agents: tuple[str, ...]

    @property
    def first_at(self) -> datetime:
        return self.first_occurred_at or self.first_recorded_at

    @property
    def last_at(self) -> datetime:
        return self.last_occurred_at or self.last_recorded_at

    @property
    def took(self) -> timedelta:
        return self.last_at - self.first_at

    @property
    def has_clock(self) -> bool:
        """Whether its times say how long it took.

        They do not where several events were recorded at one moment, as an import does, and none has a time of
        its own.
        """
        return self.events == 1 or self.first_occurred_at is not None or self.took > timedelta()


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The position of the event before or after another along its `stream`, `workflow`, `agent` or `type`."""

    along: str
    position: int


@dataclass(frozen=True, slots=True)
class Moment:
    """The type and the time of the event at a position."""

    position: int
    type: str
    at: datetime


class NewEvent(Struct, frozen=True, gc=False):
    """An event that has been checked and is ready to be appended.

    `data` and `metadata` are JSON text; `occurred_at` is ISO 8601 in UTC. `digest` (32 bytes) stands for the content:
    two events with the same digest have the same content.
    """

    id: str
    type: str
    data: str
    metadata: str
    agent: str | None
    schema_version: int
    correlation_id: str | None
    causation_id: str | None
    occurred_at: str | None
    digest: bytes
    tags: tuple[str, ...] = ()

    def recorded(self, stream: str, *, position: int, version: int, recorded_at: datetime) -> Event:
        """Return the event as the log has it at a place in a stream. Its `expected_version` is left out."""
        return Event(
            position=position,
            stream=stream,
            version=version,
            id=self.id,
            type=self.type,
            data=self.data,
            metadata=self.metadata,
            agent=self.agent,
            schema_version=self.schema_version,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            occurred_at=None if self.occurred_at is None else datetime.fromisoformat(self.occurred_at),
            recorded_at=recorded_at,
            tags=self.tags,
        )


@dataclass(frozen=True, slots=True)
class Append:
    """Events for one stream, appended all or none.

    `expected_version` is `ANY_VERSION`, `NO_STREAM`, `STREAM_EXISTS` or the version that the
    stream must have. `fingerprint` (32 bytes) is the hash of the content that `idempotency_key` covers. `guards` (of
    `appending/guards.py`) say what must hold besides.
    """

    stream: str
    events: tuple[NewEvent, ...]
    expected_version: int | None = ANY_VERSION
    idempotency_key: str | None = None
    fingerprint: bytes | None = None
    read_position: int | None = None
    guards: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Appended:
    """The places of an append's events: `ids[i]` is at `first_position + i`, version `first_version + i`."""

    stream: str
    ids: Sequence[str]
    first_position: int
    first_version: int
    replayed: bool = False

    @property
    def last_position(self) -> int:
        return self.first_position + len(self.ids) - 1

    @property
    def version(self) -> int:
        return self.first_version + len(self.ids) - 1


@dataclass(frozen=True, slots=True)
class LogInfo:
    """A log's name, and the position of its last event (0: none yet)."""

    id: int
    name: str
    head: int
