"""Times in a query: a date, a time, or how long ago. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal, cast

from events.leap_second import with_leap_second
from events.query.tree import Ago, And, Not, Or, Query, Since, Until

_AGO = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:[0-5]\d)?)?",
    re.ASCII,
)
EXPECTED = "a time: 2h (s, m, h, d, w), 2026-01-31 or 2026-01-31T12:00:00Z"


def parse_time(text: str) -> datetime | Ago | None:
    """Return the time that a text means, or None. Without a zone it is UTC; a date is its first moment."""
    if ago := _AGO.fullmatch(text):
        return Ago(int(ago[1]), cast('Literal["s", "m", "h", "d", "w"]', ago[2]))
    if not _ISO.fullmatch(text):
        return None
    try:
        time = with_leap_second(datetime.fromisoformat, text.upper())
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # a 30th of February, a zone that leads out of the calendar
        return None


def time_text(time: datetime | Ago) -> str:
    """Return the shortest text that means the time."""
    if isinstance(time, Ago):
        return f"{time.amount}{time.unit}"
    utc = time.astimezone(UTC).replace(tzinfo=None)
    text = utc.isoformat()
    return text.removesuffix("T00:00:00") if text.endswith("T00:00:00") else f"{text}Z"


def pin_times(query: Query, now: datetime) -> Query:
    """Return the query with each relative time replaced by the time that it means at `now`."""
    if isinstance(query, And | Or):
        return replace(query, parts=tuple(pin_times(part, now) for part in query.parts))
    if isinstance(query, Not):
        return Not(pin_times(query.part, now))
    if isinstance(query, Since | Until) and isinstance(query.time, Ago):
        return replace(query, time=query.time.before(now))
    return query
