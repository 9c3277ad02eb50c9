"""Which step set a value: following a pointer back, or on, through what each step changed. Pure.

An array's items move when others come and go before them. A pointer is followed to where its value stood, so that an
insert before an item never counts as setting it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from projections.values.change import Change

Changes: TypeAlias = tuple[int, Sequence[Change]]
"""A step's number and what it changed, in the order in which the operations apply."""
_Followed: TypeAlias = tuple[bool, str | None]
"""Whether an operation touched a value, and where the value stands on its other side: None if it doesn't."""


@dataclass(frozen=True, slots=True)
class Touch:
    """Step `n` changed the value: it set or removed it, something above it or something in it.

    `pointer` is where the value stands after the step; where the step took it away, where it stood before.
    """

    n: int
    pointer: str
    changes: tuple[Change, ...]


def history(pointer: str, steps: Iterable[Changes]) -> Iterator[Touch]:
    """The steps that changed what stands at a pointer after the first of `steps`, which come newest first.

    The first is the one to blame. An item of an array has no history before it came.
    """
    for n, changes in steps:
        after = pointer
        touched: list[Change] = []
        for change in reversed(changes):
            hit, before = _back(pointer, change)
            if hit:
                touched.insert(0, change)
            if before is None:
                yield Touch(n, after, tuple(touched))
                return
            pointer = before
        if touched:
            yield Touch(n, after, tuple(touched))


def future(pointer: str, steps: Iterable[Changes]) -> Iterator[Touch]:
    """The steps that change what stands at a pointer before the first of `steps`, which come oldest first.

    It ends where an item of an array goes.
    """
    for n, changes in steps:
        touched: list[Change] = []
        for change in changes:
            hit, after = _forth(pointer, change)
            if hit:
                touched.append(change)
            if after is None:
                yield Touch(n, pointer, tuple(touched))
                return
            pointer = after
        if touched:
            yield Touch(n, pointer, tuple(touched))


def stands_after(pointer: str, changes: Iterable[Change]) -> str | None:
    """Where the value that stands at a pointer before some changes stands after them; None: nowhere."""
    for change in changes:
        _, after = _forth(pointer, change)
        if after is None:
            return None
        pointer = after
    return pointer


def stood_before(pointer: str, changes: Sequence[Change]) -> str | None:
    """Where the value that stands at a pointer after some changes stood before them; None: nowhere."""
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
    return (_gone if change.op == "add" else _pushed)(pointer, change.path)


def _forth(pointer: str, change: Change) -> _Followed:
    if change.op == "move":
        return _moved(pointer, change.source or "", change.path)
    if not change.shifts:
        return _touches(pointer, change.path), pointer
    return (_pushed if change.op == "add" else _gone)(pointer, change.path)


def _touches(pointer: str, path: str) -> bool:
    return _within(pointer, path) or _within(path, pointer)


def _within(pointer: str, container: str) -> bool:
    """Whether it is the container itself or stands in it."""
    return pointer.startswith(container) and pointer[len(container) : len(container) + 1] in ("", "/")


def _gone(pointer: str, path: str) -> _Followed:
    """On the side without the item at `path`."""
    return _reindexed(pointer, path, lambda index, item: None if index == item else index - (index > item))


def _pushed(pointer: str, path: str) -> _Followed:
    """On the side with one more item, at `path`."""
    return _reindexed(pointer, path, lambda index, item: index + (index >= item))


def _moved(pointer: str, here: str, there: str) -> _Followed:
    """On the other side of a move: what stands here stands there."""
    target = int(there.rpartition("/")[2])

    def index_of(index: int, item: int) -> int:
        if index == item:
            return target
        index -= index > item
        return index + (index >= target)

    return _reindexed(pointer, here, index_of)


def _reindexed(pointer: str, path: str, index_of: Callable[[int, int], int | None]) -> _Followed:
    """Follow a pointer through an array whose item at `path` came or went. Who contains the array is touched."""
    array, _, item = path.rpartition("/")
    if _within(array, pointer):
        return True, pointer
    if not _within(pointer, array):
        return False, pointer
    index, slash, rest = pointer[len(array) + 1 :].partition("/")
    if not (index.isascii() and index.isdigit()):
        return False, pointer
    other = index_of(int(index), int(item))
    return other is None, None if other is None else f"{array}/{other}{slash}{rest}"
