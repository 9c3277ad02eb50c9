"""What changed between two JSON values, as the operations of RFC 6902, and putting it back on.

`apply(before, diff(before, after))` equals `after`: the property that the tests hold. Equal means the same JSON value:
objects have no order, so a change of nothing but the order of keys or the digits of a number (1.5, 1.50) is none.

What the two share, by identity, is never looked into. So a handler that returns `{**state, "a": …}` makes a difference
that costs what it changed, and a look at each sibling's address.
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


def diff(before: Json, after: Json) -> tuple[Change, ...]:
    """The operations that turn `before` into `after`, in the order in which they apply."""
    return tuple(_diff(before, after, ""))


def diff_along(before: Json, after: Json, pointer: str) -> tuple[Change, ...]:
    """Those of them that touch what stands at a pointer: a look at nothing that stands beside the way there.

    What is no pointer is touched by none.
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
            came = (Change("add", path, value=after[token]),) if token in after else ()
            return (Change("remove", path, old=before[token]),) if token in before else came
        before, after = before[token], after[token]
    return tuple(_diff(before, after, path))


def apply(document: Json, changes: Iterable[Change]) -> Json:
    """The document with the changes made; the one passed stays as it is."""
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
    """The container of what stands at a pointer, and the key or index there."""
    *way, last = ["", *tokens(pointer)]
    for token in way:
        holder = holder[int(token) if isinstance(holder, list) else token]
    return holder, int(last) if isinstance(holder, list) else last


def equal(one: Json, other: Json) -> bool:
    """Whether two values are the same JSON value. (Python thinks that 1 == True.)"""
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _diff(before: Json, after: Json, path: str) -> Iterator[Change]:
    if before is after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _diff_objects(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _diff_arrays(before, after, path)
    elif not equal(before, after):
        yield Change("replace", path, value=after, old=before)


_MISSING = object()


def _diff_objects(before: dict[str, Json], after: dict[str, Json], path: str) -> Iterator[Change]:
    names = list(after)
    changed: Iterable[str] = names
    if names[: len(before)] == list(before):
        # As most handlers leave it: no key went, and those that came stand at the end. No Python runs for each.
        changed = compress(names, map(is_not, chain(before.values(), repeat(_MISSING)), after.values()))
    else:
        for key in before:
            if key not in after:
                yield Change("remove", below(path, key), old=before[key])
    for key in changed:
        if key not in before:
            yield Change("add", below(path, key), value=after[key])
        elif before[key] is not after[key]:
            yield from _diff(before[key], after[key], below(path, key))


def _diff_arrays(before: list[Json], after: list[Json], path: str) -> Iterator[Change]:
    """What the ends share is left alone; between them items match by what names them or else by their place."""
    head = _shared(before, after)
    tail = min(_shared(reversed(before), reversed(after)), len(before) - head, len(after) - head)
    old: list[Any] = before[head : len(before) - tail]
    new: list[Any] = after[head : len(after) - tail]
    name = array_diff.name_of(old, new)
    if name is None:
        yield from _diff_places(old, new, path, head)
        return
    yield from array_diff.rearranged(old, new, name, path=path, first=head)
    by_name = {item[name]: item for item in old}
    for i, item in enumerate(new, start=head):
        yield from _diff(by_name.get(item[name], item), item, below(path, i))


def _shared(before: Iterable[Json], after: Iterable[Json]) -> int:
    """How many items they begin with that are one and the same. No Python runs for each."""
    missing = object()
    pairs = ([*before, missing], [*after, object()])
    return next(compress(count(), map(is_not, *pairs)))


def _diff_places(old: list[Json], new: list[Json], path: str, first: int) -> Iterator[Change]:
    """Equal items at the ends are left alone, so that an insert is one operation; the others match by place."""
    shorter = min(len(old), len(new))
    head = next((i for i in range(shorter) if not equal(old[i], new[i])), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if not equal(old[-1 - i], new[-1 - i])), rest)
    old, new, first = old[head : len(old) - tail], new[head : len(new) - tail], first + head
    for i, (was, value) in enumerate(zip(old, new, strict=False), start=first):
        yield from _diff(was, value, below(path, i))
    for i in reversed(range(len(new), len(old))):
        yield Change("remove", below(path, first + i), old=old[i], shifts=True)
    for i in range(len(old), len(new)):
        yield Change("add", below(path, first + i), value=new[i], shifts=True)
