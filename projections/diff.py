"""What changed between two JSON values, as the operations of RFC 6902, and putting it back on.

`apply(before, diff(before, after))` equals `after`: the property that the tests hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

from events.json_pointer import below, tokens
from projections.types import Change, Json


def diff(before: Json, after: Json) -> tuple[Change, ...]:
    """The operations that turn `before` into `after`, in the order in which they apply."""
    return tuple(_diff(before, after, ""))


def apply(document: Json, changes: Iterable[Change]) -> Json:
    """The document with the changes made; the one passed stays as it is."""
    holder: Any = {"": deepcopy(document)}
    for change in changes:
        *way, last = ["", *tokens(change.path)]
        parent = holder
        for token in way:
            parent = parent[int(token) if isinstance(parent, list) else token]
        key: Any = int(last) if isinstance(parent, list) else last
        if change.op == "remove":
            del parent[key]
        elif change.op == "add" and isinstance(parent, list):
            parent.insert(key, deepcopy(change.value))
        else:
            parent[key] = deepcopy(change.value)
    return holder[""]  # type: ignore[no-any-return]


def equal(one: Json, other: Json) -> bool:
    """Whether two values are the same JSON value. (Python thinks that 1 == True.)"""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _diff(before: Json, after: Json, path: str) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _diff_objects(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _diff_arrays(before, after, path)
    elif not equal(before, after):
        yield Change("replace", path, value=after, old=before)


def _diff_objects(before: dict[str, Json], after: dict[str, Json], path: str) -> Iterator[Change]:
    for key, old in before.items():
        if key not in after:
            yield Change("remove", below(path, key), old=old)
    for key, value in after.items():
        if key in before:
            yield from _diff(before[key], value, below(path, key))
        else:
            yield Change("add", below(path, key), value=value)


def _diff_arrays(before: list[Json], after: list[Json], path: str) -> Iterator[Change]:
    """Items at the ends that stayed the same are left alone, so that an insert is one operation."""
    shorter = min(len(before), len(after))
    head = next((i for i in range(shorter) if not equal(before[i], after[i])), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if not equal(before[-1 - i], after[-1 - i])), rest)
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    for i, (was, value) in enumerate(zip(old, new, strict=False), start=head):
        yield from _diff(was, value, below(path, i))
    for i in reversed(range(len(new), len(old))):
        yield Change("remove", below(path, head + i), old=old[i])
    for i in range(len(old), len(new)):
        yield Change("add", below(path, head + i), value=new[i])
