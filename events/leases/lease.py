"""The name of a lease, and its state. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self, TypeAlias, get_args

from events.errors import EventsError, Forbidden, LeaseLost

Kind: TypeAlias = Literal["workflow", "stream", "name"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease of a workflow, of a stream, or of anything else that has a name: equal names don't make one lease."""

    kind: Kind
    name: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the lease that a text names, such as `workflow:run-1`; None if it names none."""
        before, _, name = text.partition(":")
        kind = next((kind for kind in KINDS if kind == before), None)
        return cls(kind, name) if kind and name else None

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Standing:
    """The last grant of a lease, as the database has it: all is None if there is none, or if the lease was released.

    `is_live`: it has not run out yet, by the database's clock.
    """

    token: int | None
    holder: str | None
    expires_at: datetime | None
    is_live: bool

    def loss(self, lease: Lease, token: int, agent: str | None) -> EventsError:
        """Return the reason why a token is not good for a lease. Who acts as one agent can't use another's lease."""
        if self.token is None:
            return LeaseLost(f"Nobody holds {str(lease)!r} now.", **self._fields(lease))
        if self.token != token:
            detail = f"{str(lease)!r} was granted to {self.holder!r} at position {self.token}, not at {token}."
            return LeaseLost(detail, **self._fields(lease))
        if self.is_live and agent not in (None, self.holder):
            return Forbidden(f"{str(lease)!r} is held by {self.holder!r}, and this token acts as {agent!r} only.")
        assert self.expires_at
        detail = f"{str(lease)!r}, granted to {self.holder!r}, ran out at {self.expires_at.isoformat()}."
        return LeaseLost(detail, **self._fields(lease))

    def _fields(self, lease: Lease) -> dict[str, object]:
        return {"lease": str(lease), "holder": self.holder, "expires_at": self.expires_at}
