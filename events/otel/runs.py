"""Which traces are mapped together, and when. Pure.

A run is a trace, or several that links tie. It is mapped when all its traces that hold something are due, so that it
is mapped as a whole; but no trace waits for others without end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

STREAM_PREFIX = "run-"
"""The beginning of the names of all streams of runs."""


@dataclass(frozen=True, slots=True)
class HeldTrace:
    """A trace of which pieces are held, or that is kept as context: then it is not due at any time.

    `is_due`: it is to be mapped, or only waits for the other traces of its run; `has_waited`: it did so long enough.
    """

    id: UUID
    due_at: datetime | None
    is_due: bool = False
    held_bytes: int = 0
    kept_bytes: int = 0
    mapped: int = 0
    has_waited: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """The traces of one run. `ids` are also those of traces that it is tied to, and of which nothing is there."""

    traces: Sequence[HeldTrace]
    ids: frozenset[UUID]

    @property
    def held(self) -> list[HeldTrace]:
        return [trace for trace in self.traces if trace.due_at is not None]

    @property
    def bytes(self) -> int:
        """The bytes of all its traces."""
        return sum(trace.held_bytes + trace.kept_bytes for trace in self.traces)

    def is_due(self, *, most_bytes: int) -> bool:
        """Whether to map it now: all its traces are due, one has waited long enough, or they hold too much."""
        if not any(trace.is_due for trace in self.traces):
            return False
        return (
            all(trace.is_due for trace in self.held)
            or any(trace.is_due and trace.has_waited for trace in self.traces)
            or sum(trace.held_bytes for trace in self.held) >= most_bytes
        )

    @property
    def due_at(self) -> datetime:
        """The time at which the last of its traces is due. (At least one is held.)"""
        return max(trace.due_at for trace in self.held if trace.due_at is not None)


def runs_of(traces: Sequence[HeldTrace], links: Iterable[tuple[UUID, UUID]]) -> list[Run]:
    """Return traces by the runs that links make of them, in the order of each run's first trace."""
    groups: dict[UUID, set[UUID]] = {trace.id: {trace.id} for trace in traces}
    for one, other in links:
        smaller, larger = sorted((groups.get(one, {one}), groups.get(other, {other})), key=len)
        larger |= smaller
        groups.update(dict.fromkeys(smaller | {one, other}, larger))
    runs: dict[int, list[HeldTrace]] = {}
    for trace in traces:
        runs.setdefault(id(groups[trace.id]), []).append(trace)
    return [Run(of_run, frozenset(groups[of_run[0].id])) for of_run in runs.values()]
