"""The guard of the append that pauses or resumes: under the log's lock it decides if there is anything to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from events.appending.guards import Rights
from events.appending.names import LatestNames
from events.errors import EventsError
from events.pauses.target import Target
from events.query.match import Subject


class Unchanged(EventsError):
    """The target is paused already, since the event at a position; or it is not paused (None)."""

    code = "unchanged"
    status = 409

    def __init__(self, position: int | None) -> None:
        super().__init__(position=position)
        self.position = position


@dataclass(frozen=True)
class SetsPause:
    """Its append pauses a target, or ends the pause. It is refused if the target is so already."""

    kind: ClassVar[str] = "pause"
    sets_rules: ClassVar[bool] = True
    refusal: ClassVar[EventsError | None] = None
    needs_check: ClassVar[bool] = False
    terms: ClassVar[int] = 0
    reads: ClassVar[int] = 0
    target: Target
    pauses: bool

    def limited(self, rights: Rights) -> Self:
        return self

    def may_mind_names(self, names: LatestNames) -> bool:
        return False

    def may_mind(self, event: Subject) -> bool:
        return False

    def parameters(self, first: int, last: int, names: LatestNames | None) -> dict[str, object] | None:
        return {"kind": self.target.kind, "name": self.target.name, "pauses": self.pauses, "last": last}

    def error(self, refusal: Mapping[str, Any]) -> EventsError:
        return Unchanged(refusal["position"])
