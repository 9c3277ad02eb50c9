"""The parked keys of materialised projections, by fault, beside the dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from events.reading.db_work import DbWork
from projections.dead_letters.parked import Parked, ParkedSelection, parked
from projections.materialise import parked_keys
from projections.materialise.parked_keys import Fault

ROWS = 50


@dataclass(frozen=True, slots=True)
class ParkedGroup:
    """The keys of a projection's live build that one fault stopped."""

    projection: str
    build: int
    fault: Fault

    @property
    def fault_digest(self) -> str:
        """The digest by which decisions name the fault: it stays the same from build to build."""
        return sha256(f"{self.fault.kind}\x1f{self.fault.place}".encode()).hexdigest()[:16]

    @property
    def id(self) -> str:
        return f"{self.projection}:parked:{self.fault_digest}"

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


def keys_of(log_id: int, group: ParkedGroup) -> DbWork[Sequence[Parked]]:
    """The first keys of a group, by name."""
    selection = ParkedSelection(projection=group.projection, fault=group.fault_digest)
    return (yield from parked(log_id, selection, limit=ROWS)).keys
