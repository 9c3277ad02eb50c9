"""The parked keys of materialised projections, by fault, beside the dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from projections.materialise import parked_keys
from projections.materialise.parked_keys import Fault, ParkedKey, Selection

ROWS = 50


@dataclass(frozen=True, slots=True)
class ParkedGroup:
    """The keys of a projection's live build that one fault stopped."""

    projection: str
    build: int
    fault: Fault

    @property
    def id(self) -> str:
        """The id of the group in addresses: it stays the same from build to build."""
        fault = sha256(f"{self.fault.kind}\x1f{self.fault.place}".encode()).hexdigest()[:16]
        return f"{self.projection}:parked:{fault}"

    @property
    def message(self) -> str:
        """The message of one of the errors, without its kind."""
        return self.fault.error.partition(": ")[2]


def parked_groups(log_id: int, state: str) -> list[ParkedGroup]:
    """Return the groups in a state: keys are `undecided`, or `retrying`; what was decided leaves nothing behind."""
    groups = [ParkedGroup(*row) for row in parked_keys.faults_in_log(log_id)]
    if state == "undecided":
        return [group for group in groups if group.fault.keys > group.fault.retried_count]
    return [group for group in groups if group.fault.retried_count] if state == "retrying" else []


def keys_of(log_id: int, group: ParkedGroup) -> list[ParkedKey]:
    """Return the first keys of a group, by name."""
    selection = Selection(kind=group.fault.kind, place=group.fault.place)
    return parked_keys.parked(log_id, group.projection, group.build, selection=selection, limit=ROWS)
