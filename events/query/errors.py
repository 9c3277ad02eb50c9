"""The errors of a query: the problem, its column, and a suggestion."""

from __future__ import annotations

from typing import ClassVar

from events.errors import Invalid


class InvalidQuery(Invalid):
    """The query can't be read."""

    code: ClassVar[str] = "invalid-query"

    def __init__(self, problem: str, *, column: int, suggestion: str | None = None) -> None:
        """`column` counts characters from 1; `suggestion` is a text that may stand there instead."""
        hint = f" Did you mean {suggestion}?" if suggestion else ""
        super().__init__(f"Column {column}: {problem}{hint}", column=column, suggestion=suggestion)
        self.column = column
        self.suggestion = suggestion


class NotForEvents(Invalid):
    """The query asks about a step of a replay (`state.…`, `changed:`), which an event alone can't answer."""

    code: ClassVar[str] = "not-for-events"
