"""Events while a run is mapped: their causes are still objects, and their data have not been fitted. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from events.otel.mapping.tree import Node

Data = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_NS = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1) * 1000


class Draft:
    """An event to be. `time_ns` is when it happened by the clock of its span; `links` are further causes."""

    __slots__ = ("agent", "at_ns", "cause", "data", "depth", "id", "links", "node", "time_ns", "type")

    def __init__(self, type: str, node: Node, id: str, *, time_ns: int, agent: str | None, data: Data) -> None:
        self.type = type
        self.node = node
        self.id = id
        self.time_ns = time_ns
        self.agent = agent
        self.data = data
        self.cause: Draft | None = None
        self.links: list[Draft] = []
        self.at_ns: int | None = None
        self.depth = 0


def in_order(drafts: list[Draft]) -> list[Draft]:
    """Return the events in the order in which they are appended: by time, but never before their cause.

    Clocks of two machines differ, and some spans end after what they caused has begun. Causes that go round in a
    circle are cut.
    """
    for draft in drafts:
        _settle(draft)
    return sorted(drafts, key=lambda draft: (draft.at_ns, draft.depth, draft.node.started_ns, draft.id))


def _settle(draft: Draft) -> None:
    path: list[Draft] = []
    on_path: set[int] = set()
    node: Draft | None = draft
    while node is not None and node.at_ns is None:
        if id(node) in on_path:
            path[-1].cause = None
            break
        path.append(node)
        on_path.add(id(node))
        node = node.cause
    for one in reversed(path):
        cause = one.cause
        if cause is None or cause.at_ns is None:
            one.at_ns = one.time_ns
        else:
            one.at_ns = max(one.time_ns, cause.at_ns)
            one.depth = cause.depth + 1


def time_text(time_ns: int) -> str | None:
    """Return a clock's nanoseconds as RFC 3339, to the microsecond; None if they are no time."""
    if not 0 < time_ns <= _LAST_NS:
        return None
    return (_EPOCH + timedelta(microseconds=time_ns // 1000)).isoformat()


def without_none(**fields: Any) -> Data:
    return {name: value for name, value in fields.items() if value is not None}
