"""The reads of pauses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import orjson

from events import sql
from events.pauses.rule import pause_of_row
from events.pauses.runaways import Act
from events.pauses.target import Pause, Target
from events.reading.statement import Statement
from events.sql import resume
from events.types import Event


def pauses(log_id: int) -> Statement[Pause]:
    """Return the pauses that hold in a log, the last one first."""
    return Statement(sql.PAUSES, {"log_id": log_id}, pause_of_row)


def pauses_of(log_id: int, *, agent: str | None, workflow: str) -> Statement[Pause]:
    """Return the pauses of an agent and of a workflow that hold."""
    return Statement(resume.PAUSES_OF, {"log_id": log_id, "agent": agent, "workflow": workflow}, pause_of_row)


def is_paused(log_id: int, *, agent: str | None = None, workflow: str | None = None) -> Statement[bool]:
    """Return whether an agent or a workflow is paused."""
    return Statement(sql.IS_PAUSED, {"p_log": log_id, "p_agent": agent, "p_workflow": workflow}, bool)


def last_acts(
    log_id: int, along: Literal["agent", "correlation_id"], names: Iterable[str], *, limit: int
) -> Statement[Act]:
    """Return the last events of each of some agents, or of each of some workflows, in order."""
    params = {"log_id": log_id, "names": list(names), "limit": limit}
    return Statement(sql.LAST_ACTS.format(along=along), params, Act)


def pause_of(target: Target, event: Event) -> Pause:
    """Return the pause of a target by the event that set it."""
    facts = orjson.loads(event.data)
    reason = facts["reason"] if facts is not None else None  # it was redacted
    return Pause(target, event.position, event.agent, reason, event.recorded_at)
