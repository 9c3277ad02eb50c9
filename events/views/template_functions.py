"""The functions and filters with which templates print values of the log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from django.utils import timezone
from jinja2 import pass_context
from jinja2.runtime import Context

from events.api.responses import iso
from events.converters import names_string, workflow_url
from events.json.tree import RowUrls
from events.views.durations import brief_span, took
from events.views.held import held_in, held_of, held_seen


def moment(at: datetime) -> tuple[str, str, str]:
    """Return a time in UTC as a day, a clock's time and milliseconds, in a form that sorts; times.js rewrites it.

    The day has no year in the current year.
    """
    if at.year == timezone.now().year:
        return f"{at:%m-%d}", f"{at:%H:%M:%S}", f".{at.microsecond // 1000:03d}"
    return f"{at.year:04d}-{at:%m-%d}", f"{at:%H:%M:%S}", ""


def exactly(at: datetime) -> str:
    """Return a time with its microseconds."""
    return f"{at.year:04d}-{at:%m-%d %H:%M:%S.%f} UTC"


def to_second(at: datetime) -> str:
    """Return a time to the second, in UTC."""
    at = at.astimezone(UTC)
    return f"{at.year:04d}-{at:%m-%d %H:%M:%S}"


def day(at: datetime) -> str:
    """Return the day of a time, in UTC."""
    return f"{at.astimezone(UTC).date()}"


def count(number: int) -> str:
    """Return a number with commas between its thousands."""
    return f"{number:,}"


def quoted(text: str) -> str:
    """Return a text as the value of a parameter, or as a segment of a path."""
    return quote(text, safe="")


@pass_context
def link(context: Context, **changes: object) -> str:
    """Return this page's query string with some parameters changed; None and "" remove one."""
    pairs = [(name, text) for name, texts in context["request"].GET.lists() if name not in changes for text in texts]
    pairs += [(name, str(value)) for name, value in changes.items() if value not in (None, "")]
    return f"?{urlencode(pairs)}"


@pass_context
def link_to(context: Context, name: str) -> str:
    """Return this page's query string up to the value of one parameter, which the caller appends."""
    rest = link(context, **{name: None})
    return f"{rest}{'&' if rest != '?' else ''}{name}="


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "asking_for": names_string,
    "held_in": held_in,
    "held_of": held_of,
    "held_seen": held_seen,
    "link": link,
    "link_to": link_to,
    "moment_of": moment,
    "tree_links": RowUrls,
    "workflow_url": workflow_url,
}
FILTERS: dict[str, Callable[..., Any]] = {
    "brief_span": brief_span,
    "count": count,
    "day": day,
    "exactly": exactly,
    "iso": iso,
    "quoted": quoted,
    "to_second": to_second,
    "took": took,
}
