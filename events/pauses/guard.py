"""The guard of the append that pauses or resumes: under the log's lock it decides if there is anything to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from events.appending.guards import DatabaseGuard
from events.appending.names import LatestNames
from events.errors import EventsError
from events.pauses.target import Target


class Unchanged(EventsError):
    """The target is paused already, since the event at a position; or it is not paused (None)."""

    code = "unchanged"
    status = 409

    def __init__(self, position: int | None) -> None:
        super().__init__(position=position)
        self.position = position


@dataclass(frozen=True)
class SetsPause(DatabaseGuard):
    """Its append pauses a target, or ends the pause. It is refused if the target is so already."""

    kind: ClassVar[str] = "pause"
    sets_rules: ClassVar[bool] = True
    target: Target
    pauses: bool

    def parameters(self, first: int, last: int, names: LatestNames | None) -> dict[str, object] | None:
        return {"kind": self.target.kind, "name": self.target.name, "pauses": self.pauses, "last": last}

    def error(self, refusal: Mapping[str, Any]) -> EventsError:
        return Unchanged(refusal["position"])
