"""The events or the state that a decision rests on, and the append that is written only if they still hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eventsite_client._core.paging import LogReading, StreamReading
from eventsite_client._core.queries import stream_term
from eventsite_client._core.requests import Demands, Many, Request, append, append_all, get, name_in_path
from eventsite_client.errors import ProjectionFailed
from eventsite_client.types import (
    Append,
    Appended,
    Condition,
    Event,
    ExpectedVersion,
    HeldLease,
    Holding,
    NewEvent,
    Stale,
    State,
)


def is_behind(stale: Stale) -> bool:
    """Return whether a projection reaches the newest events by itself, in a moment."""
    return stale.reason == "behind"


@dataclass(slots=True)
class Basis:
    """The events or the state that the rounds so far have read. Each round reads on from the one before."""

    stream: str
    q: str | None
    projection: str | None
    leases: Sequence[HeldLease | Holding]
    events: list[Event] = field(default_factory=list)
    value: Any = None
    version: int = 0
    """The version of the stream up to which it was read; 0 for a query."""
    read_position: int = 0
    """The position of the log up to which it was read."""

    def __post_init__(self) -> None:
        if self.q is not None and self.projection is not None:
            raise ValueError(
                "A decision rests on the events of a query (`q`), or on a state (`projection`), not on both."
            )

    def state_request(self, wait_for_position: int | None = None) -> Request[State]:
        """Return the request for the state by the projection."""
        path = f"/projections/{name_in_path(self.projection or '')}/state"
        return get(path, State, key=self.stream, wait_for_position=wait_for_position)

    def log_reading(self) -> LogReading:
        """Return the reading of what is new of the query."""
        q = self.q or ""
        return LogReading(q, after=self.read_position, before=None, backward=False, limit=None, read_as="stored")

    def stream_reading(self) -> StreamReading:
        """Return the reading of what is new in the stream."""
        return StreamReading(
            self.stream, q="", from_version=self.version + 1, backward=False, limit=None, read_as="stored"
        )

    def take_state(self, state: State) -> None:
        """Take the state of this round.

        Raises:
            ProjectionFailed: it does not include an event, as the projection raised.
            ValueError: the keys of the projection are not streams.
        """
        if state.stale is not None and not is_behind(state.stale):
            reason = f"{state.projection} has no state of {self.stream!r} to decide on: {state.stale.reason}"
            raise ProjectionFailed(f"{reason} ({state.stale.error}).", code="stands-still")
        if state.version is None:
            raise ValueError(f"{state.projection} has no states of streams, so none that a version can guard.")
        self.value, self.version, self.read_position = state.value, state.version, state.position

    def take_log(self, reading: LogReading, events: list[Event]) -> None:
        """Take what is new of the query."""
        self.events += events
        self.read_position = reading.read_position

    def take_stream(self, reading: StreamReading, events: list[Event]) -> None:
        """Take what is new in the stream."""
        self.events += events
        self.version, self.read_position = max(self.version, reading.version), reading.read_position

    def append_request(self, drafts: Mapping[str, list[NewEvent]]) -> Request[Appended | Many]:
        """Return the append of events to streams that is refused if the basis holds no longer.

        It gives `Appended`, or `Many` if other streams are among them.
        """
        guards = Demands(conditions=self._conditions(drafts), leases=self.leases)
        appends = [
            Append(
                stream=stream,
                events=tuple(events),
                expected_version=self._expected_version(stream),
                read_position=self.read_position,
            )
            for stream, events in drafts.items()
        ]
        return append(appends[0], guards) if list(drafts) == [self.stream] else append_all(appends, guards)

    def _expected_version(self, stream: str) -> ExpectedVersion:
        return self.version if self.q is None and stream == self.stream else "any"

    def _conditions(self, drafts: Mapping[str, list[NewEvent]]) -> list[Condition]:
        if self.q is not None:
            return [Condition(q=self.q, none_after=self.read_position)]
        # An expected version guards a stream to which events are appended. Else a condition does.
        return [] if self.stream in drafts else [Condition(q=stream_term(self.stream), none_after=self.read_position)]
