"""The pointers of equal values before a change: the changed value may come from there."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice

from events.json.pointer import below
from projections.values.change import Json
from projections.values.diff import equal

_MAX_VALUES = 20_000
_MAX_POINTERS = 3
_MIN_TEXT_CHARACTERS = 4
_MIN_DIGITS = 3
_MIN_ITEMS = 2


def equal_pointers(value: Json, state: Json, *, but: str) -> list[str]:
    """Return a few pointers at which a state holds an equal value, other than the pointer `but`.

    The list is empty for values such as true, 0 or "ok", whose copies tell nothing of their origin. Of a large state
    only the first part is searched.
    """
    pointers: list[str] = []
    if not _is_telling(value):
        return pointers
    for pointer, other in _walk(state):
        if len(pointers) == _MAX_POINTERS:
            break
        if type(other) is type(value) and pointer != but and equal(value, other):
            pointers.append(pointer)
    return pointers


def _walk(state: Json) -> Iterator[tuple[str, Json]]:
    """Yield values with their pointers, outer ones first, at most `_MAX_VALUES`."""
    queue: list[tuple[str, Json]] = [("", state)]
    for pointer, value in queue:
        yield pointer, value
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            room = max(_MAX_VALUES - len(queue), 0)
            queue += ((below(pointer, key), item) for key, item in islice(items, room))


def _is_telling(value: Json) -> bool:
    if isinstance(value, str):
        return len(value) >= _MIN_TEXT_CHARACTERS
    if isinstance(value, dict | list):
        return len(value) >= _MIN_ITEMS
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and len(str(value)) >= _MIN_DIGITS
