"""The rule that a log demands leases: an append about certain workflows, streams or types needs one.

It holds exactly from its event's position on, in every process (docs/decisions/0014). The server's own events need no
lease, and neither does an import.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import ClassVar

from events import sql
from events.appending.checks import check_name
from events.appending.connection import Connection
from events.appending.guards import DatabaseGuard
from events.appending.names import LatestNames
from events.appending.plan import Refusal
from events.appending.writer import Writer
from events.errors import EventsError, LeaseNeeded
from events.leases.guards import Holds
from events.leases.lease import Lease
from events.server_events import server_append
from events.system_streams import PREFIX, is_system
from events.types import Append

_SUBJECT = "lease-demands"
STREAM = f"{PREFIX}{_SUBJECT}"
"""The stream of the events that set what a log demands."""
DEMANDED = "leases.demanded"


@dataclass(frozen=True, slots=True)
class Demands:
    """The appends of a log that need a lease.

    With `workflows`, an event of a workflow needs the workflow's lease. A stream whose name begins with one of
    `streams` needs its own. An event of one of `types` needs that of its stream or of its workflow.
    """

    workflows: bool = False
    streams: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    def refusal(self, append: Append) -> EventsError | None:
        """Return the error of an append without a lease that it needs. Its guards say whether it holds those it has."""
        if is_system(append.stream):
            return None
        held = {guard.lease for guard in append.guards if isinstance(guard, Holds)}
        missing = next((leases for leases in self._needed(append) if held.isdisjoint(leases)), None)
        if missing is None:
            return None
        names = [str(lease) for lease in missing]
        return LeaseNeeded(f"This append needs the lease {' or '.join(map(repr, names))}.", leases=names)

    def _needed(self, append: Append) -> Iterator[list[Lease]]:
        """Yield the leases that an append needs: one of each list."""
        of_stream = Lease("stream", append.stream)
        if append.stream.startswith(self.streams):
            yield [of_stream]
        for event in append.events:
            workflow = event.correlation_id
            of_workflow = [] if workflow is None else [Lease("workflow", workflow)]
            if self.workflows and of_workflow:
                yield of_workflow
            if event.type in self.types:
                yield [of_stream, *of_workflow]


@dataclass(frozen=True)
class SetsDemands(DatabaseGuard):
    """Its append sets what a log demands, from its event on."""

    kind: ClassVar[str] = "lease_demands"
    sets_rules: ClassVar[bool] = True
    demands: Demands

    def parameters(self, first: int, last: int, names: LatestNames | None) -> dict[str, object] | None:
        return {**asdict(self.demands), "last": last}


async def demand(writer: Writer, log_id: int, demands: Demands, *, by: str) -> int:
    """Set what a log demands, instead of what it demanded before; return the position of the event that says so.

    Raises:
        Invalid: a prefix or a type is not a name.
        EventsError: nothing was written, or the outcome is unknown.
    """
    for field in ("streams", "types"):
        for name in getattr(demands, field):
            check_name(name, field)
    guards = (SetsDemands(demands),)
    [outcome] = await writer.append(
        log_id, [server_append(_SUBJECT, DEMANDED, facts=asdict(demands), by=by, guards=guards)]
    )
    if isinstance(outcome, EventsError):
        raise outcome
    return outcome.first_position


async def read_rule(connection: Connection, log_id: int, patience: float) -> Refusal | None:
    """Return what refuses the appends without a lease that a log demands; None if it demands none."""
    rows = await connection.execute(sql.LEASE_DEMANDS, {"log_id": log_id}, patience=patience)
    demands = [Demands(workflows, tuple(streams), tuple(types)) for workflows, streams, types in rows]
    return demands[0].refusal if demands and demands != [Demands()] else None
