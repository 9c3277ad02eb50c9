"""The test of the steps of a stretch, in order, against the condition of a seek."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from events.query.match import step_matcher
from events.query.tree import Changed, Query, leaves
from events.types import Event
from events.views.event_line import line
from projections.replay.seek.condition import ANY_CHANGE, Condition, EventFailed, Seek, Watch, changed_pointers
from projections.states.fold import BLOCK
from projections.states.sources.base import Source
from projections.values import blame
from projections.values.change import Change, Json
from projections.values.diff import diff_along


class Look(Protocol):
    """Tests the steps of a stretch, in order; `hit` is the event of the step that fits."""

    hit: Event | None

    def look(self, event: Event, before: Json, after: Json) -> None: ...

    def end(self) -> Condition:
        """End the stretch; return the condition for the next one."""
        ...


def look_for(target: Seek) -> Look:
    """Return the test of a stretch for the condition of a seek."""
    if isinstance(target.condition, Watch):
        return _Watching(target.condition.pointer, target.backward)
    return _Matching(target.condition, target.source, target.backward)


class _Matching:
    """Finds the first step of a stretch that fits a query; `backward`, the last one."""

    def __init__(self, condition: Query | EventFailed, source: Source, backward: bool) -> None:
        self.hit: Event | None = None
        self._condition = condition
        self._pointers: set[str] = set()
        if isinstance(condition, EventFailed):
            self._fits: Callable[[Event, Json, Sequence[str]], bool] = lambda event, *_: line(event).failed
        else:
            self._fits = step_matcher(condition)
            self._pointers = {leaf.pointer for leaf in leaves(condition) if isinstance(leaf, Changed)}
        self._source = source
        self._backward = backward

    def look(self, event: Event, before: Json, after: Json) -> None:
        if self.hit and not self._backward:
            return
        changed_paths = [path for each in self._pointers for path in changed_pointers(diff_along(before, after, each))]
        if self._fits(event, after, changed_paths) and self._source.has(event):
            self.hit = event

    def end(self) -> Condition:
        return self._condition


class _Watching:
    """Finds a step that changes a value. Backward, the value can only be followed when the stretch has ended."""

    def __init__(self, pointer: str, backward: bool) -> None:
        self.hit: Event | None = None
        self._pointer = pointer
        self._backward = backward
        self._steps: list[tuple[Event, Sequence[Change]]] = []

    def look(self, event: Event, before: Json, after: Json) -> None:
        # An array is compared as a whole: the value may have moved inside it.
        changes = diff_along(before, after, self._pointer) if before is not after and not self.hit else ()
        if not changes:
            return
        if self._backward:
            self._steps.append((event, changes if len(self._steps) < BLOCK else _without_values(changes)))
        else:
            self._follow([(event, changes)])

    def end(self) -> Condition:
        if self._backward:
            self._follow(self._steps[::-1])
        return Watch(self._pointer)

    def _follow(self, steps: Sequence[tuple[Event, Sequence[Change]]]) -> None:
        follow = blame.past if self._backward else blame.future
        numbered_changes = [(n, changes) for n, (_, changes) in enumerate(steps, start=1)]
        touch = next(follow(self._pointer, [*numbered_changes, ANY_CHANGE]))
        self._pointer = touch.pointer
        if touch.n:
            self.hit = steps[touch.n - 1][0]


def _without_values(changes: Sequence[Change]) -> list[Change]:
    """Return the changes without their values: a stretch may be as long as the log, and must fit into memory."""
    return [Change(each.op, each.path, source=each.source, shifts=each.shifts) for each in changes]
