"""The state of a step of a replay, or what differs between two, as a tree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest

from events.digits import whole_number
from events.json.pointer import at, tokens
from events.json.tree import Links, Part, Row, tree
from events.models import Member
from projections.replay.address import Address
from projections.replay.drawing.pinned_tracks import name, short
from projections.replay.shown import Seen
from projections.replay.views.state_tree import Setters, dressed, open_url
from projections.replay.views.why_pane import pin, replay_why
from projections.states.fold import Fold
from projections.values.change import Json
from projections.values.tree_marks import marks
from projections.views.pending_job import indexed

_OPENS = (("Fold unchanged", None), ("Open all", "all"), ("Changed only", "changed"))


@dataclass(frozen=True, slots=True)
class Pinned:
    """A pinned value: what it is called, its text (None: nothing stands there) and the one that it had, and a way to
    let it go."""

    pointer: str
    name: str
    text: str | None
    old: str | None
    unpin_url: str


def _skip(request: HttpRequest) -> int:
    """How many items of a container are left out."""
    return whole_number(request.GET.get("skip", "")) or 0


def replay_state(request: HttpRequest, member: Member, fold: Fold, seen: Seen) -> dict[str, Any]:
    """The state as a tree, why a value of it is what it is, or the job that makes it quick."""
    made, address, place = seen.made, seen.address, seen.place
    scope = address.one("in")
    return {
        "projection": made.projection,
        "seen": seen,
        **tree_context(seen, Part(scope or "", skip=_skip(request)), request.GET.get("text")),
        "scope": scope,
        "unscoped_url": address.step(place, in_=None),
        "open": address.one("open"),
        "opens": [(words, address.step(place, open=said), said) for words, said in _OPENS],
        "changed": {op: sum(change.op == op for change in seen.changes) for op in ("add", "replace", "remove")},
        "pinned": [_pinned(seen, each) for each in address.all("pin")] if seen.is_known else [],
        **replay_why(fold, made, address),
        "compare_url": address.step(place, from_=str(place)),
        "uncompare_url": address.step(place, from_=None),
        "is_comparing": address.one("from") is not None,
        "failure": _failure(seen),
        "job": indexed(request, member, made.projection, seen.too_far) if seen.too_far else None,
    }


def tree_context(seen: Seen, part: Part, whole: str | None = None) -> dict[str, Any]:
    """A part of the tree, and what its links share."""
    address, place = seen.address, seen.place
    return {
        "rows": _rows(seen, part, whole),
        "links": Links(
            part=f"{address.step(place)}{'&' if address.suffix else '?'}part=" if seen.is_known else "",
            inside=open_url(address, "in"),
            why=open_url(address, "why") if seen.is_known else "",
            text=open_url(address, "text"),
        ),
    }


def _rows(seen: Seen, part: Part, whole: str | None) -> list[Row]:
    """What stands at a pointer; the last good state where the reducer failed."""
    if seen.failed:
        return tree(seen.failed.state)
    if not seen.is_known:
        return []
    try:
        value = at(seen.after, part.pointer)
    except LookupError:
        return []
    said = seen.address.one("open")
    begin = replace(part, is_open=said == "all", only_changed=said == "changed")
    found = tree(value, marks=marks(seen.changes), whole=whole, part=begin)
    return list(dressed(found, Setters(seen.made, seen.difference), seen.address, seen.place))


def part_of(request: HttpRequest, address: Address) -> Part:
    """The part of a tree that a page asks for when it is opened."""
    pointer, skip = request.GET["part"], _skip(request)
    depth = len(_tokens(pointer)) - len(_tokens(address.one("in") or ""))
    return Part(pointer, max(depth, 0), skip)


def _tokens(pointer: str) -> list[str]:
    try:
        return tokens(pointer)
    except LookupError:
        return []


def _pinned(seen: Seen, pointer: str) -> Pinned:
    old, text = (_text(state, pointer) for state in (seen.before, seen.after))
    unpin_url = pin(seen.address, seen.place, pointer)["url"]
    return Pinned(pointer, name(pointer), text, None if old == text else old, unpin_url)


def _text(state: Json, pointer: str) -> str | None:
    try:
        return short(at(state, pointer))
    except LookupError:
        return None


def _failure(seen: Seen) -> dict[str, Any] | None:
    """The step at which the reducer raised, where there is no state because of that."""
    if seen.failed is None:
        return None
    event = seen.failed.at.event
    place = seen.made.source.place(event)
    label = seen.made.source.label(place)
    return {
        "url": seen.address.step(place),
        "label": label,
        "is_here": place == seen.place,
        "is_of_other": seen.made.is_known,  # so it is the way to the step that is compared with
        "event": event,
    }
