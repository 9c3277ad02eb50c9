"""Names and queries as parts of a URL, in its path and in its query string."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse

from events.query.picking import name_term
from events.query.printing import to_text
from events.query.tree import Name, Query, all_of


class PositionConverter:
    """A position, version or step: a whole number that the database can hold."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class NameConverter:
    """Any text, with `/` and line breaks too. Other code checks if it can be a name."""

    regex = "(?s:.+)"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


def workflow_url(log_name: str, correlation_id: str) -> str:
    """Return the address of a workflow's page. An id that can't stand in a path stands in the query string."""
    if fits_in_path(correlation_id):
        return reverse("workflow", args=[log_name, correlation_id])
    return f"{reverse('workflows', args=[log_name])}?{urlencode({'id': correlation_id})}"


def fits_in_path(name: str) -> bool:
    """Whether a name can stand in a page's path.

    Browsers resolve `.` and `..` there, servers don't like empty parts, and a path converter takes no line break.
    """
    return {".", "..", ""}.isdisjoint(name.split("/")) and "\n" not in name


def events_url(log_name: str) -> str:
    """Return the address of a log's events, up to the position. (To reverse a hundred addresses is slow.)"""
    return reverse("event", args=[log_name, 0]).removesuffix("0")


def query_string(query: Query) -> str:
    """Return a query as a page's query string; `?` for the query for everything."""
    text = to_text(query)
    return f"?{urlencode({'q': text})}" if text else "?"


def names_string(**names: str) -> str:
    """Return the query string for events with names: `names_string(type="OrderPlaced")`."""
    return query_string(all_of(name_term(Name(name), text) for name, text in names.items()))
