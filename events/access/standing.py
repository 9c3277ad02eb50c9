"""The access of long work, which is a token or a person's role in a log, and the check that it is still valid."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db.models.functions import Now

from events.access.membership import may
from events.errors import EventsError, NotFound, Unauthorized
from events.models import Member, Role, Token
from events.reading.db_work import DbWork
from events.reading.store import Read


@dataclass(frozen=True, slots=True)
class TokenAccess:
    """A token with its scopes. It is lost when the token is revoked or removed, has expired, or lacks one of them."""

    token_id: int
    scopes: frozenset[str] = frozenset()

    @property
    def asker(self) -> str:
        """The token, as jobs name it."""
        return f"token:{self.token_id}"


@dataclass(frozen=True, slots=True)
class MemberAccess:
    """A person's role in a log. With a session's key it is also lost when the person signs out."""

    user_id: int
    log_id: int
    role: Role = Role.VIEWER
    session_key: str = ""

    @property
    def asker(self) -> str:
        """The person, as `Member.asker` names them."""
        return f"person:{self.user_id}"


Access: TypeAlias = TokenAccess | MemberAccess
Losses: TypeAlias = Mapping[Access, EventsError]
"""The lost accesses, each with its error."""


def access_of(asker: str, log_id: int, role: Role) -> Access | None:
    """Return the access of an `asker` with a role in a log; None if the asker is neither a token nor a person."""
    kind, _, id = asker.partition(":")
    if not id.isdecimal():
        return None
    if kind == "token":
        return TokenAccess(int(id))
    return MemberAccess(int(id), log_id, role) if kind == "person" else None


def losses(accesses: Collection[Access]) -> DbWork[Losses]:
    """Return the accesses among some that are lost. This takes at most four statements for any number of them."""
    by_token = [access for access in accesses if isinstance(access, TokenAccess)]
    by_member = [access for access in accesses if isinstance(access, MemberAccess)]
    of_tokens = (yield from _lost_tokens(by_token)) if by_token else {}
    of_members = (yield from _lost_members(by_member)) if by_member else {}
    return {**of_tokens, **of_members}


def _lost_tokens(accesses: Collection[TokenAccess]) -> DbWork[Losses]:
    valid = Token.objects.filter(pk__in={access.token_id for access in accesses}, revoked_at=None)
    scopes = dict((yield _pairs(valid.exclude(expires_at__lte=Now()).values_list("pk", "scopes"))))
    return {
        access: Unauthorized("This token was revoked, or it has expired.")
        for access in accesses
        if access.token_id not in scopes or not access.scopes.issubset(scopes[access.token_id])
    }


def _lost_members(accesses: Collection[MemberAccess]) -> DbWork[Losses]:
    keys = {access.session_key for access in accesses if access.session_key}
    signed_in: Mapping[str, int] = (yield from _signed_in(keys)) if keys else {}
    users = {access.user_id for access in accesses}
    of_users = Member.objects.filter(user_id__in=users, user__is_active=True, log_id__in={a.log_id for a in accesses})
    members: list[Member] = yield Read(
        of_users.values_list("user_id", "log_id", "role"),
        lambda user_id, log_id, role: Member(user_id=user_id, log_id=log_id, role=role),
    )
    by_place = {(member.user_id, member.log_id): member for member in members}
    errors: dict[Access, EventsError] = {}
    for access in accesses:
        member = by_place.get((access.user_id, access.log_id))
        if access.session_key and signed_in.get(access.session_key) != access.user_id:
            errors[access] = Unauthorized("This session has ended: sign in again.")
        elif member is None or not may(member, access.role):
            errors[access] = NotFound("You may no longer see this log.")
    return errors


def _signed_in(keys: Collection[str]) -> DbWork[Mapping[str, int]]:
    """Return the persons of the sessions that have not ended, by key: `membership.person` for many at once."""
    lasting = Session.objects.filter(session_key__in=keys, expire_date__gt=Now())
    texts: list[tuple[str, str]] = yield _pairs(lasting.values_list("session_key", "session_data"))
    sessions = [(key, SessionStore().decode(text)) for key, text in texts]
    ids = {int(data[SESSION_KEY]) for _, data in sessions if SESSION_KEY in data}
    passwords = dict((yield _pairs(User.objects.filter(pk__in=ids).values_list("pk", "password"))))
    return dict(_unchanged(sessions, passwords))


def _unchanged(sessions: list[tuple[str, dict[str, Any]]], passwords: Mapping[int, str]) -> Iterator[tuple[str, int]]:
    """Yield the sessions whose person has not changed the password since, which ends a session."""
    for key, data in sessions:
        user_id = int(data.get(SESSION_KEY, 0))
        if user_id in passwords:
            user = User(password=passwords[user_id])
            if user.get_session_auth_hash() == data.get(HASH_SESSION_KEY):
                yield key, user_id


def _pairs(query: Any) -> Read[tuple[Any, Any]]:
    return Read(query, lambda *pair: pair)
