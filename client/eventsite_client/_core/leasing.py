"""Requests about leases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from eventsite_client._core import json
from eventsite_client._core.context import current
from eventsite_client._core.ids import new_id
from eventsite_client._core.requests import Request
from eventsite_client.types import HeldLease

T = TypeVar("T")

_MAX_TTL_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Wish:
    """A lease that somebody wants."""

    workflow: str | None
    stream: str | None
    name: str | None
    agent: str | None
    ttl: int

    def __post_init__(self) -> None:
        if len(self._names()) != 1:
            raise ValueError("A lease is for one of `workflow`, `stream` and `name`.")
        if not 1 <= self.ttl <= _MAX_TTL_SECONDS:
            raise ValueError(f"A lease runs for 1 to {_MAX_TTL_SECONDS} seconds, not {self.ttl}.")

    def acquire_request(self) -> Request[HeldLease]:
        """Return a request that gets the lease. Sent again, it gets the same grant.

        Raises:
            ValueError: nobody would hold it.
        """
        agent = self.agent or current().agent
        if agent is None:
            raise ValueError("A lease has a holder: give `agent`, or ask in a run that has one.")
        return _post("/leases", HeldLease, {**self._names(), "agent": agent, "ttl": self.ttl, "request": new_id()})

    def renew_request(self, lease: HeldLease) -> Request[HeldLease]:
        """Return the request that lets the lease run for its time from now on."""
        return _post("/leases/renew", HeldLease, {"lease": lease.lease, "token": lease.token, "ttl": self.ttl})

    def release_request(self, lease: HeldLease) -> Request[dict[str, Any]]:
        """Return the request that gives the lease back."""
        return _post("/leases/release", dict[str, Any], {"lease": lease.lease, "token": lease.token})

    def _names(self) -> dict[str, str]:
        names = {"workflow": self.workflow, "stream": self.stream, "name": self.name}
        return {kind: name for kind, name in names.items() if name is not None}


def _post(path: str, gives: type[T], body: dict[str, Any]) -> Request[T]:
    return Request("POST", path, gives, json.encode(body))
