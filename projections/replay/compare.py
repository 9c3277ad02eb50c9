"""The difference between the states of two steps, and the events between them that made it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from events.reading.db_work import DbWork
from events.types import Event
from projections.replay.window import Window
from projections.states.fold import Fold
from projections.states.value_history import Way, way_through
from projections.values import blame, exact_json
from projections.values.blame import Changes
from projections.values.change import Change, Json
from projections.values.diff import diff
from projections.values.last_set import setters

_MAX_SETTERS, _MAX_REMOVALS = 300, 100
"""Most changes whose makers are searched. (The tree searches the setters of the values that it shows.)"""


@dataclass(frozen=True, slots=True)
class ComparedStep:
    """One of the two steps: its place, its number (None: not known), its state."""

    place: int
    n: int | None
    position: int
    state: Json


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference between two steps, the earlier one first.

    `way` are the events between them, at most one block back; `makers` has the event that made each change, None if it
    lies before that block.
    """

    first: ComparedStep
    last: ComparedStep
    changes: tuple[Change, ...]
    way: Way
    makers: tuple[Event | None, ...]

    @property
    def events(self) -> int | None:
        """The number of events between; None if it is not known."""
        first, last = self.first.n, self.last.n
        return None if first is None or last is None else last - first

    @property
    def steps(self) -> list[Changes]:
        """The steps between, newest first, with their changes."""
        return [(n, changes) for n, changes in self.way.steps if n > self.first.position]

    @property
    def is_whole(self) -> bool:
        """Whether the way goes back over all events between."""
        return self.way.begins_at <= self.first.position


def step_difference(fold: Fold, window: Window, place: int) -> DbWork[Difference]:
    """Return the difference between the current step of a replay and the step at another place.

    Raises:
        TooFar, ReducerFailed: one of the states can't be folded.
    """
    current_place = window.step.place if window.step else 0
    earlier = yield from _compared_step(fold, window, min(current_place, place))
    later = yield from _compared_step(fold, window, max(current_place, place))
    way = yield from way_through(fold, upto=later.position)
    changes = diff(earlier.state, later.state)
    steps = [(n, step_changes) for n, step_changes in way.steps if n > earlier.position]
    by_position = {event.position: event for event in way.events}
    makers = tuple(None if n is None else by_position[n] for n in makers_of(changes, steps))
    return Difference(earlier, later, changes, way, makers)


def makers_of(changes: Sequence[Change], steps: Sequence[Changes]) -> list[int | None]:
    """Return the step that made each change of a difference; `steps` are those between, newest first.

    It is the last step that touched the value, or the removed value. None: no step between did, or the change is one
    of too many to search for all.
    """
    moves = [i for i, change in enumerate(changes) if change.op == "move"]
    removals = [i for i, change in enumerate(changes) if change.op == "remove"]
    settings = [i for i, change in enumerate(changes) if change.op != "remove"]
    pointers = {i: _final_pointer(changes, i, moves) for i in settings[:_MAX_SETTERS]}
    setter_of = setters([pointer for pointer in pointers.values() if pointer is not None], steps)
    makers = {i: setter_of.get(pointer) for i, pointer in pointers.items() if pointer is not None}
    makers |= {i: _remover(_initial_pointer(changes, i), steps) for i in removals[:_MAX_REMOVALS]}
    return [makers.get(i) for i in range(len(changes))]


def _final_pointer(changes: Sequence[Change], i: int, moves: Iterable[int]) -> str | None:
    """Return the pointer of a changed value after all changes; of a moved item, the pointer of its array.

    Only moves shift the index of a value that was changed before them: items are added in order, after removals.
    """
    change = changes[i]
    pointer = change.path.rpartition("/")[0] if change.op == "move" else change.path
    return blame.pointer_after(pointer, (changes[j] for j in moves if j > i))


def _initial_pointer(changes: Sequence[Change], i: int) -> str | None:
    """Return the pointer of a removed value before all changes."""
    return blame.pointer_before(changes[i].path, [each for each in changes[:i] if each.shifts or each.op == "move"])


def _remover(pointer: str | None, steps: Sequence[Changes]) -> int | None:
    """Return the last step that touched the value that was at a pointer before all steps."""
    if pointer is None:
        return None
    touches = [touch.n for touch in blame.future(pointer, reversed(steps))]
    return touches[-1] if touches else None


def _compared_step(fold: Fold, window: Window, place: int) -> DbWork[ComparedStep]:
    """Return a step with its state, which is known already for a step of the window."""
    for i, step in enumerate(window.steps):
        if step.place == place and i in window.states:
            return ComparedStep(place, step.n, step.event.position, window.states[i])
    position = yield from fold.source.position_of(fold.log_id, place)
    point = (yield from fold.to(position)).point
    n = point.n if fold.source.is_counted else None
    return ComparedStep(place, n, position, exact_json.loads(point.state))
