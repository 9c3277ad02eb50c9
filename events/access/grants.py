"""The grant of a request: its rights, from its token or session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from channels.db import database_sync_to_async
from django.conf import settings
from django.http import HttpRequest
from ninja.security import HttpBearer

from events import engine, sql
from events.access import tokens
from events.access.membership import membership, person
from events.access.standing import Access, MemberAccess, TokenAccess
from events.access.uses import note_events, note_use
from events.appending.checks import check_name
from events.appending.plan import Outcome
from events.errors import Forbidden, ReservedStream, Unauthorized
from events.models import Scope
from events.query.tree import Name, Named, Pattern, Query, all_of
from events.reading.shared_pool import asker
from events.reading.statement import Statement
from events.system_streams import PREFIX, is_system
from events.types import Append

_FRESH_SECONDS = 2.0
"""The time for which a token is remembered. A revoked token may still begin a request during it."""
_MAX_TOKENS = 10_000
"""Most tokens that are remembered."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The rights in one log. Long work stops when `access` is lost."""

    access: Access
    log_id: int
    log: str
    scopes: frozenset[str]
    stream_prefix: str = ""
    agent: str | None = None
    expires_at: datetime | None = None

    @property
    def asker(self) -> str:
        """The person or token for whom jobs take turns and open streams are counted."""
        return self.access.asker

    def allows(self, scope: Scope) -> bool:
        """Return whether the scopes hold this one; `admin` holds all."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def check_scope(self, *scopes: Scope) -> None:
        """Raise `Forbidden` if the scopes hold none of these."""
        if not any(map(self.allows, scopes)):
            names = " or ".join(repr(scope.value) for scope in scopes)
            raise Forbidden(f"This token has no scope {names}.", scope=scopes[0].value)

    def narrowed(self, query: Query) -> Query:
        """Return the query for the events of a query that the token may see."""
        if not self.stream_prefix:
            return query
        return all_of([Named(Name.STREAM, Pattern((self.stream_prefix, ""))), query])

    def check_stream(self, stream: str) -> None:
        """Raise `Forbidden` for a stream outside the token's prefix."""
        if not stream.startswith(self.stream_prefix):
            raise Forbidden(f"This token reaches streams that begin with {self.stream_prefix!r} only.")

    def permitted(self, append: Append) -> Append:
        """Return an append of the token. Its guards see what the token may see.

        Raises:
            ReservedStream, Forbidden: it may not append to the stream, or have such guards.
        """
        self.check_append(append.stream)
        if not append.guards:
            return append
        return replace(append, guards=tuple(guard.limited(self) for guard in append.guards))

    def check_reading(self) -> None:
        """Raise `Forbidden` if a condition may not tell the token what the log holds."""
        if not self.allows(Scope.READ):
            raise Forbidden("A condition tells what the log holds, so the token needs the scope `read`, too.")

    def check_consuming(self) -> None:
        """Raise `Forbidden` if the token may not settle deliveries."""
        self.check_scope(Scope.CONSUME)

    def check_append(self, stream: str) -> None:
        """Check a stream to which the token appends; all ways to append pass here.

        Raises:
            ReservedStream: it belongs to the server.
            Forbidden: it is outside the token's prefix.
        """
        if is_system(stream):
            raise ReservedStream(
                f"Only the server appends to {stream!r}, as to every stream whose name begins with {PREFIX!r}:"
                " choose another name.",
                stream=stream,
            )
        self.check_stream(stream)

    async def append(self, appends: Sequence[Append], *, atomic: bool = False) -> list[Outcome]:
        """Append what was checked, and return the outcomes in order. The token's first event is noted."""
        outcomes = await engine.current().writer.append(self.log_id, appends, atomic=atomic)
        if isinstance(self.access, TokenAccess):
            note_events(self.access.token_id, outcomes)
        return outcomes


def grant_of(request: HttpRequest) -> Grant:
    """Return the grant of a request that was authenticated."""
    grant: Grant = request.auth  # type: ignore[attr-defined]
    return grant


class Tokens:
    """Tokens by hash, remembered for a few seconds so that an append costs no look-up."""

    def __init__(self) -> None:
        self._grants: dict[bytes, tuple[float, Grant]] = {}
        self._reads: dict[bytes, asyncio.Task[Grant | None]] = {}

    async def grant(self, token: str) -> Grant:
        """Return the grant of a token.

        Raises:
            Unauthorized: the token is not known, was revoked or has expired.
        """
        digest = tokens.hash_of(token)
        now = time.monotonic()
        since, grant = self._grants.get(digest, (now - _FRESH_SECONDS, None))
        if grant is None or now - since >= _FRESH_SECONDS:
            grant = await self._look_up(digest)
            if grant is None:
                self._grants.pop(digest, None)
                raise Unauthorized("This token is not known, or it was revoked.")
            if len(self._grants) >= _MAX_TOKENS:
                self._grants.clear()
            self._grants[digest] = now, grant
        if grant.expires_at is not None and grant.expires_at <= datetime.now(UTC):
            raise Unauthorized("This token has expired.")
        if isinstance(grant.access, TokenAccess):
            note_use(grant.access.token_id)
        return grant

    async def _look_up(self, digest: bytes) -> Grant | None:
        """Read a token. Requests that need it meanwhile wait for the same read: a busy agent has hundreds of them."""
        task = self._reads.get(digest)
        if task is None:
            work = Statement(sql.TOKEN, {"hash": digest}, _grant).afirst(engine.current().pool)
            # The task has a context of its own: it belongs to no asker, and waits for no turn.
            task = self._reads[digest] = asyncio.create_task(work, context=Context())
            task.add_done_callback(lambda _: self._reads.pop(digest, None))
        return await asyncio.shield(task)


def _grant(
    token_id: int,
    log_id: int,
    log: str,
    scopes: list[str],
    prefix: str,
    agent: str | None,
    expires_at: datetime | None,
) -> Grant:
    rights = frozenset(scopes)
    return Grant(TokenAccess(token_id, rights), log_id, log, rights, prefix, agent, expires_at)


_tokens = Tokens()


class Bearer(HttpBearer):
    """Authenticates by `Authorization: Bearer <token>` with one of some scopes.

    For reading, also by a session and `?log=`.
    """

    def __init__(self, *scopes: Scope) -> None:
        super().__init__()
        self._scopes = scopes

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
        grant.check_scope(*self._scopes)
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
