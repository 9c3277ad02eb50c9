"""The lists that somebody enumerated in a run, and their changes when somebody else repeated them.

Two lists are the same if they share the items, most of the items, or the heading. The first to give a list is its
source; whoever repeats it makes a claim. The items that a claim lacks, and those that it adds, are computed exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from projections.catalog.enumerations import Enumeration, enumerations, same_item

_SAME = 60
"""Two lists are the same from so many per cent of common items on, of all items in either."""
_LISTS = 30
_ITEMS = 50
_TOP = re.compile(r"\b(?:top|first|last|best)[ -](\d{1,2})\b", re.IGNORECASE)
_IN_BOTH = re.compile(r"\b(common|both|overlap\w*|shared|intersect\w*)\b", re.IGNORECASE)


def with_lists(state: dict[str, Any], text: str, *, by: str, position: int) -> dict[str, Any]:
    """Return the state of a run after a message: `lists`, `sources`, `claims`, `disagreements`.

    If the question is about a "top 10", no list is longer than that.
    """
    top = _TOP.search(state["question"] or "")
    most = int(top[1]) if top and int(top[1]) > 1 else _ITEMS
    for found in enumerations(text):
        state = _with_list(state, found, most, by=by, position=position)
    return state


def _with_list(state: dict[str, Any], found: Enumeration, most: int, *, by: str, position: int) -> dict[str, Any]:
    name = _known_as(state["lists"], found, most) or _new_name(state["lists"], found.heading)
    items = {str(n): item for n, item in enumerate(found.items[:most], 1)}
    listed = {"by": by, "position": position, "from": "table" if found.is_table else "message", "items": items}
    source = state["sources"].get(name)
    lists = state["lists"]
    if name not in lists or lists[name]["items"] != items:  # a mere repetition is not a change
        lists = _newest({**lists, name: listed})
    if source is None or source["by"] == by:
        whole = {"by": by, "position": position, "items": list(found.items[:_ITEMS])}
        claim = _in_both(state, found, most, by=by, position=position)
        after = {**state, "lists": lists, "sources": _newest({**state["sources"], name: whole})}
    else:
        claim = _compared(found.items[:most], source["items"], by=by, position=position, of=[source])
        after = {**state, "lists": lists}
    if claim is None:
        return after
    claims = _newest({**state["claims"], name: claim})
    return {**after, "claims": claims, "disagreements": sum(not each["agrees"] for each in claims.values())}


def _compared(
    claimed: tuple[str, ...], stands: list[str], *, by: str, position: int, of: list[dict[str, Any]], most: int = 0
) -> dict[str, Any]:
    """Return a claim, compared with as much of its source as it repeats."""
    due = stands[: most or len(claimed)]
    known = {same_item(item): place for place, item in enumerate(stands, 1)}
    said, meant = set(map(same_item, claimed)), set(map(same_item, due))
    missing = [item for item in due if same_item(item) not in said]
    extra = [
        {"item": item, "stands_at": known.get(same_item(item))} for item in claimed if same_item(item) not in meant
    ]
    return {
        "by": by,
        "position": position,
        "sources": [{"by": source["by"], "position": source["position"]} for source in of],
        "claimed": len(claimed),
        "due": len(due),
        "agrees": not missing and not extra,
        "missing": missing,
        "extra": extra,
    }


def _in_both(state: dict[str, Any], found: Enumeration, most: int, *, by: str, position: int) -> dict[str, Any] | None:
    """Return the claim that a list has the common items of two lists of others, compared with those; None: no claim."""
    if not _IN_BOTH.search(found.heading):
        return None
    claimed = set(map(same_item, found.items))
    of = [
        source
        for source in state["sources"].values()
        if source["by"] != by and 2 * len(claimed & _set(source["items"][:most])) >= len(claimed)
    ]
    if len(of) != 2:
        return None
    other = _set(of[1]["items"][:most])
    due = [item for item in of[0]["items"][:most] if same_item(item) in other]
    return _compared(found.items, due, by=by, position=position, of=of, most=len(due))


def _known_as(lists: dict[str, Any], found: Enumeration, most: int) -> str | None:
    """Return the name of the known list that this one repeats, or None."""
    items = _set(found.items[:most])
    best, name = 0, None
    for known, listed in lists.items():
        other = _set(listed["items"].values())
        alike = 100 * len(items & other) // max(1, len(items | other))
        if alike > best:
            best, name = alike, known
    if best >= _SAME:
        return name
    return found.heading if found.heading in lists and found.is_table else None


def _new_name(lists: dict[str, Any], heading: str) -> str:
    """Return the heading as a name, with a number if the name is taken."""
    name = heading = heading or "list"
    n = 1
    while name in lists:
        n += 1
        name = f"{heading} ({n})"
    return name


def _set(items: Iterable[str]) -> set[str]:
    return set(map(same_item, items))


def _newest(items: dict[str, Any]) -> dict[str, Any]:
    return dict(list(items.items())[-_LISTS:]) if len(items) > _LISTS else items
