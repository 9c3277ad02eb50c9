"""What stands behind a change: the events that led to its event, and where an equal value stood just before."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice

from events.json.pointer import below
from projections.values.change import Json
from projections.values.diff import equal

_MOST_LOOKED_AT = 20_000
_FEW = 3
_TELLING_TEXT = 4
_TELLING_DIGITS = 3
_TELLING_ITEMS = 2


def equals(value: Json, state: Json, *, but: str) -> list[str]:
    """Where values stand in a state that equal one, other than at the pointer `but`: a few, of what tells something.

    That true, 0 or "ok" stood elsewhere too says nothing of where it came from. Of a large state the first part is
    looked through.
    """
    found: list[str] = []
    if not _is_telling(value):
        return found
    for pointer, other in _walk(state):
        if len(found) == _FEW:
            break
        if type(other) is type(value) and pointer != but and equal(value, other):
            found.append(pointer)
    return found


def _walk(state: Json) -> Iterator[tuple[str, Json]]:
    """The values with their pointers, outer ones first, up to so many."""
    left: list[tuple[str, Json]] = [("", state)]
    for pointer, value in left:
        yield pointer, value
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            room = max(_MOST_LOOKED_AT - len(left), 0)
            left += ((below(pointer, key), item) for key, item in islice(items, room))


def _is_telling(value: Json) -> bool:
    if isinstance(value, str):
        return len(value) >= _TELLING_TEXT
    if isinstance(value, dict | list):
        return len(value) >= _TELLING_ITEMS
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and len(str(value)) >= _TELLING_DIGITS
