"""Tokens, which are created here, shown once, and kept as a hash and their last four characters."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils import timezone

from events.errors import Invalid
from events.models import Log, Scope, Token
from events.system_streams import PREFIX as SYSTEM_PREFIX
from events.system_streams import is_system

PREFIX = "evt_"
"""Tells people and secret scanners that the text is a token."""
_ENDING_CHARACTERS = 4


def hash_of(token: str) -> bytes:
    """Return the hash of a token. A token has 256 random bits, so nobody can guess it from a plain hash."""
    return hashlib.sha256(token.encode()).digest()


def ending(token: str) -> str:
    """Return the last characters of a token, by which people tell it from others; too few for guessing the rest."""
    return token[-_ENDING_CHARACTERS:]


def check_stream_prefix(prefix: str) -> str:
    """Return the prefix of a token's streams; one that only streams of the server have is refused."""
    if is_system(prefix):
        raise Invalid(
            f"Streams whose names begin with {SYSTEM_PREFIX!r} belong to the server, so no token is for them alone:"
            " a token without a prefix reads them.",
            field="stream_prefix",
        )
    return prefix


def create_token(
    log: Log,
    *,
    name: str,
    scopes: Iterable[Scope],
    stream_prefix: str = "",
    agent: str | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Create a token and return it. This is the only time that it can be seen.

    Raises:
        Invalid: `stream_prefix` reaches streams of the server only.
    """
    token = PREFIX + secrets.token_urlsafe(32)
    Token.objects.create(
        log=log,
        name=name,
        hash=hash_of(token),
        ending=ending(token),
        scopes=list(scopes),
        stream_prefix=check_stream_prefix(stream_prefix),
        agent=agent,
        expires_at=expires_at,
    )
    return token


@contextmanager
def temporary_token(log: Log, *, name: str, scopes: Iterable[Scope], lifetime: timedelta) -> Iterator[str]:
    """Give a token for the time of a block. One that was left over expires, and is removed by the next call."""
    Token.objects.filter(log=log, name=name, expires_at__lt=timezone.now()).delete()
    token = create_token(log, name=name, scopes=scopes, expires_at=timezone.now() + lifetime)
    try:
        yield token
    finally:
        Token.objects.filter(hash=hash_of(token)).delete()
