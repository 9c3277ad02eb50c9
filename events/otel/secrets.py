"""Secrets that libraries put into spans by themselves are hidden before anything is appended, as a log forgets nothing.

A secret that somebody said to a model is no matter of this module: it is a message like others.
"""

from __future__ import annotations

import re

from events.otel.spans import Value

HIDDEN = "REDACTED"
"""The word that the conventions of OpenTelemetry want in the place of a secret in an address."""
_ADDRESSES = frozenset({"url.full", "url.query", "http.url", "http.target"})
_HEADERS = frozenset(
    f"http.request.header.{name}" for name in ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key")
) | {"http.response.header.set-cookie"}
_KEYS = _ADDRESSES | _HEADERS
_PARAMETER = re.compile(
    r"((?:^|[?&])(?:[\w-]*(?:key|token|secret|signature|password|credential)|key|sig|code|auth|authorization)=)[^&#\s]+",
    re.ASCII | re.IGNORECASE,
)
_PERSON = re.compile(r"(?<=://)[^/?#@\s]+@", re.ASCII)
"""A name and a password before the host."""


def hide(attributes: dict[str, Value]) -> None:
    """Hide the secrets in the addresses and headers of HTTP calls that are among the attributes of a span."""
    for key in _KEYS & attributes.keys():
        value = attributes[key]
        if key in _HEADERS:
            attributes[key] = HIDDEN
        elif isinstance(value, str):
            attributes[key] = _PERSON.sub(f"{HIDDEN}@", _PARAMETER.sub(rf"\g<1>{HIDDEN}", value))
