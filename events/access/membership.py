"""The check of a person's membership in a log, for pages, sockets and the API alike."""

from __future__ import annotations

from django.contrib.auth import get_user
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest

from events.errors import NotFound
from events.models import Member, Role

_RANK = {role: rank for rank, role in enumerate(Role)}


def person(session_key: str) -> AbstractBaseUser | AnonymousUser:
    """Return the person who is signed in by a session's key; an anonymous user if there is no such session now."""
    request = HttpRequest()
    request.session = SessionStore(session_key if session_key.isalnum() else None)
    return get_user(request)


def membership(user: AbstractBaseUser | AnonymousUser, log_name: str, *, role: Role = Role.VIEWER) -> Member:
    """Return the person's membership of a log, with the log, if its role is this one or a higher one.

    Raises:
        NotFound: there is no such log, no such member, or the role is too low: an outsider can't tell which.
    """
    members = Member.objects.select_related("log__end").filter(log__name=log_name)
    member = members.filter(user_id=user.pk).first() if user.pk else None
    if member is None or not may(member, role):
        raise NotFound(f"There is no log {log_name!r} that you may see.")
    return member


def may(member: Member, role: Role) -> bool:
    """Whether a member's role is this one or a higher one."""
    return _RANK[Role(member.role)] >= _RANK[role]
