"""Addresses in attributes, without the secrets that some services take in them: a log keeps what it gets. Pure."""

from __future__ import annotations

import re

from events.otel.spans import Attributes

_ADDRESSES = ("url.full", "url.query", "http.url", "http.target")
_USER = re.compile(r"(?<=://)[^/?#@\s]+@")
_SECRET = re.compile(
    r"(?i)((?:^|[?&;])(?:(?:api|access|auth|subscription|x)?[-_.]?(?:key|token|secret|sig|signature|password|code)"
    r"|x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid))=[^&;#\s]*"
)
_HIDDEN = "REDACTED"
"""What OpenTelemetry's conventions have in such a place."""


def without_secrets(attributes: Attributes) -> Attributes:
    """Return the attributes of a span, with users, passwords, keys and signatures in addresses replaced."""
    hidden = {}
    for name in _ADDRESSES:
        if isinstance(address := attributes.get(name), str) and ("=" in address or "@" in address):
            hidden[name] = _SECRET.sub(rf"\1={_HIDDEN}", _USER.sub(f"{_HIDDEN}@", address))
    return {**attributes, **hidden} if hidden else attributes
