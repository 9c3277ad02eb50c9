"""The base of all participants: they read the log, and append events with their causes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from uuid import UUID, uuid5

from events.api.schemas import EventOut
from events.client import Api
from events.models import Scope
from eventsite.demo.stage import Stage
from eventsite.demo.world import World

NAMESPACE = UUID("0f0b6d0e-6a5f-5f0c-9d59-3f5b8f3a2c11")
POLL_SECONDS = 0.25
"""The simulated time between two reads of the log."""


class Cause(Protocol):
    """An event that causes others: read from the log, or just appended."""

    @property
    def id(self) -> str: ...
    @property
    def correlation_id(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class AppendedEvent:
    """An event that has just been appended."""

    id: str
    correlation_id: str
    position: int
    data: dict[str, Any]
    is_repeated: bool
    """Whether the event was in the log already, from a run that was cut off."""


class Actor:
    """A participant with one name and one token. It remembers nothing that it could not read again."""

    name: ClassVar[str]
    service: ClassVar[str]
    """Its program and version, for the metadata."""
    scopes: ClassVar[tuple[Scope, ...]] = (Scope.APPEND, Scope.READ)
    """The scopes of its token."""

    def __init__(self, stage: Stage, api: Api, world: World, shift: int) -> None:
        self.stage = stage
        self.world = world
        self.shift = shift
        self.since: int | None = None
        """The position of the event that opened this shift: earlier events belong to others."""
        self.read_to: int | None = None
        """The position up to which it has read the log, on which its next event is based."""
        self.api = api

    @property
    def diary(self) -> str:
        """The stream of events about the actor itself."""
        return f"agent-{self.name}"

    async def find_shift(self) -> EventOut:
        [opening] = await self.look(after=None, stream=f"shift-{self.shift}", type=["shift.opened"])
        self.since = opening.position
        return opening

    async def look(self, **query: object) -> list[EventOut]:
        """Return this shift's events, up to the last one that an actor on the stage has written.

        The bound makes a shift repeatable: if it is played again into the same log, each actor sees at every moment the
        same events as the first time, and no later ones.
        """
        events = await self.api.events(**{"after": self.since} | query, before=self.stage.head + 1)
        self.read_to = self.stage.head
        return [event for event in events if event.metadata.get("shift") == self.shift]

    async def say(
        self,
        stream: str,
        type: str,
        data: dict[str, Any],
        *,
        cause: Cause | None,
        workflow: str | None = None,
        expected_version: int | str = "any",
        tags: Sequence[str] = (),
        **guards: object,
    ) -> AppendedEvent:
        """Append an event. Without `workflow` it belongs to the workflow of its cause; `guards` are those of an append.

        The id comes from the stream, the type and the cause: an actor that reacts to one event twice appends it once.
        """
        workflow = workflow or (cause and cause.correlation_id) or f"shift-{self.shift}"
        id = str(uuid5(NAMESPACE, f"{self.shift}/{stream}/{type}/{cause.id if cause else ''}"))
        event = {
            "id": id,
            "type": type,
            "data": data,
            "metadata": {"shift": self.shift, "service": self.service},
            "correlation_id": workflow,
            "causation_id": cause.id if cause else None,
            "occurred_at": self.stage.clock,
            "tags": tags,
        }
        outcome = await self.api.append(
            stream, event, expected_version=expected_version, read_position=self.read_to, **guards
        )
        self.stage.head = max(self.stage.head, outcome.last_position)
        return AppendedEvent(id, workflow, outcome.last_position, data, outcome.replayed)


def state_of(events: Iterable[EventOut]) -> dict[str, Any]:
    """Return the last value of each key in the events of a stream."""
    state: dict[str, Any] = {}
    for event in events:
        state |= event.data
    return state
