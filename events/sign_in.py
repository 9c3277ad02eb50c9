"""Links that sign a person in without a password: once, within 15 minutes, from this machine or its network.

A request that came through a proxy is refused: then people outside can reach the page, and a link that is good
on one's own machine is no way to sign in.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from events.models import SignInLink

LIFETIME = timedelta(minutes=15)


def create_link(user: User) -> str:
    """A new link's token: /sign-in/<token>/."""
    token = secrets.token_urlsafe(32)
    SignInLink.objects.filter(expires_at__lt=timezone.now()).delete()
    SignInLink.objects.create(user=user, hash=_hash(token), expires_at=timezone.now() + LIFETIME)
    return token


def link_user(token: str) -> User | None:
    """Whom the link would sign in; None where it is unknown, used or too old. Looking does not use it up."""
    link = _valid_links(token).select_related("user").first()
    return link.user if link else None


def consume(request: HttpRequest, token: str) -> User | None:
    """Sign the link's person in and use the link up; None where it is not valid, or not for such a request."""
    user = None if is_forwarded(request) else link_user(token)
    # One statement decides who was first, so a link works once however many requests come at a time.
    if user is None or not _valid_links(token).update(used_at=timezone.now()):
        return None
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def is_forwarded(request: HttpRequest) -> bool:
    """Whether a proxy says that it passed the request on."""
    return any(name == "forwarded" or name.startswith("x-forwarded-") for name in map(str.lower, request.headers))


def _valid_links(token: str) -> models.QuerySet[SignInLink]:
    return SignInLink.objects.filter(
        hash=_hash(token), used_at=None, expires_at__gt=timezone.now(), user__is_active=True
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
