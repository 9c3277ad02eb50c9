"""The places of subscriptions in their log, drawn on a logarithmic axis of the distance to its head. Pure.

3 and 12,911 positions behind can both be read on it. The head is at the right edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log

from events.subscriptions.overview import Marks, Overview
from events.subscriptions.store import Status

_LEAST_DISTANCE = 100
"""The axis reaches at least so far back, so that a log at rest does not fill the page with a few positions."""
_NO_MARKS = Marks()


@dataclass(frozen=True, slots=True)
class Tick:
    """A distance to the head that the axis names, at `x` percent of its width."""

    x: float
    distance: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter of a lane at `x` percent of its width, or the first of `count` at one place."""

    x: float
    position: int
    count: int


@dataclass(frozen=True, slots=True)
class Lane:
    """One subscription: settled up to `floor`, read up to `read_to`; all in percent of the lane's width."""

    status: Status
    floor: float
    read_to: float
    in_flight: Sequence[float]
    letters: Sequence[Letter]


@dataclass(frozen=True, slots=True)
class Places:
    """The lanes of some subscriptions below one axis, with the log's head at its end."""

    head: int
    ticks: Sequence[Tick]
    lanes: Sequence[Lane]


def places(overviews: Sequence[Overview], marks: Mapping[int, Marks], head: int) -> Places:
    """Return the lanes of subscriptions. The axis reaches as far back as one of them has something to show."""
    shown = [mark.position for each in marks.values() for mark in (*each.in_flight[:1], *each.letters[:1])]
    lowest = min([head, *shown, *(each.status.floor for each in overviews)])
    axis = _Axis(head, max(head - lowest, _LEAST_DISTANCE))
    lanes = [_lane(each.status, marks.get(each.status.number, _NO_MARKS), axis) for each in overviews]
    return Places(head, list(axis.ticks()), lanes)


@dataclass(frozen=True, slots=True)
class _Axis:
    head: int
    farthest: int

    def x(self, position: int) -> float:
        """Return the place of a position, in percent of the width."""
        distance = min(max(self.head - position, 0), self.farthest)
        return round(100 * (1 - log(1 + distance) / log(1 + 1.5 * self.farthest)), 2)

    def ticks(self) -> Iterable[Tick]:
        power = 1
        while power <= self.farthest:
            for distance in (power, 3 * power):
                if 3 <= distance <= self.farthest:
                    yield Tick(self.x(self.head - distance), distance)
            power *= 10


def _lane(status: Status, marks: Marks, axis: _Axis) -> Lane:
    letters = [Letter(axis.x(mark.position), mark.position, mark.count) for mark in marks.letters]
    in_flight = [axis.x(mark.position) for mark in marks.in_flight]
    return Lane(status, axis.x(status.floor), axis.x(status.read_to), in_flight, letters)
