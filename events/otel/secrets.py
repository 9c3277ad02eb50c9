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
_LINE, _ARGUMENTS = "process.command_line", "process.command_args"
_OPTION = re.compile(r"--?[\w-]*(?:key|token|secret|signature|password|credential)", re.ASCII | re.IGNORECASE)
_SPACE = re.compile(r"(\s+)")
_PERSON = re.compile(r"(?<=://)[^/?#@\s]+@", re.ASCII)
"""A name and a password before the host."""


def hide(attributes: dict[str, Value]) -> None:
    """Hide the secrets in the addresses, errors, headers and options of commands that are among some attributes."""
    for key in _TEXTS & attributes.keys():
        value = attributes[key]
        if isinstance(value, str):
            attributes[key] = without_secrets(value)
    for key in attributes:
        if key.startswith(_HEADERS) and _HEADER.search(key.rpartition(".")[2]):
            attributes[key] = HIDDEN
    if isinstance(arguments := attributes.get(_ARGUMENTS), list):
        attributes[_ARGUMENTS] = _without_options(arguments)
    if isinstance(line := attributes.get(_LINE), str):
        words = _SPACE.split(without_secrets(line))
        words[::2] = _without_options(words[::2])
        attributes[_LINE] = "".join(words)


def _without_options(arguments: Sequence[Any]) -> list[Any]:
    """Return arguments of a command without the values of options that give access: `--token=…` or `--token …`."""
    shown: list[Any] = []
    is_secret = False
    for argument in arguments:
        option, sign, _ = str(argument).partition("=")
        is_option = _OPTION.fullmatch(option) is not None
        shown.append(f"{option}={HIDDEN}" if is_option and sign else HIDDEN if is_secret else argument)
        is_secret = is_option and not sign
    return shown


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
