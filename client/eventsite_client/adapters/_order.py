"""Events that come out of order, as from handlers that run in threads, in the order in which they happened."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any

_MAX_WAITING = 200
"""The most events of a run that wait for one before them. Of more, that one is not waited for any longer."""


class InOrder:
    """Events by their runs: a run is a tree of events, which are numbered in it."""

    def __init__(self) -> None:
        self._root_of: dict[str, str] = {}
        self._orphans: dict[str, list[tuple[Any, str, int]]] = {}
        """The events whose parent has not come, by its id."""
        self._waiting: dict[str, list[tuple[int, str, Any]]] = {}
        self._next: dict[str, int] = {}

    def put(self, event: Any, id: str, parent: str | None, number: int) -> Iterator[Any]:
        """Take an event, and yield those that are its turn now."""
        root = id if parent is None else self._root_of.get(parent)
        if root is None:
            if len(self._orphans) >= _MAX_WAITING:  # of runs that began before anybody listened
                del self._orphans[next(iter(self._orphans))]
            self._orphans.setdefault(parent or "", []).append((event, id, number))
            return
        if parent is None:
            self._next[root] = number
        self._root_of[id] = root
        waiting = self._waiting.setdefault(root, [])
        heappush(waiting, (number, id, event))
        for orphan, orphan_id, orphan_number in self._orphans.pop(id, ()):
            yield from self.put(orphan, orphan_id, id, orphan_number)
        while waiting and (waiting[0][0] <= self._next[root] or len(waiting) > _MAX_WAITING):
            number, _, ready = heappop(waiting)
            self._next[root] = number + 1
            yield ready

    def forget(self, root: str) -> None:
        """Forget a run that has ended."""
        self._root_of = {id: each for id, each in self._root_of.items() if each != root}
        self._waiting.pop(root, None)
        self._next.pop(root, None)
