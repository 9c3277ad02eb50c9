"""JSON Pointers (RFC 6901): `/lists/domestic/10`, `""` for the whole. Pure."""

from __future__ import annotations

from typing import Any


def below(pointer: str, key: str | int) -> str:
    """The pointer of `key` in what stands at `pointer`."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def tokens(pointer: str) -> list[str]:
    """A pointer's keys, outermost first.

    Raises:
        LookupError: it is no pointer.
    """
    if not pointer:
        return []
    if not pointer.startswith("/"):
        raise LookupError(pointer)
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


def at(value: Any, pointer: str) -> Any:
    """What stands at a pointer.

    Raises:
        LookupError: nothing does.
    """
    for token in tokens(pointer):
        if isinstance(value, list) and token.isascii() and token.isdigit() and len(token) < 10:
            value = value[int(token)]
        elif isinstance(value, dict):
            value = value[token]
        else:
            raise LookupError(pointer)
    return value
