"""What stands in a URL's path."""

from __future__ import annotations


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
