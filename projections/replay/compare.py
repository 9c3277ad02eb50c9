"""The difference between the states of two steps, and which of the events between made it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from events.reading.db_work import Asking
from events.types import Event
from projections.replay.window import Window
from projections.states.fold import Fold
from projections.states.value_history import Way, way_through
from projections.values import blame, exact_json
from projections.values.blame import Changes
from projections.values.change import Change, Json
from projections.values.diff import diff
from projections.values.last_set import setters

_MOST_SET, _MOST_GONE = 300, 100
"""Changes of which is looked for who made them. The tree asks for the values that it shows."""


@dataclass(frozen=True, slots=True)
class End:
    """One of the two steps: its place, its number where that is known, its state."""

    place: int
    n: int | None
    position: int
    state: Json


@dataclass(frozen=True, slots=True)
class Difference:
    """What the events between two steps changed, the earlier step first.

    `way` are those events, as far back as a block goes; `makers` says who made each change, None where that was before.
    """

    first: End
    last: End
    changes: tuple[Change, ...]
    way: Way
    makers: tuple[Event | None, ...]

    @property
    def events(self) -> int | None:
        """How many lie between."""
        first, last = self.first.n, self.last.n
        return None if first is None or last is None else last - first

    @property
    def steps(self) -> list[Changes]:
        """Those between, newest first, with what each changed."""
        return [(n, changes) for n, changes in self.way.steps if n > self.first.position]

    @property
    def is_whole(self) -> bool:
        """Whether all events between were looked at."""
        return self.way.begins_at <= self.first.position


def difference(fold: Fold, window: Window, place: int) -> Asking[Difference]:
    """The difference between the step of a replay and the one at another place.

    Raises:
        TooFar, ReducerFailed: as the states do.
    """
    here = window.step.place if window.step else 0
    first = yield from _end(fold, window, min(here, place))
    last = yield from _end(fold, window, max(here, place))
    way = yield from way_through(fold, upto=last.position)
    changes = diff(first.state, last.state)
    steps = [(n, each) for n, each in way.steps if n > first.position]
    by_position = {event.position: event for event in way.events}
    makers = tuple(None if n is None else by_position[n] for n in made_by(changes, steps))
    return Difference(first, last, changes, way, makers)


def made_by(changes: Sequence[Change], steps: Sequence[Changes]) -> list[int | None]:
    """The step that made each change of a difference: of the steps between, newest first, the last that touched what
    stands there now, or else what is gone; None where none of them did, or where there are too many to look for all."""
    moves = [i for i, each in enumerate(changes) if each.op == "move"]
    gone = [i for i, each in enumerate(changes) if each.op == "remove"]
    kept = [i for i, each in enumerate(changes) if each.op != "remove"]
    ends = {i: _end_of(changes, i, moves) for i in kept[:_MOST_SET]}
    found = setters([end for end in ends.values() if end is not None], steps)
    made = {i: found.get(end) for i, end in ends.items() if end is not None}
    made |= {i: _taken_by(_start_of(changes, i), steps) for i in gone[:_MOST_GONE]}
    return [made.get(i) for i in range(len(changes))]


def _end_of(changes: Sequence[Change], i: int, moves: Iterable[int]) -> str | None:
    """Where what a change set stands after all of them; of an item that moved, its array. Only moves come behind what
    they push: items come in order, after others went."""
    change = changes[i]
    pointer = change.path.rpartition("/")[0] if change.op == "move" else change.path
    return blame.stands_after(pointer, (changes[j] for j in moves if j > i))


def _start_of(changes: Sequence[Change], i: int) -> str | None:
    """Where what a change took away stood before all of them."""
    return blame.stood_before(changes[i].path, [each for each in changes[:i] if each.shifts or each.op == "move"])


def _taken_by(pointer: str | None, steps: Sequence[Changes]) -> int | None:
    """The last step that touched what once stood at a pointer."""
    if pointer is None:
        return None
    touches = [touch.n for touch in blame.future(pointer, reversed(steps))]
    return touches[-1] if touches else None


def _end(fold: Fold, window: Window, place: int) -> Asking[End]:
    """A step's state: of those in the window it is known already."""
    for i, step in enumerate(window.steps):
        if step.place == place and i in window.states:
            return End(place, step.n, step.event.position, window.states[i])
    position = yield from fold.source.position_of(fold.log_id, place)
    point = (yield from fold.to(position)).point
    n = point.n if fold.source.is_counted else None
    return End(place, n, position, exact_json.loads(point.state))
