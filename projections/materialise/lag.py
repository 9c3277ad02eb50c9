"""How far the live builds of a log were behind it in the last hour, drawn as bars, one a minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from projections.models import Lag

MINUTES = 60
HEIGHT = 36
_LEAST = 1.0
"""Height of a minute in which it kept up: it was looked at."""


@dataclass(frozen=True, slots=True)
class Chart:
    """`path` is that of an SVG, `MINUTES` wide and `HEIGHT` high. `most`: of the events it was behind, and when."""

    path: str
    most: int
    most_at: datetime


def charts(log_id: int, *, now: datetime) -> dict[str, Chart]:
    """The last hour by projection. One without a row, because no runner looked, has no chart."""
    begin = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    rows = Lag.objects.filter(log_id=log_id, minute__gte=begin).order_by("projection", "minute")
    by_name = groupby(rows.values_list("projection", "minute", "events"), key=lambda row: row[0])
    return {name: _chart([(minute, events) for _, minute, events in found], begin) for name, found in by_name}


def _chart(minutes: list[tuple[datetime, int]], begin: datetime) -> Chart:
    most_at, most = max(minutes, key=lambda each: each[1])
    bars = []
    for minute, events in minutes:
        x = int((minute - begin) / timedelta(minutes=1))
        height = max(_LEAST, (HEIGHT - 2) * events / max(most, 1))
        bars.append(f"M{x} {HEIGHT}v{-height:.1f}h1v{height:.1f}z")
    return Chart("".join(bars), most, most_at)
