"""Durations and ages in words. Pure."""

from __future__ import annotations

from datetime import timedelta


def took(span: timedelta) -> str:
    """Return a duration in its two largest units."""
    seconds = span.total_seconds()
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min {seconds} s"
    days, hours = divmod(hours, 24)
    return f"{days:,} d {hours} h" if days else f"{hours} h {minutes} min"


def brief_span(span: timedelta) -> str:
    """Return an age or a time left, as exactly as a list needs it. `ages.js` counts on in the same words."""
    seconds = max(0, int(span.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if days:
        return f"{days:,} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"
