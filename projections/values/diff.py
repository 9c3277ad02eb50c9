"""The difference between two JSON values as operations of RFC 6902, and how to apply them.

The tests hold that `apply(before, diff(before, after))` equals `after`. Equal means the same JSON value: the order of
keys and the digits of a number (1.5, 1.50) make no difference.

Values that both sides share by identity are never compared. So the difference of a handler that returns
`{**state, "a": …}` costs the comparison of the changed value, and one comparison of addresses for each sibling. If
more values changed than anybody reads, one operation replaces the whole container.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from itertools import chain, compress, count, repeat
from operator import is_not
from typing import Any

from events.json.pointer import below, tokens
from projections.values import array_diff
from projections.values.change import Change, Json

MAX_CHILDREN = 1_000
"""Most changed values of one object, or items of one array, that are listed; with more, the container is replaced."""
MAX_NAMED_ITEMS = 5_000
"""Most items of an array that are matched by name, so that moves are found: each move costs a search through them."""
MAX_CHANGES = 10_000
"""Most changes in one object or array, at any depth, that are listed; with more, the container is replaced."""


def diff(before: Json, after: Json) -> tuple[Change, ...]:
    """Return the operations that turn `before` into `after`, in the order in which they apply."""
    return tuple(_diff(before, after, ""))


def diff_along(before: Json, after: Json, pointer: str) -> tuple[Change, ...]:
    """Return the changes of `diff` that affect the value at `pointer`; siblings along the path are not compared.

    There are none if `pointer` is not a valid JSON Pointer.
    """
    try:
        way = tokens(pointer)
    except LookupError:
        return ()
    path = ""
    for token in way:
        if before is after or not (isinstance(before, dict) and isinstance(after, dict)):
            break
        path = below(path, token)
        if token not in before or token not in after:
            addition = (Change("add", path, value=after[token]),) if token in after else ()
            return (Change("remove", path, old=before[token]),) if token in before else addition
        before, after = before[token], after[token]
    return tuple(_diff(before, after, path))


def apply(document: Json, changes: Iterable[Change]) -> Json:
    """Return a copy of the document with the changes applied."""
    holder: Any = {"": deepcopy(document)}
    for change in changes:
        parent, key = _place(holder, change.path)
        if change.op == "move":
            items, source = _place(holder, change.source or "")
            parent.insert(key, items.pop(source))
        elif change.op == "remove":
            del parent[key]
        elif change.op == "add" and isinstance(parent, list):
            parent.insert(key, deepcopy(change.value))
        else:
            parent[key] = deepcopy(change.value)
    return holder[""]  # type: ignore[no-any-return]


def _place(holder: Any, pointer: str) -> tuple[Any, Any]:
    """Return the container of the value at a pointer, and the key or index of the value in it."""
    *way, last = ["", *tokens(pointer)]
    for token in way:
        holder = holder[int(token) if isinstance(holder, list) else token]
    return holder, int(last) if isinstance(holder, list) else last


def equal(left: Json, right: Json) -> bool:
    """Whether two values are the same JSON value. In Python 1 == True; in JSON they differ."""
    if left is right:
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _diff(before: Json, after: Json, path: str) -> Iterator[Change]:
    if before is after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _bounded(_diff_objects(before, after, path), Change("replace", path, value=after, old=before))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _bounded(_diff_arrays(before, after, path), Change("replace", path, value=after, old=before))
    elif not equal(before, after):
        yield Change("replace", path, value=after, old=before)


def _bounded(children: Iterable[Iterable[Change]], whole: Change) -> Iterable[Change]:
    """Return the changes of the children of a container, or the replacement of the whole if they are too many."""
    changes: list[Change] = []
    changed_children = 0
    for child_changes in children:
        length = len(changes)
        changes += child_changes
        changed_children += len(changes) > length
        if changed_children > MAX_CHILDREN or len(changes) > MAX_CHANGES:
            return (whole,)
    return changes


_MISSING = object()


def _diff_objects(before: dict[str, Json], after: dict[str, Json], path: str) -> Iterator[Iterable[Change]]:
    """Yield the changes of each value."""
    names = list(after)
    changed: Iterable[str] = names
    if names[: len(before)] == list(before):
        # The usual case: no key was removed, and new keys stand at the end. The loop over the keys runs in C.
        changed = compress(names, map(is_not, chain(before.values(), repeat(_MISSING)), after.values()))
    else:
        for key in before:
            if key not in after:
                yield (Change("remove", below(path, key), old=before[key]),)
    for key in changed:
        if key not in before:
            yield (Change("add", below(path, key), value=after[key]),)
        elif before[key] is not after[key]:
            yield _diff(before[key], after[key], below(path, key))


def _diff_arrays(before: list[Json], after: list[Json], path: str) -> Iterator[Iterable[Change]]:
    """Yield the changes of each item.

    Items that both ends share are skipped; those between are matched by their names, or else by index.
    """
    head = _shared(before, after)
    tail = min(_shared(reversed(before), reversed(after)), len(before) - head, len(after) - head)
    old: list[Any] = before[head : len(before) - tail]
    new: list[Any] = after[head : len(after) - tail]
    name = array_diff.name_of(old, new) if max(len(old), len(new)) <= MAX_NAMED_ITEMS else None
    if name is None:
        yield from _diff_by_index(old, new, path, head)
        return
    for change in array_diff.rearranged(old, new, name, path=path, first=head):
        yield (change,)
    by_name = {item[name]: item for item in old}
    for i, item in enumerate(new, start=head):
        yield _diff(by_name.get(item[name], item), item, below(path, i))


def _shared(before: Iterable[Json], after: Iterable[Json]) -> int:
    """Return the number of leading items that are identical objects. The loop runs in C."""
    missing = object()
    pairs = ([*before, missing], [*after, object()])
    return next(compress(count(), map(is_not, *pairs)))


def _diff_by_index(old: list[Json], new: list[Json], path: str, first: int) -> Iterator[Iterable[Change]]:
    """Yield the changes of each item, matched by index.

    Equal items at both ends are skipped, so that an insert is one operation.
    """
    shorter = min(len(old), len(new))
    head = next((i for i in range(shorter) if not equal(old[i], new[i])), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if not equal(old[-1 - i], new[-1 - i])), rest)
    old, new, first = old[head : len(old) - tail], new[head : len(new) - tail], first + head
    for i, (old_item, new_item) in enumerate(zip(old, new, strict=False), start=first):
        yield _diff(old_item, new_item, below(path, i))
    for i in reversed(range(len(new), len(old))):
        yield (Change("remove", below(path, first + i), old=old[i], shifts=True),)
    for i in range(len(old), len(new)):
        yield (Change("add", below(path, first + i), value=new[i], shifts=True),)
