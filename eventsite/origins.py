"""The check of a websocket's origin: a browser sends the cookie along for any page that opens one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host
from django.utils.http import is_same_domain

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEMES = {"ws": "http", "wss": "https"}


class SameOrigin:
    """Accepts a websocket if its Origin has the scheme, host and port of the request, or is a trusted origin.

    A host alone is not enough: another port of the same machine may be anybody's.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _is_let_in(scope):
            await self._application(scope, receive, send)
        else:
            await send({"type": "websocket.close"})  # before it is accepted: the server answers 403


def _is_let_in(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    host, text = (headers.get(name, b"").decode("latin-1") for name in (b"host", b"origin"))
    origin = _origin(text)
    own = _origin(f"{_SCHEMES.get(scope['scheme'])}://{host}")
    if origin is None or own is None or not validate_host(own[1], settings.ALLOWED_HOSTS):
        return False
    return origin == own or any(_is_trusted(origin, trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS)


def _origin(text: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port, or None if one is missing: pages of a sandbox send `null`."""
    try:
        parts = urlsplit(text)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return (parts.scheme, host, port) if host else None


def _is_trusted(origin: tuple[str, str, int], trusted: str) -> bool:
    """Whether an origin is trusted, by Django's rules for CSRF_TRUSTED_ORIGINS.

    `https://*.example.com` includes each subdomain.
    """
    pattern = _origin(trusted.replace("://*", "://"))
    if pattern is None:
        return False
    (scheme, host, port), trusted_host = origin, pattern[1]
    is_same_host = is_same_domain(host, trusted_host) if "://*" in trusted else host == trusted_host
    return (scheme, port) == (pattern[0], pattern[2]) and is_same_host
