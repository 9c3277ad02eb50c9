"""The line of what a subscription was behind in the last half hour, and in words how that changes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from events.subscriptions.lag import MINUTES, Lag

WIDTH = 66
HEIGHT = 20
_MARGIN = 3
_DRIFT_MINUTES = 5
_STEADY_PER_SECOND = 0.05
"""A slower change is none: it is six positions in two minutes."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A trend: `path` draws it in an SVG, `WIDTH` wide and `HEIGHT` high, and ends at the present.

    `per_second` is the change of the last minutes; None if nothing was noted in them.
    """

    path: str
    highest: int
    per_second: float | None

    @property
    def grows(self) -> bool:
        return self.per_second is not None and self.per_second >= _STEADY_PER_SECOND

    @property
    def falls(self) -> bool:
        return self.per_second is not None and self.per_second <= -_STEADY_PER_SECOND

    @property
    def words(self) -> str:
        if self.per_second is None:
            return "no trend yet"
        if not (self.grows or self.falls):
            return "steady"
        size = abs(self.per_second)
        return f"{'grows' if self.grows else 'falls'} {f'{size:.1f}' if size < 10 else f'{size:,.0f}'}/s"


def trend(lags: Sequence[Lag], behind: int, now: datetime) -> Trend:
    """Return the trend of what was noted, up to what a subscription is behind now."""
    noted = [lag for lag in lags if timedelta() <= now - lag.minute <= timedelta(minutes=MINUTES)]
    points = [(lag.minute, lag.behind) for lag in noted] + [(now, behind)]
    highest = max(behind for _, behind in points)
    return Trend(_path(points, highest, now), highest, _drift(noted, behind, now))


def _drift(lags: Sequence[Lag], behind: int, now: datetime) -> float | None:
    recent = [lag for lag in lags if now - lag.minute <= timedelta(minutes=_DRIFT_MINUTES)]
    if not recent or now <= recent[0].minute:
        return None
    return (behind - recent[0].behind) / (now - recent[0].minute).total_seconds()


def _path(points: Sequence[tuple[datetime, int]], highest: int, now: datetime) -> str:
    """Return the path through points. A minute in which nothing was noted interrupts it."""
    parts: list[str] = []
    for before, point in pairwise([None, *points]):
        assert point
        at, behind = point
        x = WIDTH * (1 - (now - at) / timedelta(minutes=MINUTES))
        y = HEIGHT - _MARGIN - (HEIGHT - 2 * _MARGIN) * behind / max(highest, 1)
        is_next = before is not None and at - before[0] <= timedelta(minutes=2)
        parts.append(f"{'L' if is_next else 'M'}{x:.1f} {y:.1f}")
    return "".join(parts)
