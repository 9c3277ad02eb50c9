"""The rule that a pause sets: no append of the paused agent or workflow is written.

An append is one of an agent if one of its events is the agent's. A token that is for one agent appends as that agent
only, so its appends are judged by the token's agent. The server's own events are never refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from events import sql
from events.appending.connection import Connection
from events.appending.plan import Refusal
from events.errors import EventsError, Paused
from events.pauses.target import Kind, Pause, Target
from events.system_streams import is_system
from events.types import Append


@dataclass(frozen=True, slots=True)
class PauseRule:
    """The pauses of a log, by name."""

    agents: Mapping[str, Pause]
    workflows: Mapping[str, Pause]

    def refusal(self, append: Append) -> EventsError | None:
        """Return the error of an append of which one event is of a paused agent, or of a paused workflow."""
        if is_system(append.stream):
            return None
        for event in append.events:
            pause = self.agents.get(event.agent or "") or self.workflows.get(event.correlation_id or "")
            if pause is not None:
                target = pause.target
                return Paused.of(
                    kind=target.kind, name=target.name, since=pause.position, by=pause.by, reason=pause.reason
                )
        return None


async def read_rule(connection: Connection, log_id: int, patience: float) -> Refusal | None:
    """Return what refuses the appends of whatever is paused in a log; None if nothing is."""
    rows = await connection.execute(sql.PAUSES, {"log_id": log_id}, patience=patience)
    pauses = [pause_of_row(*row) for row in rows]
    return PauseRule(_by_name(pauses, "agent"), _by_name(pauses, "workflow")).refusal if pauses else None


def pause_of_row(kind: Kind, name: str, position: int, by: str | None, reason: str | None, at: datetime) -> Pause:
    """Return the pause of a row of `sql.PAUSES`."""
    return Pause(Target(kind, name), position, by, reason, at)


def _by_name(pauses: list[Pause], kind: Kind) -> dict[str, Pause]:
    return {pause.target.name: pause for pause in pauses if pause.target.kind == kind}
