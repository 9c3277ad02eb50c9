"""The guards of leases: an append holds one, or grants or ends one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from events.appending.guards import DatabaseGuard, Rights
from events.appending.names import LatestNames
from events.errors import EventsError, Forbidden, Paused
from events.leases.lease import Lease, Standing
from events.query.match import Subject
from events.query.tree import Name, Named, Pattern
from events.system_streams import PREFIX

SUBJECT = "leases"
STREAM = f"{PREFIX}{SUBJECT}"
"""The stream of the events that grant leases and end them."""
_CHANGES = Named(Name.STREAM, Pattern((STREAM,)))


class Moved(EventsError):
    """The lease is not as its grant, or its end, assumed: look at it again. No caller sees this."""

    code = "moved"
    status = 409


@dataclass(frozen=True)
class _LeaseGuard(DatabaseGuard):
    """A guard of one lease. A grant or an end that is planned in the same flush may stand against it."""

    lease: Lease

    def may_mind_names(self, names: Callable[[], LatestNames]) -> bool:
        return not names().exclude(_CHANGES, 0)

    def may_mind(self, subject: Subject) -> bool:
        return subject.event.stream == STREAM and bool(subject.data["lease"] == str(self.lease))


@dataclass(frozen=True)
class Holds(_LeaseGuard):
    """The append's writer must hold a lease: its last grant is at the position `token`, and has not run out.

    With an `agent`, this must be the holder.
    """

    kind: ClassVar[str] = "lease"
    token: int
    agent: str | None = None

    def limited(self, rights: Rights) -> Self:
        check_reach(self.lease, rights)
        return replace(self, agent=rights.agent)

    def parameters(self, first: int, last: int, names: LatestNames | None) -> dict[str, object] | None:
        return {"kind": self.lease.kind, "name": self.lease.name, "token": self.token, "agent": self.agent}

    def error(self, refusal: Mapping[str, Any]) -> EventsError:
        expires_at = refusal["expires_at"]
        standing = Standing(
            refusal["token"],
            refusal["holder"],
            None if expires_at is None else datetime.fromisoformat(expires_at).astimezone(UTC),
            bool(refusal["is_live"]),
        )
        return standing.loss(self.lease, self.token, self.agent)


@dataclass(frozen=True)
class Moves(_LeaseGuard):
    """The append's event grants a lease for some seconds, or ends it (`ttl` is None).

    The lease must still be the one of the grant at `after` (None: nobody's), and a new grant waits until it has run
    out. Nothing is granted that a pause forbids.
    """

    kind: ClassVar[str] = "lease_move"
    after: int | None
    holder: str | None = None
    ttl: int | None = None

    def parameters(self, first: int, last: int, names: LatestNames | None) -> dict[str, object] | None:
        return {
            "kind": self.lease.kind,
            "name": self.lease.name,
            "after": self.after,
            "holder": self.holder,
            "ttl": self.ttl,
            "first": first,
        }

    def error(self, refusal: Mapping[str, Any]) -> EventsError:
        return Moved() if refusal["pause"] is None else Paused.of(**refusal["pause"])


def check_reach(lease: Lease, rights: Rights) -> None:
    """Check that a lease is within the prefix of a token's streams. The workflow of an event may be any.

    Raises:
        ReservedStream, Forbidden: it is not.
    """
    if lease.kind == "stream":
        rights.check_append(lease.name)
    elif lease.kind == "name" and not lease.name.startswith(rights.stream_prefix):
        raise Forbidden(f"This token takes leases of names that begin with {rights.stream_prefix!r} only.")
