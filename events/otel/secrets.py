"""Secrets that libraries put into spans by themselves are hidden before anything is appended, as a log forgets nothing.

A secret that somebody said to a model is no matter of this module: it is a message like others.
"""

from __future__ import annotations

import re

from events.otel.spans import Value

HIDDEN = "REDACTED"
"""The word that the conventions of OpenTelemetry want in the place of a secret in an address."""
_TEXTS = frozenset(
    {"url.full", "url.original", "url.query", "http.url", "http.target", "db.connection_string",
     "error.message", "exception.message", "exception.stacktrace"}
)  # fmt: skip
"""Addresses, and texts that quote them."""
_HEADERS = ("http.request.header.", "http.response.header.", "rpc.request.metadata.", "rpc.response.metadata.")
_HEADER = re.compile(r"auth|cookie|key|token|secret|password|credential", re.IGNORECASE)
_PARAMETER = re.compile(
    r"((?:^|[?&;])(?:[\w-]*(?:key|token|secret|signature|password|credential)|key|sig|code|auth|authorization"
    r"|awsaccesskeyid)=)[^&;#\s'\"]+",
    re.ASCII | re.IGNORECASE,
)
_PERSON = re.compile(r"(?<=://)[^/?#@\s]+@", re.ASCII)
"""A name and a password before the host."""


def hide(attributes: dict[str, Value]) -> None:
    """Hide the secrets in the addresses, errors and headers that are among some attributes."""
    for key in _TEXTS & attributes.keys():
        value = attributes[key]
        if isinstance(value, str):
            attributes[key] = without_secrets(value)
    for key in attributes:
        if key.startswith(_HEADERS) and _HEADER.search(key.rpartition(".")[2]):
            attributes[key] = HIDDEN


def hide_within(value: Value) -> None:
    """Hide the secrets in the objects that a value is, or holds, however deep. Other texts stay as they are."""
    if isinstance(value, dict):
        hide(value)
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            hide_within(inner)


def without_secrets(text: str) -> str:
    """Return an address, or a text that may quote some, with the names, passwords and keys in them hidden."""
    if "=" not in text and "@" not in text:
        return text
    return _PERSON.sub(f"{HIDDEN}@", _PARAMETER.sub(rf"\g<1>{HIDDEN}", text))
