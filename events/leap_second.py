"""The leap second, `23:59:60Z`: RFC 3339 allows it, and no parser of Python takes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

Parsed = TypeVar("Parsed", datetime, datetime | None)
_SECONDS = slice(16, 19)
"""Where `:60` stands in an ISO 8601 time."""


def with_leap_second(parse: Callable[[str], Parsed], text: str) -> Parsed:
    """Parse a time. A leap second becomes the second after it, as Postgres and POSIX count.

    Raises:
        ValueError, OverflowError: as `parse` does, and for a 60th second elsewhere than before midnight UTC.
    """
    if text[_SECONDS] != ":60":
        return parse(text)
    second_before = parse(f"{text[:17]}59{text[19:]}")
    if second_before is None:
        return second_before
    utc = second_before.astimezone(UTC) if second_before.tzinfo else second_before
    # Any day may have a leap second: they are announced only half a year ahead.
    if (utc.hour, utc.minute) != (23, 59):
        raise ValueError(text)
    return second_before + timedelta(seconds=1)
