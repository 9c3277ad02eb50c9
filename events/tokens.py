"""Tokens: made here, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

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
