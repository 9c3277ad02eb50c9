"""The steps that changed a value: its pointer is followed backward or forward through the changes of steps. Pure.

An item of an array gets another index when an item before it is added or removed. The pointer follows the item, so that
an insert before an item never counts as setting it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from events.json.pointer import array_index
from projections.values.change import Change

Changes: TypeAlias = tuple[int, Sequence[Change]]
"""The number of a step and its changes, in the order in which they apply."""
_Followed: TypeAlias = tuple[bool, str | None]
"""Whether a change touched a value, and the pointer of the value on the other side of the change: None if it has
none."""


@dataclass(frozen=True, slots=True)
class Touch:
    """Step `n` changed the value: the step set or removed the value, a container of it, or something in it.

    `pointer` is the place of the value after the step; if the step removed the value, its place before the step.
    """

    n: int
    pointer: str
    changes: tuple[Change, ...]


def past(pointer: str, steps: Iterable[Changes]) -> Iterator[Touch]:
    """Yield the steps that changed the value at `pointer`, newest first.

    `steps` come newest first, and `pointer` holds after the first of them. The first result is the step to blame. An
    item of an array has no history before it was added.
    """
    for n, changes in steps:
        after = pointer
        value_changes: list[Change] = []
        for change in reversed(changes):
            is_touched, before = _back(pointer, change)
            if is_touched:
                value_changes.insert(0, change)
            if before is None:
                yield Touch(n, after, tuple(value_changes))
                return
            pointer = before
        if value_changes:
            yield Touch(n, after, tuple(value_changes))


def future(pointer: str, steps: Iterable[Changes]) -> Iterator[Touch]:
    """Yield the steps that change the value at `pointer`, oldest first.

    `steps` come oldest first, and `pointer` holds before the first of them. The result ends where an item of an array
    is removed.
    """
    for n, changes in steps:
        value_changes: list[Change] = []
        for change in changes:
            is_touched, after = _forth(pointer, change)
            if is_touched:
                value_changes.append(change)
            if after is None:
                yield Touch(n, pointer, tuple(value_changes))
                return
            pointer = after
        if value_changes:
            yield Touch(n, pointer, tuple(value_changes))


def pointer_after(pointer: str, changes: Iterable[Change]) -> str | None:
    """Return the pointer, after some changes, of the value that is at `pointer` before them; None if it was removed."""
    for change in changes:
        _, after = _forth(pointer, change)
        if after is None:
            return None
        pointer = after
    return pointer


def pointer_before(pointer: str, changes: Sequence[Change]) -> str | None:
    """Return the pointer, before some changes, of the value that is at `pointer` after them; None if there was none."""
    for change in reversed(changes):
        _, before = _back(pointer, change)
        if before is None:
            return None
        pointer = before
    return pointer


def _back(pointer: str, change: Change) -> _Followed:
    if change.op == "move":
        return _moved(pointer, change.path, change.source or "")
    if not change.shifts:
        return _touches(pointer, change.path), pointer
    return (_pulled if change.op == "add" else _pushed)(pointer, change.path)


def _forth(pointer: str, change: Change) -> _Followed:
    if change.op == "move":
        return _moved(pointer, change.source or "", change.path)
    if not change.shifts:
        return _touches(pointer, change.path), pointer
    return (_pushed if change.op == "add" else _pulled)(pointer, change.path)


def _touches(pointer: str, path: str) -> bool:
    return _within(pointer, path) or _within(path, pointer)


def _within(pointer: str, container: str) -> bool:
    """Whether a pointer is the container or leads into it."""
    return pointer.startswith(container) and pointer[len(container) : len(container) + 1] in ("", "/")


def _pulled(pointer: str, path: str) -> _Followed:
    """Return the pointer on the side of the change where the item at `path` does not exist."""
    return _reindexed(pointer, path, lambda index, item: None if index == item else index - (index > item))


def _pushed(pointer: str, path: str) -> _Followed:
    """Return the pointer on the side of the change where one more item exists, at `path`."""
    return _reindexed(pointer, path, lambda index, item: index + (index >= item))


def _moved(pointer: str, origin: str, destination: str) -> _Followed:
    """Return the pointer on the other side of a move from `origin` to `destination`."""
    target = int(destination.rpartition("/")[2])

    def index_of(index: int, item: int) -> int:
        if index == item:
            return target
        index -= index > item
        return index + (index >= target)

    return _reindexed(pointer, origin, index_of)


def _reindexed(pointer: str, path: str, index_of: Callable[[int, int], int | None]) -> _Followed:
    """Follow a pointer through an array in which the item at `path` was added or removed.

    The array and its containers count as touched.
    """
    array, _, item = path.rpartition("/")
    if _within(array, pointer):
        return True, pointer
    if not _within(pointer, array):
        return False, pointer
    index, slash, rest = pointer[len(array) + 1 :].partition("/")
    place = array_index(index)
    if place is None:
        return False, pointer
    other = index_of(place, int(item))
    return other is None, None if other is None else f"{array}/{other}{slash}{rest}"
