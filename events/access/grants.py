"""What a request may do: the token or session behind it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from channels.db import database_sync_to_async
from django.conf import settings
from django.http import HttpRequest
from ninja.security import HttpBearer

from events import engine, models
from events.access import tokens
from events.access.last_use import note_use
from events.access.membership import membership, person
from events.access.standing import Access, MemberAccess, TokenAccess
from events.appending.checks import check_name
from events.errors import Forbidden, Unauthorized
from events.models import Scope
from events.query.tree import Name, Named, Pattern, Query, all_of
from events.reading.shared_pool import asker
from events.reading.store import Read

_FRESH = 2.0
"""Seconds for which a token is taken from memory: so long may a revoked one still begin something."""
_MOST = 10_000
"""Tokens kept in memory."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One log and what may be done there. `access` has to stand for as long as it is being done."""

    access: Access
    log_id: int
    log: str
    scopes: frozenset[str]
    stream_prefix: str = ""
    agent: str | None = None
    expires_at: datetime | None = None

    @property
    def asker(self) -> str:
        """Whose turns its jobs take, and whose open streams it counts among."""
        return self.access.asker

    def narrowed(self, query: Query) -> Query:
        """What the token may see of a query's events."""
        if not self.stream_prefix:
            return query
        return all_of([Named(Name.STREAM, Pattern((self.stream_prefix, ""))), query])

    def check_stream(self, stream: str) -> None:
        """Raise `Forbidden` for a stream outside the token's prefix."""
        if not stream.startswith(self.stream_prefix):
            raise Forbidden(f"This token reaches streams that begin with {self.stream_prefix!r} only.")


def grant_of(request: HttpRequest) -> Grant:
    """What a request may do whose token or session was looked at."""
    grant: Grant = request.auth  # type: ignore[attr-defined]
    return grant


class Tokens:
    """Tokens by hash, remembered for a few seconds so that an append costs no look-up."""

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[float, Grant]] = {}

    async def grant(self, token: str) -> Grant:
        """The grant of a token that exists, is not revoked and has not expired; else `Unauthorized`."""
        digest = tokens.hash_of(token)
        now = time.monotonic()
        since, grant = self._found.get(digest, (now - _FRESH, None))
        if grant is None or now - since >= _FRESH:
            grant = await _read(digest).afirst(engine.current().pool)
            if grant is None:
                self._found.pop(digest, None)
                raise Unauthorized("This token is not known, or it was revoked.")
            if len(self._found) >= _MOST:
                self._found.clear()
            self._found[digest] = now, grant
        if grant.expires_at is not None and grant.expires_at <= datetime.now(UTC):
            raise Unauthorized("This token has expired.")
        if isinstance(grant.access, TokenAccess):
            note_use(grant.access.token_id)
        return grant


def _read(digest: bytes) -> Read[Grant]:
    found = models.Token.objects.filter(hash=digest, revoked_at=None)
    columns = ("id", "log_id", "log__name", "scopes", "stream_prefix", "agent", "expires_at")
    return Read(
        found.values_list(*columns),
        lambda token_id, log_id, log, scopes, prefix, agent, expires_at: Grant(
            TokenAccess(token_id, frozenset(scopes)), log_id, log, frozenset(scopes), prefix, agent, expires_at
        ),
    )


_tokens = Tokens()


class Bearer(HttpBearer):
    """`Authorization: Bearer <token>` with a scope; for reading, a session and `?log=` serve as well."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._scope = scope

    async def __call__(self, request: HttpRequest) -> Grant:
        grant = await self._granted(request)
        asker.set(grant.asker)
        return grant

    async def _granted(self, request: HttpRequest) -> Grant:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() == "bearer" and token:
            return await self.authenticate(request, token.strip())
        if not header and request.method == "GET" and settings.SESSION_COOKIE_NAME in request.COOKIES:
            session_grant: Grant = await _session_grant(request)
            return session_grant
        raise Unauthorized("Send `Authorization: Bearer <token>`.")

    async def authenticate(self, request: HttpRequest, token: str) -> Grant:
        grant = await _tokens.grant(token)
        if self._scope not in grant.scopes and Scope.ADMIN not in grant.scopes:
            raise Forbidden(f"This token has no scope {self._scope.value!r}.", scope=self._scope.value)
        return grant


@database_sync_to_async
def _session_grant(request: HttpRequest) -> Grant:
    key = request.COOKIES[settings.SESSION_COOKIE_NAME]
    user = person(key)
    if not user.is_authenticated:
        raise Unauthorized("Sign in, or send `Authorization: Bearer <token>`.")
    member = membership(user, check_name(request.GET.get("log", ""), "log"))
    access = MemberAccess(member.user_id, member.log_id, session_key=key)
    return Grant(access, member.log_id, member.log.name, frozenset({Scope.READ}))
