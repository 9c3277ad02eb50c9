"""JSON Pointers (RFC 6901): `/lists/domestic/10`, or `""` for the whole value. Pure."""

from __future__ import annotations

import re
from typing import Any

from events.digits import whole_number

_MAX_INDEX_DIGITS = 9
_BELOW = re.compile(r"(/([^/~]|~[01])*)+", re.DOTALL)


def is_below(text: str) -> bool:
    """Whether a text is a JSON Pointer to a part of a value. In a key, `~` is written as `~0`, and a slash as `~1`."""
    return _BELOW.fullmatch(text) is not None


def below(pointer: str, key: str | int) -> str:
    """Return the pointer to the member or item `key` of the value at `pointer`."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def tokens(pointer: str) -> list[str]:
    """Return a pointer's keys, outermost first.

    Raises:
        LookupError: the text is not a JSON Pointer.
    """
    if not pointer:
        return []
    if not pointer.startswith("/"):
        raise LookupError(pointer)
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


def array_index(token: str) -> int | None:
    """Return the array index that a token means, or None."""
    return whole_number(token, max_digits=_MAX_INDEX_DIGITS)


def at(value: Any, pointer: str) -> Any:
    """Return the value at a pointer.

    Raises:
        LookupError: there is no value there.
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
