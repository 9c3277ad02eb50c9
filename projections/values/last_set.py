"""Which step set each value of a state, of many at once: one walk back instead of one a value. Pure.

`blame.py` follows one pointer. Here the pointers stand in a trie, so that an operation costs its depth, and what an
array's item pushes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from projections.values.blame import Changes
from projections.values.change import Change


class _Node:
    """A place in the state. `asked` is the pointer that was asked for here, as it is after the last step."""

    __slots__ = ("asked", "below")

    def __init__(self) -> None:
        self.asked: str | None = None
        self.below: dict[str, _Node] = {}

    def take_all(self) -> Iterator[str]:
        """The pointers asked for here and below, each once."""
        if self.asked is not None:
            yield self.asked
            self.asked = None
        for each in self.below.values():
            yield from each.take_all()
        self.below = {}


def setters(pointers: Iterable[str], steps: Iterable[Changes]) -> dict[str, int]:
    """The step that last set each of the values that stand at pointers after the first of `steps`, newest first.

    A pointer that no step touched is left out. As `blame.history`, whose first step it is.
    """
    root, left = _trie(pointers)
    found: dict[str, int] = {}
    for n, changes in steps:
        if len(found) == left:
            break
        for change in reversed(changes):
            for pointer in _touched(root, change):
                found[pointer] = n
    return found


def _trie(pointers: Iterable[str]) -> tuple[_Node, int]:
    root, count = _Node(), 0
    for pointer in set(pointers):
        node = root
        for token in pointer.split("/")[1:]:
            node = node.below.setdefault(token, _Node())
        node.asked = pointer
        count += 1
    return root, count


def _touched(root: _Node, change: Change) -> Iterator[str]:
    """The pointers that an operation touched, taken away; the others stand where they stood before it."""
    *above, last = change.path.split("/")
    node = root
    way = [root] if above else []
    for token in [*above[1:]]:
        found = node.below.get(token)
        if found is None:
            break
        node = found
        way.append(node)
    for each in way:  # a container that was asked for
        if each.asked is not None:
            yield each.asked
            each.asked = None
    if len(way) < len(above):
        return
    if not above:
        yield from root.take_all()
    elif change.op == "move":
        _moved(node, int(last), int((change.source or "").rpartition("/")[2]))
    elif not change.shifts:
        if gone := node.below.get(last):
            yield from gone.take_all()
    else:
        yield from _shifted(node, int(last), is_new=change.op == "add")


def _shifted(array: _Node, item: int, *, is_new: bool) -> Iterator[str]:
    """Before an item came, those behind it stood one place nearer; before one went, one place further."""
    if is_new and (gone := array.below.pop(str(item), None)):
        yield from gone.take_all()
    behind = _items(array, item)
    for index, _ in behind:
        del array.below[str(index)]
    for index, node in behind:
        array.below[str(index - 1 if is_new else index + 1)] = node


def _moved(array: _Node, here: int, there: int) -> None:
    first, last = min(here, there), max(here, there)
    within = [(index, node) for index, node in _items(array, first) if index <= last]
    for index, _ in within:
        del array.below[str(index)]
    for index, node in within:
        array.below[str(there if index == here else index + 1 if there < here else index - 1)] = node


def _items(array: _Node, first: int) -> Sequence[tuple[int, _Node]]:
    items = ((int(token), node) for token, node in array.below.items() if token.isascii() and token.isdigit())
    return [(index, node) for index, node in items if index >= first]
