"""What is wrong with a query, where, and what may have been meant."""

from __future__ import annotations

from typing import ClassVar

from events.errors import Invalid


class InvalidQuery(Invalid):
    """The query can't be read."""

    code: ClassVar[str] = "invalid-query"

    def __init__(self, problem: str, *, column: int, suggestion: str | None = None) -> None:
        """`column` counts characters from 1; `suggestion` is what may stand there instead."""
        hint = f" Did you mean {suggestion}?" if suggestion else ""
        super().__init__(f"Column {column}: {problem}{hint}", column=column, suggestion=suggestion)
        self.column = column
        self.suggestion = suggestion


class NotForEvents(Invalid):
    """`state.…` and `changed:` ask about the steps of a replay, not about events."""

    code: ClassVar[str] = "not-for-events"
