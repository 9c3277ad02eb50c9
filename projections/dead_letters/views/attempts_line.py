"""The attempts of a letter as one line of time, drawn as an SVG. Pure.

The line is not to scale, since an attempt may take milliseconds and a pause minutes: what a consumer worked on is solid
and has room for its words, and pauses are dotted, longer ones with more room.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from events.subscriptions.letters.letter import Attempt

_MAX_ATTEMPTS = 8
"""The last attempts are drawn."""
_FIRST, _SOLID, _END = 72, 160, 72
_SHORTEST_PAUSE, _LONGEST_PAUSE = 48, 110
_PIXELS_PER_DOUBLING = 10
_MAX_CONSUMER_CHARACTERS = 11


@dataclass(frozen=True, slots=True)
class DrawnAttempt:
    """An attempt from `x` on. The event waited before it from `waited_from` to `x`, for `waited`."""

    attempt: Attempt
    consumer: str
    x: int
    width: int
    waited_from: int
    waited: timedelta

    @property
    def middle(self) -> int:
        """The middle of the pause before it."""
        return (self.waited_from + self.x) // 2

    @property
    def took(self) -> timedelta:
        return self.attempt.ended_at - self.attempt.taken_at


@dataclass(frozen=True, slots=True)
class AttemptsLine:
    """The drawing: `earlier` attempts are left out, `dead` is where the letter died."""

    recorded_at: datetime
    attempts: tuple[DrawnAttempt, ...]
    earlier: int
    dead: int
    width: int


def attempts_line(recorded_at: datetime, attempts: Sequence[Attempt]) -> AttemptsLine:
    """Return the line of an event that was recorded at a time, from its failed attempts."""
    last_attempts = attempts[-_MAX_ATTEMPTS:]
    x, before = (
        _FIRST,
        attempts[-len(last_attempts) - 1].ended_at if len(attempts) > len(last_attempts) else recorded_at,
    )
    drawn = []
    for attempt in last_attempts:
        waited = max(attempt.taken_at - before, timedelta())
        begin = x + _pause(waited)
        drawn.append(DrawnAttempt(attempt, _short(attempt.consumer), begin, _SOLID, x, waited))
        x, before = begin + _SOLID, attempt.ended_at
    return AttemptsLine(recorded_at, tuple(drawn), len(attempts) - len(last_attempts), x, x + _END)


def _pause(waited: timedelta) -> int:
    doublings = math.log2(1 + waited.total_seconds())
    return min(_SHORTEST_PAUSE + round(doublings * _PIXELS_PER_DOUBLING), _LONGEST_PAUSE)


def _short(name: str) -> str:
    return name if len(name) <= _MAX_CONSUMER_CHARACTERS else f"{name[: _MAX_CONSUMER_CHARACTERS - 1]}…"
