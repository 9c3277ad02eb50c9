"""Events while a run is mapped: their causes are still objects, and their data have not been fitted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from heapq import heapify, heappop, heappush
from itertools import groupby
from operator import attrgetter
from typing import Any

from events.otel.mapping.tree import Node

Data = dict[str, Any]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (its zone is written apart)
_LAST_NS = (datetime(9999, 12, 31) - _EPOCH) // timedelta(microseconds=1) * 1000  # noqa: DTZ001


class Draft:
    """An event to be. `time_ns` is when it happened by the clock of its span; `links` are further causes.

    `other_ids` are those that it had if it was told when only some of its spans were there.
    """

    __slots__ = ("agent", "at_ns", "cause", "data", "id", "links", "node", "other_ids", "time_ns", "type")

    def __init__(
        self, type: str, node: Node, ids: Sequence[str], *, time_ns: int, agent: str | None, data: Data
    ) -> None:
        self.type = type
        self.node = node
        self.id = ids[0]
        self.other_ids = ids[1:]
        self.time_ns = time_ns
        self.agent = agent
        self.data = data
        self.cause: Draft | None = None
        self.links: list[Draft] = []
        self.at_ns = -1
        """The place in time where it is appended; -1 before that is known."""

    @property
    def ends_its_span(self) -> bool:
        return self.id.endswith(":end")


def in_order(drafts: list[Draft]) -> list[Draft]:
    """Return the events in the order in which they are appended: by time, but never before their cause.

    Clocks of two machines differ, and some spans end after what they caused has begun. Causes that go round in a
    circle are cut. Among events of the same moment, as of a clock of milliseconds, what is inside ends first.
    """
    for draft in drafts:
        _settle(draft)
    moments = groupby(sorted(drafts, key=attrgetter("at_ns")), key=attrgetter("at_ns"))
    return [draft for _, moment in moments for draft in _in_order_of_causes(list(moment))]


def _settle(draft: Draft) -> None:
    """Find an event's place in time, and first those of its causes."""
    if draft.cause is None or draft.cause.at_ns >= 0:
        draft.at_ns = draft.time_ns if draft.cause is None else max(draft.time_ns, draft.cause.at_ns)
        return
    path: list[Draft] = []
    on_path: set[int] = set()
    node: Draft | None = draft
    while node is not None and node.at_ns < 0:
        if id(node) in on_path:
            path[-1].cause = None
            break
        path.append(node)
        on_path.add(id(node))
        node = node.cause
    for one in reversed(path):
        one.at_ns = one.time_ns if one.cause is None else max(one.time_ns, one.cause.at_ns)


def _in_order_of_causes(moment: list[Draft]) -> list[Draft]:
    """Return the events of one moment: each after its cause, and the end of a span after what happened within it."""
    if len(moment) == 1:
        return moment
    followers: dict[int, list[Draft]] = {}
    waits: dict[int, int] = {id(draft): 0 for draft in moment}
    ends = {id(draft.node): draft for draft in moment if draft.ends_its_span}
    for draft in moment:
        around = _end_around(draft, ends)
        for first, then in ((draft.cause, draft), (draft, around)):
            if first is not None and then is not None and id(first) in waits:
                followers.setdefault(id(first), []).append(then)
                waits[id(then)] += 1
    heap = [(_key(draft), draft.id, draft) for draft in moment if not waits[id(draft)]]
    heapify(heap)
    ordered: list[Draft] = []
    while heap:
        draft = heappop(heap)[-1]
        ordered.append(draft)
        for follower in followers.get(id(draft), ()):
            waits[id(follower)] -= 1
            if not waits[id(follower)]:
                heappush(heap, (_key(follower), follower.id, follower))
    if len(ordered) < len(moment):  # a circle of causes and ends: causes count
        return sorted(moment, key=lambda draft: (_length(draft), draft.id))
    return ordered


def _end_around(draft: Draft, ends: dict[int, Draft]) -> Draft | None:
    """Return the end, in the same moment, of the nearest span around an event. A cause does not wait for its effect."""
    node = draft.node if not draft.ends_its_span else draft.node.parent
    for _ in range(8):
        if node is None:
            return None
        end = ends.get(id(node))
        if end is not None and end is not draft:
            return end
        node = node.parent
    return None


def _key(draft: Draft) -> tuple[int, int, int]:
    return draft.node.started_ns, -draft.node.ended_ns, draft.node.place


def _length(draft: Draft) -> int:
    """Return the number of causes before an event."""
    length, node = 0, draft.cause
    while node is not None:
        length, node = length + 1, node.cause
    return length


def time_text(time_ns: int) -> str | None:
    """Return a clock's nanoseconds as RFC 3339, to the microsecond; None if they are no time."""
    if not 0 < time_ns <= _LAST_NS:
        return None
    seconds, microseconds = divmod(time_ns // 1000, 1_000_000)
    return f"{_second(seconds)}.{microseconds:06}+00:00" if microseconds else f"{_second(seconds)}+00:00"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()


def without_none(**fields: Any) -> Data:
    return {name: value for name, value in fields.items() if value is not None}
