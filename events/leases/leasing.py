"""Leases are granted, renewed, released and ended. The database's clock alone decides what has run out."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import uuid_utils

from events import sql
from events.appending.writer import Writer
from events.errors import Busy, EventsError, IdConflict, LeaseHeld, NoSuchLease
from events.leases.guards import SUBJECT, Moved, Moves
from events.leases.lease import Lease, Standing
from events.reading.statement import Statement
from events.server_events import server_append, server_event_id
from events.sessions import Pool
from events.types import Append, Appended

ACQUIRED = "lease.acquired"
ENDED = "lease.ended"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:eventsite:lease-requests")
_MAX_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Granted:
    """A lease that is held. Not `fresh`: an earlier request got it, and this one repeats that request."""

    token: int
    expires_at: datetime
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases of one log."""

    log_id: int
    writer: Writer
    pool: Pool

    async def acquire(self, lease: Lease, *, agent: str, ttl: int, request: str | None) -> Granted:
        """Grant a lease to an agent; a repeated request gets what the first one got.

        Raises:
            LeaseHeld: another request got it, and it has not run out.
            Paused: the agent is paused, or the workflow of the lease.
            LeaseLost: this request got it before, and it has run out or another one has it now.
            EventsError: nothing was written, or the outcome is unknown.
        """
        name = _grant_name(lease, agent, request)
        fresh = False
        for _ in range(_MAX_ATTEMPTS):
            standing, token = await self._look(lease, server_event_id(name))
            if token is not None:
                return _granted(lease, standing, token, fresh=fresh)
            if standing.is_live:
                raise _held(lease, standing)
            outcome = await self._append(_grant(lease, standing, name=name, agent=agent, ttl=ttl))
            fresh = isinstance(outcome, Appended) and not outcome.replayed
        raise Busy(f"Too many others ask for {str(lease)!r}; nothing was written.")

    async def renew(self, lease: Lease, *, token: int, ttl: int, agent: str | None) -> Granted:
        """Let a lease run from now on, if it has not run out. With an `agent`, this must be its holder.

        Raises:
            LeaseLost, Forbidden: it is not held with this token, or by this agent.
        """
        standing, expires_at = await self._change(sql.RENEW_LEASE, lease, token, agent, {"ttl": ttl})
        if expires_at is None:
            raise standing.loss(lease, token, agent)
        return Granted(token, expires_at)

    async def release(self, lease: Lease, *, token: int, agent: str | None) -> None:
        """Give a lease back. If nobody holds it, there is nothing to do: this may be the second time.

        Raises:
            LeaseLost, Forbidden: another one has it, or it has run out.
        """
        standing, released_at = await self._change(sql.RELEASE_LEASE, lease, token, agent, {})
        if released_at is None and standing.token is not None:
            raise standing.loss(lease, token, agent)

    async def end(self, lease: Lease, *, reason: str, by: str) -> int:
        """Take a lease from its holder; return the position of the event that says so.

        Raises:
            NoSuchLease: nobody holds it.
            EventsError: nothing was written, or the outcome is unknown.
        """
        for _ in range(_MAX_ATTEMPTS):
            standing, _position = await self._look(lease, "")
            if not standing.is_live:
                raise NoSuchLease(f"Nobody holds {str(lease)!r} now.", lease=str(lease))
            outcome = await self._append(_end(lease, standing, reason=reason, by=by))
            if isinstance(outcome, Appended):
                return outcome.first_position
        raise Busy(f"{str(lease)!r} changes hands all the time; nothing was written.")

    async def _look(self, lease: Lease, grant_id: str) -> tuple[Standing, int | None]:
        """Return the lease as it stands, and the position of the event with an id."""
        keys = {"log_id": self.log_id, "kind": lease.kind, "name": lease.name, "grant_id": grant_id}
        return await _first(Statement(sql.LEASE, keys, _standing), self.pool)

    async def _change(
        self, statement: str, lease: Lease, token: int, agent: str | None, others: Mapping[str, object]
    ) -> tuple[Standing, datetime | None]:
        """Change a lease that is held with a token; return it as it stood before, and the result if it was changed."""
        keys = {"log_id": self.log_id, "kind": lease.kind, "name": lease.name, "token": token, "agent": agent}
        return await _first(Statement(statement, {**keys, **others}, _standing), self.pool)

    async def _append(self, append: Append) -> Appended | EventsError:
        """Append an event; return the reason if the lease, or the request, is not what it was when it was looked at."""
        [outcome] = await self.writer.append(self.log_id, [append])
        if isinstance(outcome, EventsError) and not isinstance(outcome, Moved | IdConflict):
            raise outcome
        return outcome


async def _first(statement: Statement[tuple[Standing, Any]], pool: Pool) -> tuple[Standing, Any]:
    row = await statement.afirst(pool)
    assert row, "the statement has one row"
    return row


def _standing(
    token: int | None, holder: str | None, expires_at: datetime | None, is_live: bool | None, result: Any
) -> tuple[Standing, Any]:
    return Standing(token, holder, expires_at, bool(is_live)), result


def _grant_name(lease: Lease, agent: str, request: str | None) -> str:
    """Return the name of the event that grants a lease. It stands for the request: a log never has an id twice."""
    if request is None:
        return str(uuid_utils.uuid7())
    return str(uuid.uuid5(_NAMESPACE, f"{lease}\n{agent}\n{request}"))


def _granted(lease: Lease, standing: Standing, token: int, *, fresh: bool) -> Granted:
    if standing.token != token or not standing.is_live:
        raise standing.loss(lease, token, None)
    assert standing.expires_at
    return Granted(token, standing.expires_at, fresh)


def _held(lease: Lease, standing: Standing) -> LeaseHeld:
    return LeaseHeld(
        f"{str(lease)!r} is held by {standing.holder!r}.",
        lease=str(lease),
        holder=standing.holder,
        expires_at=standing.expires_at,
    )


def _grant(lease: Lease, standing: Standing, *, name: str, agent: str, ttl: int) -> Append:
    """Return the append that grants a lease, which nobody holds. It says whose lease ran out."""
    facts: dict[str, object] = {"lease": str(lease), "ttl": ttl}
    if standing.token is not None:
        facts["expired"] = {"token": standing.token, "holder": standing.holder, "at": standing.expires_at}
    guards = (Moves(lease, standing.token, agent, ttl),)
    return server_append(
        SUBJECT, ACQUIRED, facts=facts, name=name, by=agent, correlation_id=_workflow_of(lease), guards=guards
    )


def _end(lease: Lease, standing: Standing, *, reason: str, by: str) -> Append:
    facts = {"lease": str(lease), "token": standing.token, "holder": standing.holder, "reason": reason}
    guards = (Moves(lease, standing.token),)
    return server_append(SUBJECT, ENDED, facts=facts, by=by, correlation_id=_workflow_of(lease), guards=guards)


def _workflow_of(lease: Lease) -> str | None:
    return lease.name if lease.kind == "workflow" else None
