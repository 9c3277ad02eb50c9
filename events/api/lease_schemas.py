"""The bodies of the API that grants leases, and the leases of an append. A lease is named by exactly one member."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from events.api.decoding import optional
from events.api.names import Name, StreamName, documented
from events.api.query_schemas import Limit, LogQuery, NameText, Position
from events.appending.checks import check_count, check_name, check_stream
from events.appending.guards import Guard
from events.errors import Invalid
from events.leases.guards import Holds
from events.leases.lease import KINDS, Lease

MAX_LEASES = 16
MAX_TTL_SECONDS = 3_600

Ttl = Annotated[
    int,
    documented("The seconds until the lease runs out, unless it is renewed", minimum=1, maximum=MAX_TTL_SECONDS),
]
Token = Annotated[int, documented("The position of the event that granted the lease", minimum=1, maximum=2**63 - 1)]
LeaseText = Annotated[
    str,
    documented(
        "As a grant returned it, such as `workflow:run-1`",
        pattern=rf"^({'|'.join(KINDS)}):[^\u0000-\u001f\u007f-\u009f]{{1,200}}$",
    ),
]


class LeaseNameIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """The lease of a workflow (by its correlation id), of a stream, or of any other name: one of these."""

    workflow: Name | UnsetType = UNSET
    stream: StreamName | UnsetType = UNSET
    name: Name | UnsetType = UNSET

    def lease(self, field: str = "") -> Lease:
        """Return the lease; `field` is its place in the request.

        Raises:
            Invalid: it has no name, or more than one, or one that can't be.
        """
        names = [(kind, name) for kind in KINDS if not isinstance(name := getattr(self, kind), UnsetType)]
        if len(names) != 1:
            where = field.rstrip(".") or "body"
            raise Invalid(f"{where} must have exactly one of {', '.join(KINDS)}.", field=where)
        [(kind, name)] = names
        check = check_stream if kind == "stream" else check_name
        return Lease(kind, check(name, f"{field}{kind}"))


class HeldLeaseIn(LeaseNameIn, forbid_unknown_fields=True, kw_only=True):
    """A lease that the writer of an append must hold."""

    token: Token

    def checked(self, field: str) -> Holds:
        """Return the guard that the append's writer holds the lease."""
        return Holds(self.lease(f"{field}."), check_count(self.token, f"{field}.token", minimum=1))


HeldLeases = Annotated[
    list[HeldLeaseIn], documented("The append is refused if one of these leases is lost", maxItems=MAX_LEASES)
]


def checked_leases(leases: list[HeldLeaseIn] | UnsetType, field: str = "") -> tuple[Guard, ...]:
    """Return the guards for the leases of an append; `field` is its place in the request.

    Raises:
        Invalid: one makes no sense, or there are too many.
    """
    if isinstance(leases, UnsetType):
        return ()
    where = f"{field}leases"
    if len(leases) > MAX_LEASES:
        raise Invalid(f"{where} holds {len(leases)}; the limit is {MAX_LEASES}.", field=where, limit=MAX_LEASES)
    return tuple(lease.checked(f"{where}[{number}]") for number, lease in enumerate(leases))


class AcquireIn(LeaseNameIn, forbid_unknown_fields=True, kw_only=True):
    """A lease to get, and for whom."""

    ttl: Ttl
    agent: Annotated[Name, documented("The holder; a token that is for one agent names that agent")]
    request: (
        Annotated[Name | None, documented("A name of this request: when it is repeated, the token is the same")]
        | UnsetType
    ) = UNSET

    def checked_request(self) -> str | None:
        """Return the name of the request, if it has one."""
        request = optional(self.request)
        return None if request is None else check_name(request, "request")


class RenewIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """A lease that is held, and the seconds that it shall run from now on."""

    lease: LeaseText
    token: Token
    ttl: Ttl


class ReleaseIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """A lease that its holder gives back, with the token; or that a supervisor ends, with a reason."""

    lease: LeaseText
    token: Token | UnsetType = UNSET
    reason: Annotated[Name, documented("Why the lease is taken from its holder")] | UnsetType = UNSET


class LeaseOut(Struct):
    """A lease that is held."""

    lease: LeaseText
    token: Token
    expires_at: Annotated[datetime, documented("By the database's clock; other clocks may differ")]


class ReleaseOut(Struct):
    """A lease that is free again."""

    lease: LeaseText
    position: Annotated[int | None, documented("The position of the event that ended it, if a supervisor did")]


class LeasesQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """The leases to list."""

    agent: Annotated[NameText, Meta(description="Leases that this agent holds")] | None = None
    before: Annotated[Position, Meta(description="Leases that were granted before this position")] | UnsetType = UNSET
    limit: Limit = 100


class HeldLeaseOut(LeaseOut):
    """A lease that is held, and its holder."""

    holder: Annotated[str, documented("An agent")]


class LeasesOut(Struct):
    """The leases that are held now, the last grant first. If `next` is not null, go on before it."""

    leases: list[HeldLeaseOut]
    next: int | None


STRUCTS = (AcquireIn, RenewIn, ReleaseIn, HeldLeaseIn, LeaseOut, ReleaseOut, LeasesOut)
_ONE_NAME = {"oneOf": [{"required": [kind]} for kind in KINDS]}
ALTERNATIVES = {
    AcquireIn: _ONE_NAME,
    HeldLeaseIn: _ONE_NAME,
    ReleaseIn: {"oneOf": [{"required": [name]} for name in ("token", "reason")]},
}
"""Parts of the schemas of structs, beside their members."""


def check_ttl(ttl: int) -> int:
    """Return the seconds of a lease."""
    return check_count(ttl, "ttl", minimum=1, maximum=MAX_TTL_SECONDS)


def check_lease(text: str) -> Lease:
    """Return the lease that a text names."""
    lease = Lease.parse(text)
    if lease is None:
        raise Invalid("lease must be the text that a grant returned, such as `workflow:run-1`.", field="lease")
    check_name(lease.name, "lease")
    return lease
