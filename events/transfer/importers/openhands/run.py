"""The events of a run, one by one."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid5

import msgspec

from events.appending.checks import new_event
from events.transfer.importers.base import Streamed
from events.transfer.importers.foreign import Notes, read_record, read_time
from events.transfer.importers.members import text, with_added
from events.transfer.importers.openhands.event import event_data, event_type, own_id

NAME = "openhands"
PREFIX = "openhands-"
_NAMESPACE = UUID("9b6c1f0e-7a0b-5c55-8f0e-2f6f2f1d8f31")
_EMPTY_VALUES = (b"null", b"false", b"0", b'""', b"[]", b"{}")

PlacedEvent = tuple[int | str, bytes]
"""An event's text and its place in the history: its index, and in a pair its index there (`3/1`)."""


@dataclass(slots=True)
class OpenHandsRun:
    """One run, and its events that could be read so far."""

    name: str
    last: str | None = None
    ids: dict[str, str] = field(default_factory=dict)
    """The ids of the log's events by the run's own ids. One of these may come twice: a cause means the later event."""

    def event(self, placed: PlacedEvent) -> Streamed:
        """Return an event of the history."""
        place, raw = placed
        event, notes = read_record(raw)
        key = own_id(event, "id")
        time, time_notes = read_time(event, "timestamp")
        stream, new = self._next(
            event_type(event),
            id=self._id(f"history[{place}]" if key is None or key in self.ids else key),
            data=event_data(event),
            metadata={"source": {"format": NAME, "index": place}, **time_notes, **notes},
            agent=text(event, "source") or None,
            caused_by=self.ids.get(own_id(event, "cause") or own_id(event, "action_id") or ""),
            occurred_at=time,
        )
        if key is not None:
            self.ids[key] = new.id
        return stream, new

    def end(self, raw: bytes) -> Streamed:
        """Return the last event, with all facts of a run beside its history."""
        facts, notes = read_record(raw)
        has_failed = bytes(facts.get("error", b"null")) not in _EMPTY_VALUES
        return self._next(
            "run.failed" if has_failed else "run.finished",
            id=self._id("end"),
            data=with_added(facts, {}),
            metadata={"source": {"format": NAME, "index": "end"}, **notes},
            agent="evaluation",
        )

    def _id(self, key: str) -> str:
        return str(uuid5(_NAMESPACE, f"{self.name}/{key}"))

    def _next(
        self,
        type: str,
        *,
        id: str,
        data: bytes,
        metadata: Notes,
        agent: str | None,
        caused_by: str | None = None,
        occurred_at: str | None = None,
    ) -> Streamed:
        stream = f"{PREFIX}{self.name}"
        event = new_event(
            stream,
            type,
            data=data,
            metadata=msgspec.json.encode(metadata),
            id=id,
            agent=agent,
            correlation_id=self.name,
            causation_id=caused_by or self.last,
            occurred_at=occurred_at,
        )
        self.last = event.id
        return stream, event
