"""The branches of a run: they tell what had happened before something began, where no agent's history does. Pure.

A branch is a node with all that is below it. It follows another branch of the same parent if it began after that had
ended, and no third one lies between them. So a branch that joins others follows each of them.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from events.otel.mapping.drafts import Draft
from events.otel.mapping.reading import PASSED
from events.otel.mapping.tree import Node

_MAX_BEFORE = 100
_MAX_HEIGHT = 64


class Branches:
    """The branches of a run, and the last event of each."""

    def __init__(self, nodes: list[Node], drafts: list[Draft]) -> None:
        self._last = _last_events(nodes, drafts)
        self._ended: dict[int, _Siblings] = {}

    def before(self, node: Node) -> list[Draft]:
        """Return the last events of the branches that a node follows, in the order of time.

        Where it is the first below its parent, and the parent is a step, those that the parent follows.
        """
        branch: Node | None = node
        for _ in range(_MAX_HEIGHT):
            if branch is None or branch.parent is None:
                break
            parent = branch.parent
            if found := self._siblings(parent).before(branch):
                drafts = [self._last[id(earlier)] for earlier in found]
                return sorted(drafts, key=lambda draft: (draft.time_ns, draft.id))
            branch = parent if parent.role in PASSED else None
        return []

    def _siblings(self, parent: Node) -> _Siblings:
        if id(parent) not in self._ended:
            self._ended[id(parent)] = _Siblings([child for child in parent.children if id(child) in self._last])
        return self._ended[id(parent)]


class _Siblings:
    """The children of one node in which something happened, in the order in which they ended."""

    def __init__(self, children: list[Node]) -> None:
        self._nodes = sorted(children, key=lambda node: (node.ended_ns, node.started_ns, node.id))
        self._ends = [node.ended_ns for node in self._nodes]
        self._latest_starts = list(accumulate((node.started_ns for node in self._nodes), max))

    def before(self, branch: Node) -> list[Node]:
        """Return those that ended before another one began, if nothing lies between."""
        count = bisect_right(self._ends, branch.started_ns)
        earlier: list[Node] = []
        for index in range(count - 1, max(-1, count - 1 - _MAX_BEFORE), -1):
            node = self._nodes[index]
            if earlier and node.ended_ns <= self._latest_starts[count - 1]:
                break
            if node is not branch:
                earlier.append(node)
        return earlier


def _last_events(nodes: list[Node], drafts: list[Draft]) -> dict[int, Draft]:
    """Return the last event within each node. The failure of a step is not what the next one follows."""
    last: dict[int, Draft] = {}
    for draft in drafts:
        if draft.type != "step.failed":
            _keep_later(last, draft.node, draft)
    for node in reversed(nodes):
        within = last.get(id(node))
        if node.parent is not None and within is not None:
            _keep_later(last, node.parent, within)
    return last


def _keep_later(last: dict[int, Draft], node: Node, draft: Draft) -> None:
    other = last.get(id(node))
    if other is None or other.time_ns < draft.time_ns or (other.time_ns == draft.time_ns and other.id < draft.id):
        last[id(node)] = draft
