"""The traces that are mapped together, and the time of it. Pure.

A run is a trace, or several that links tie. It is mapped when all its traces that hold something are due, so that it
is mapped as a whole; but no trace waits for others without end.
"""

from __future__ import annotations

from collections import defaultdict
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
    `pieces` is the number of its last piece, `mapped` that of the last one that was mapped.
    """

    id: UUID
    due_at: datetime | None
    is_due: bool = False
    held_bytes: int = 0
    kept_bytes: int = 0
    pieces: int = 0
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
    parents: dict[int, int] = {}
    tied: dict[int, UUID] = {}
    for one, other in links:
        tied[one.int], tied[other.int] = one, other
        parents[_root(one.int, parents)] = _root(other.int, parents)
    ids: defaultdict[int, set[UUID]] = defaultdict(set)
    for number, id in tied.items():
        ids[_root(number, parents)].add(id)
    runs: defaultdict[int, list[HeldTrace]] = defaultdict(list)
    for trace in traces:
        runs[_root(trace.id.int, parents)].append(trace)
    return [Run(of_run, frozenset(ids[root] | {trace.id for trace in of_run})) for root, of_run in runs.items()]


def _root(id: int, parents: dict[int, int]) -> int:
    """Return the number that stands for the run of a trace. The way to it is made shorter for the next time.

    (A `UUID` computes its hash in Python, each time.)
    """
    while (parent := parents.setdefault(id, id)) != id:
        parents[id] = parents[parent]
        id = parent
    return id
