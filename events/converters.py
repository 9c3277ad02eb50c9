"""What stands in a URL's path."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse


class PositionConverter:
    """A position, version or step: a whole number that the database can hold."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class NameConverter:
    """Any text, `/` and line breaks too: whether it can be a name is checked, and said, elsewhere."""

    regex = "(?s:.+)"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


def workflow_url(log_name: str, correlation_id: str) -> str:
    """A workflow's page. Browsers resolve `.` and `..` in paths, so an id that holds them stands in the query."""
    if {".", "..", ""}.isdisjoint(correlation_id.split("/")):
        return reverse("workflow", args=[log_name, correlation_id])
    return f"{reverse('workflows', args=[log_name])}?{urlencode({'id': correlation_id})}"
