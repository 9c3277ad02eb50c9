"""Secrets that libraries put into spans by themselves are hidden before anything is appended, as a log forgets nothing.

A secret that somebody said to a model is no matter of this module: it is a message like others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

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
_COMMANDS = frozenset({"process.command_line", "process.command_args"})
_NAME = r"[\w-]*(?:key|token|secret|signature|passw(?:or)?d|passphrase|credential|auth|authorization|cookie)"
_OPTION = re.compile(f"-{_NAME}", re.ASCII | re.IGNORECASE)
_ACCESS = re.compile(
    rf"""(?<![^\s='"`,;({{[])(?:{_NAME}['"]?\s*[=:]|-{_NAME}\s|bearer\s)\s*(?=\S)""", re.ASCII | re.IGNORECASE
)
"""The beginning of an argument, or of what is in it, up to a secret: `--token=`, `--token `, `API_KEY=`, `X-Key: `."""
_PERSON = re.compile(r"(?<=://)[^/?#@\s]+@", re.ASCII)
"""A name and a password before the host."""


def hide(attributes: dict[str, Value]) -> None:
    """Hide the secrets in the addresses, errors, headers and commands that are among some attributes."""
    for key in _TEXTS & attributes.keys():
        value = attributes[key]
        if isinstance(value, str):
            attributes[key] = without_secrets(value)
    for key in attributes:
        if key.startswith(_HEADERS) and _HEADER.search(key.rpartition(".")[2]):
            attributes[key] = HIDDEN
    for key in _COMMANDS & attributes.keys():
        value = attributes[key]
        if isinstance(value, str):
            attributes[key] = _without_access(value)
        elif isinstance(value, list):
            attributes[key] = _arguments_without_access(value)


def _arguments_without_access(arguments: Sequence[Any]) -> list[Any]:
    """Return arguments of a command without secrets. An option such as `--token` has its secret in the next one."""
    shown: list[Any] = []
    is_secret = False
    for argument in arguments:
        text = argument if isinstance(argument, str) else ""
        shown.append(HIDDEN if is_secret else _without_access(text) if text else argument)
        is_secret = _OPTION.fullmatch(text) is not None
    return shown


def _without_access(text: str) -> str:
    """Return a command, or an argument of one, up to the first secret in it.

    Nobody knows where that ends: quotes are often lost when a line is made of arguments.
    """
    shown = without_secrets(text)
    access = _ACCESS.search(shown)
    return shown if access is None else shown[: access.end()] + HIDDEN


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
