"""The step that last set each of many values: one walk back through the steps, not one walk for each value. Pure.

`blame.py` follows one pointer. Here all pointers stand in a trie, so that a change costs the depth of its path, and the
items of an array that it shifts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from events.json.pointer import array_index
from projections.values.blame import Changes
from projections.values.change import Change


class _Node:
    """A place in the state.

    `pointer` is the one that the caller passed, as it is after the last step; None: no pointer.
    """

    __slots__ = ("below", "pointer")

    def __init__(self) -> None:
        self.pointer: str | None = None
        self.below: dict[str, _Node] = {}

    def take_all(self) -> Iterator[str]:
        """Yield the caller's pointers, here and below, each once."""
        if self.pointer is not None:
            yield self.pointer
            self.pointer = None
        for child in self.below.values():
            yield from child.take_all()
        self.below = {}


def setters(pointers: Iterable[str], steps: Iterable[Changes]) -> dict[str, int]:
    """Return the number of the step that last set the value at each pointer.

    `steps` come newest first, and the pointers hold after the first of them. A pointer that no step touched is left
    out. The number is that of the first step of `blame.past`.
    """
    root, count = _trie(pointers)
    last_steps: dict[str, int] = {}
    for n, changes in steps:
        if len(last_steps) == count:
            break
        for change in reversed(changes):
            for pointer in _take_touched(root, change):
                last_steps[pointer] = n
    return last_steps


def _trie(pointers: Iterable[str]) -> tuple[_Node, int]:
    root, count = _Node(), 0
    for pointer in set(pointers):
        node = root
        for token in pointer.split("/")[1:]:
            node = node.below.setdefault(token, _Node())
        node.pointer = pointer
        count += 1
    return root, count


def _take_touched(root: _Node, change: Change) -> Iterator[str]:
    """Remove the pointers that a change touched from the trie and yield them.

    The other pointers move to their places before the change.
    """
    *above, last = change.path.split("/")
    node = root
    way = [root] if above else []
    for token in above[1:]:
        child = node.below.get(token)
        if child is None:
            break
        node = child
        way.append(node)
    for container in way:
        if container.pointer is not None:
            yield container.pointer
            container.pointer = None
    if len(way) < len(above):
        return
    if not above:
        yield from root.take_all()
    elif change.op == "move":
        _move_item(node, int(last), int((change.source or "").rpartition("/")[2]))
    elif not change.shifts:
        if target := node.below.get(last):
            yield from target.take_all()
    else:
        yield from _shift_items(node, int(last), is_new=change.op == "add")


def _shift_items(array: _Node, item: int, *, is_new: bool) -> Iterator[str]:
    """Yield the pointers of an added item, and move the later items to their index before the change."""
    if is_new and (item_node := array.below.pop(str(item), None)):
        yield from item_node.take_all()
    later_items = _items(array, item)
    for index, _ in later_items:
        del array.below[str(index)]
    for index, node in later_items:
        array.below[str(index - 1 if is_new else index + 1)] = node


def _move_item(array: _Node, from_index: int, to_index: int) -> None:
    first, last = min(from_index, to_index), max(from_index, to_index)
    moved_items = [(index, node) for index, node in _items(array, first) if index <= last]
    for index, _ in moved_items:
        del array.below[str(index)]
    for index, node in moved_items:
        array.below[str(to_index if index == from_index else index + 1 if to_index < from_index else index - 1)] = node


def _items(array: _Node, first: int) -> Sequence[tuple[int, _Node]]:
    items = ((array_index(token), node) for token, node in array.below.items())
    return [(index, node) for index, node in items if index is not None and index >= first]
