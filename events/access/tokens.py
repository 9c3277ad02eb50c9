"""Tokens: made here, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils import timezone

from events.models import Log, Scope, Token

PREFIX = "evt_"
"""Says what it is, to people and to secret scanners."""


def hash_of(token: str) -> bytes:
    """What is kept. A token has 256 random bits, so a plain hash can't be guessed back."""
    return hashlib.sha256(token.encode()).digest()


def create(
    log: Log,
    *,
    name: str,
    scopes: Iterable[Scope],
    stream_prefix: str = "",
    agent: str | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Make a token. The answer is the only time that it can be seen."""
    token = PREFIX + secrets.token_urlsafe(32)
    Token.objects.create(
        log=log,
        name=name,
        hash=hash_of(token),
        scopes=list(scopes),
        stream_prefix=stream_prefix,
        agent=agent,
        expires_at=expires_at,
    )
    return token


@contextmanager
def lent(log: Log, *, name: str, scopes: Iterable[Scope], lifetime: timedelta) -> Iterator[str]:
    """A token for as long as something takes. One that was left behind ends by itself, and goes the next time."""
    Token.objects.filter(log=log, name=name, expires_at__lt=timezone.now()).delete()
    token = create(log, name=name, scopes=scopes, expires_at=timezone.now() + lifetime)
    try:
        yield token
    finally:
        Token.objects.filter(hash=hash_of(token)).delete()
