"""Where a state's events come from: an index of the log, the keys that the runner keeps, or the whole log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from django.db.models import Q

from events import store
from events.store import Read
from events.types import Event
from projections.types import AGENT, LOG, STREAM, WORKFLOW, Key, Projection, decode

Kind: TypeAlias = Literal["stream", "workflow", "agent", "log", "key"]

_KINDS: dict[str, Kind] = {STREAM.name: "stream", WORKFLOW.name: "workflow", AGENT.name: "agent", LOG.name: "log"}
_BY_INDEX: tuple[Key, ...] = (STREAM, WORKFLOW, AGENT, LOG)


@dataclass(frozen=True, slots=True)
class Source:
    """The events of one key, in order. A place in them is a version of a stream, else a position of the log."""

    kind: Kind
    name: str

    def read(self, log_id: int, *, after: int, upto: int, limit: int) -> Read[Event]:
        """The next events behind a place. Of a stream even beyond the position `upto`: its index is by version."""
        if self.kind == "stream":
            return store.stream_events(log_id, self.name, from_version=after + 1, limit=limit)
        return store.events(log_id, self._condition, after=after, before=upto + 1, limit=limit)

    def place(self, event: Event) -> int:
        """Where an event stands in this source."""
        return event.version if self.kind == "stream" else event.position

    def takes(self, projection: Projection, event: Event) -> bool:
        """Whether a projection folds an event that was read from here. What the key makes of it may raise."""
        return projection.reads(event) and (self.kind != "key" or self.name in projection.key.keys(decode(event)))

    @property
    def _condition(self) -> Q:
        match self.kind:
            case "workflow":
                return Q(correlation_id=self.name)
            case "agent":
                return Q(agent=self.name)
            case _:
                return Q()


def source_of(projection: Projection, key: str) -> Source:
    """The source of a projection's state under a key. Without an index by that key it is the log, looked through."""
    indexed = projection.key in _BY_INDEX
    return Source(_KINDS[projection.key.name] if indexed else "key", key)
