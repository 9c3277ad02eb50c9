"""The difference of arrays whose items have names (`id`, `key` or `name`): added, removed and moved items. Pure.

An item that only changed its index becomes a `move`, as nobody set it. As few items as possible are moved.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

from events.json.pointer import below
from projections.values.change import Change

NAMES = ("id", "key", "name")
"""The members that may name an item, in order of preference."""


def name_of(before: Sequence[Any], after: Sequence[Any]) -> str | None:
    """Return the member that names the items: each has it, as a string or whole number, and no two share a value."""
    if not before or not after:
        return None
    return next((name for name in NAMES if _names(before, name) and _names(after, name)), None)


def _names(items: Sequence[Any], name: str) -> bool:
    values = set()
    for item in items:
        value = item.get(name) if isinstance(item, dict) else None
        if not isinstance(value, str | int) or isinstance(value, bool):
            return False
        values.add(value)
    return len(values) == len(items)


def rearranged(
    before: Sequence[dict[Any, Any]], after: Sequence[dict[Any, Any]], name: str, *, path: str, first: int
) -> Iterator[Change]:
    """Yield the operations that bring the items into the order of `after`, by name.

    `path` is the pointer of the array, `first` the index in the array of the first item passed.
    """
    places = {item[name]: place for place, item in enumerate(after)}
    for place in reversed(range(len(before))):
        if before[place][name] not in places:
            yield Change("remove", below(path, first + place), old=before[place], shifts=True)
    order = [item[name] for item in before if item[name] in places]
    old_names = set(order)
    fixed_names = _kept_in_place(order, places)
    last = -1  # the index of the item that precedes the next one in `after`
    for item in after:
        item_name = item[name]
        if item_name not in old_names:
            last += 1
            order.insert(last, item_name)
            yield Change("add", below(path, first + last), value=item, shifts=True)
        elif item_name in fixed_names:
            last = order.index(item_name, last + 1)  # the items in between are moved away later
        else:
            source = order.index(item_name)
            del order[source]
            last += source > last
            order.insert(last, item_name)
            if source != last:
                yield Change("move", below(path, first + last), source=below(path, first + source))


def _kept_in_place(order: Sequence[Any], places: dict[Any, int]) -> set[Any]:
    """Return a largest set of items that are in order already: a longest increasing subsequence."""
    ends: list[int] = []  # the smallest place at which a subsequence of each length ends
    before: dict[int, int | None] = {}
    for name in order:
        place = places[name]
        length = bisect_left(ends, place)
        before[place] = ends[length - 1] if length else None
        ends[length:] = [place, *ends[length + 1 :]]
    at = {places[name]: name for name in order}
    fixed_names, place_ = set(), ends[-1] if ends else None
    while place_ is not None:
        fixed_names.add(at[place_])
        place_ = before[place_]
    return fixed_names
