"""The lag of the live builds of a log in the last hour, drawn as one bar a minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from projections.models import Lag

MINUTES = 60
HEIGHT = 36
_MIN_HEIGHT = 1.0
"""The height of the bar of a minute without lag, so that it differs from a minute in which no runner measured."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: `path` draws it in an SVG, `MINUTES` wide and `HEIGHT` high. `highest` is the largest lag, in events."""

    path: str
    highest: int
    highest_at: datetime


def charts(log_id: int, *, now: datetime) -> dict[str, Chart]:
    """Return a chart of the last hour for each projection. If no runner measured its lag, it has no chart."""
    begin = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    rows = Lag.objects.filter(log_id=log_id, minute__gte=begin).order_by("projection", "minute")
    by_name = groupby(rows.values_list("projection", "minute", "events"), key=lambda row: row[0])
    return {name: _chart([(minute, events) for _, minute, events in group], begin) for name, group in by_name}


def _chart(minutes: list[tuple[datetime, int]], begin: datetime) -> Chart:
    highest_at, highest = max(minutes, key=lambda each: each[1])
    bars = []
    for minute, events in minutes:
        x = int((minute - begin) / timedelta(minutes=1))
        height = max(_MIN_HEIGHT, (HEIGHT - 2) * events / max(highest, 1))
        bars.append(f"M{x} {HEIGHT}v{-height:.1f}h1v{height:.1f}z")
    return Chart("".join(bars), highest, highest_at)
