"""JSON Pointers (RFC 6901): `/lists/domestic/10`, `""` for the whole. Pure."""

from __future__ import annotations

from typing import Any

from events.digits import whole_number

_MAX_INDEX_DIGITS = 9


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


def array_index(token: str) -> int | None:
    """The index in an array that a token names; None for a token that names none."""
    return whole_number(token, max_digits=_MAX_INDEX_DIGITS)


def at(value: Any, pointer: str) -> Any:
    """What stands at a pointer.

    Raises:
        LookupError: nothing does.
    """
    for token in tokens(pointer):
        index = array_index(token) if isinstance(value, list) else None
        if index is not None:
            value = value[index]
        elif isinstance(value, dict):
            value = value[token]
        else:
            raise LookupError(pointer)
    return value
