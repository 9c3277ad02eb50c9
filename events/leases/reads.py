"""The reads of leases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from events import sql
from events.leases.lease import Lease
from events.reading.statement import Statement
from events.sql import resume


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease that has not run out, with the position of the event that granted it."""

    lease: Lease
    token: int
    holder: str
    expires_at: datetime


def held_leases(log_id: int, *, holder: str | None, before: int, limit: int) -> Statement[HeldLease]:
    """Return the leases that somebody holds, or one agent, and that were granted before a position: the last first."""
    params = {"log_id": log_id, "holder": holder, "before": before, "limit": limit}
    return Statement(sql.HELD_LEASES, params, _held_lease)


def leases_of(log_id: int, workflow: str, *, holder: str | None, before: int, limit: int) -> Statement[HeldLease]:
    """Return the leases that an agent holds, and the workflow's, granted before a position: the last first."""
    params = {"log_id": log_id, "workflow": workflow, "holder": holder, "before": before, "limit": limit}
    return Statement(resume.LEASES_OF, params, _held_lease)


def _held_lease(kind: Any, name: str, token: int, holder: str, expires_at: datetime) -> HeldLease:
    return HeldLease(Lease(kind, name), token, holder, expires_at)
