"""Arrays of objects that bear a name (`id`, `key` or `name`): which came, which went, which moved. Pure.

An item that only moved is an operation `move`: nobody set it. As few as possible move; the others stay where they are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

from events.json.pointer import below
from projections.values.change import Change

NAMES = ("id", "key", "name")
"""What may name an item, in this order."""


def name_of(before: Sequence[Any], after: Sequence[Any]) -> str | None:
    """What names the items: a string or whole number that each item has, and no two of an array the same."""
    if not before or not after:
        return None
    return next((name for name in NAMES if _names(before, name) and _names(after, name)), None)


def _names(items: Sequence[Any], name: str) -> bool:
    found = set()
    for item in items:
        value = item.get(name) if isinstance(item, dict) else None
        if not isinstance(value, str | int) or isinstance(value, bool):
            return False
        found.add(value)
    return len(found) == len(items)


def rearranged(
    before: Sequence[dict[Any, Any]], after: Sequence[dict[Any, Any]], name: str, *, path: str, first: int
) -> Iterator[Change]:
    """The operations after which each place holds the item that is named as in `after`.

    `path` is the array's pointer, `first` the index in it of the first items passed.
    """
    wanted = {item[name]: place for place, item in enumerate(after)}
    for place in reversed(range(len(before))):
        if before[place][name] not in wanted:
            yield Change("remove", below(path, first + place), old=before[place], shifts=True)
    now = [item[name] for item in before if item[name] in wanted]
    known = set(now)
    staying = _staying(now, wanted)
    last = -1  # where the item stands that is wanted before the next one
    for item in after:
        each = item[name]
        if each not in known:
            last += 1
            now.insert(last, each)
            yield Change("add", below(path, first + last), value=item, shifts=True)
        elif each in staying:
            last = now.index(each, last + 1)  # what stands between has yet to move away
        else:
            source = now.index(each)
            del now[source]
            last += source > last
            now.insert(last, each)
            if source != last:
                yield Change("move", below(path, first + last), source=below(path, first + source))


def _staying(now: Sequence[Any], wanted: dict[Any, int]) -> set[Any]:
    """The most items that are in the wanted order already: a longest increasing subsequence of their places."""
    ends: list[int] = []  # the least place that a run of each length ends with
    before: dict[int, int | None] = {}
    for each in now:
        place = wanted[each]
        length = bisect_left(ends, place)
        before[place] = ends[length - 1] if length else None
        ends[length:] = [place, *ends[length + 1 :]]
    at = {wanted[each]: each for each in now}
    staying, place_ = set(), ends[-1] if ends else None
    while place_ is not None:
        staying.add(at[place_])
        place_ = before[place_]
    return staying
