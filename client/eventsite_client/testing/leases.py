"""Leases in memory, with the rules of a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from eventsite_client.testing.memory_log import Problem

_KINDS = ("workflow", "stream", "name")


@dataclass(frozen=True, slots=True)
class _Grant:
    token: int
    agent: str
    request: str | None
    until: float


class Leases:
    """The leases that are held, by names such as `workflow:run-7`."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._grants: dict[str, _Grant] = {}
        self._tokens = 0

    def acquire(self, body: dict[str, Any]) -> dict[str, Any]:
        """Grant a lease. Raises `Problem` if another holder has it."""
        name, agent, request = _name_of(body), body["agent"], body.get("request")
        grant = self._held(name)
        if grant is not None and (grant.agent, grant.request) != (agent, request):
            detail = f"{name!r} is held by {grant.agent!r}."
            raise Problem(409, "lease-held", detail, lease=name, holder=grant.agent, expires_at=self._time_of(grant))
        if grant is None:
            self._tokens += 1
            grant = _Grant(self._tokens, agent, request, 0.0)
        return self._extend(name, grant, body["ttl"])

    def renew(self, body: dict[str, Any]) -> dict[str, Any]:
        """Let a lease run from now on. Raises `Problem` if it is lost."""
        return self._extend(body["lease"], self._checked(body["lease"], body["token"]), body["ttl"])

    def release(self, body: dict[str, Any]) -> dict[str, Any]:
        """Give a lease back, or end it if there is a reason instead of a token."""
        grant = self._held(body["lease"])
        if grant is not None and body.get("token", grant.token) == grant.token:
            del self._grants[body["lease"]]
        return {"lease": body["lease"], "position": None}

    def check(self, leases: Sequence[dict[str, Any]]) -> None:
        """Check the leases of an append. Raises `Problem` if one is lost."""
        for lease in leases:
            self._checked(_name_of(lease), lease["token"])

    def _held(self, name: str) -> _Grant | None:
        grant = self._grants.get(name)
        return grant if grant is not None and grant.until > self._now() else None

    def _checked(self, name: str, token: int) -> _Grant:
        grant = self._held(name)
        if grant is not None and grant.token == token:
            return grant
        holder = grant.agent if grant else None
        detail = f"{name!r} is held by {holder!r} now." if grant else f"Nobody holds {name!r} now."
        members = {"lease": name, "holder": holder, "expires_at": self._time_of(grant) if grant else None}
        raise Problem(409, "lease-lost", detail, **members)

    def _extend(self, name: str, grant: _Grant, ttl: int) -> dict[str, Any]:
        grant = self._grants[name] = _Grant(grant.token, grant.agent, grant.request, self._now() + ttl)
        return {"lease": name, "token": grant.token, "expires_at": self._time_of(grant)}

    def _time_of(self, grant: _Grant) -> str:
        return (datetime.now(timezone.utc) + timedelta(seconds=grant.until - self._now())).isoformat()


def _name_of(body: dict[str, Any]) -> str:
    names = [f"{kind}:{body[kind]}" for kind in _KINDS if kind in body]
    if len(names) != 1:
        raise Problem(422, "invalid", f"A lease has exactly one of {', '.join(_KINDS)}.", field="body")
    return names[0]
