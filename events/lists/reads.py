"""The reads of the lists: streams and workflows, as they are now.

Streams of the server are listed if the prefix or the category of the read is theirs. System events are no events of a
workflow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from events.blocks import bound, by_block, number
from events.query.prefix import prefix_bounds
from events.reading.rows import Row
from events.reading.statement import Statement
from events.sql import lists as sql
from events.system_streams import PREFIX, is_system
from events.types import StreamInfo, WorkflowInfo

_NEWEST_FIRST = by_block("last_position", "desc")


class _Conditions:
    """Conditions on the rows of a list, with their parameters."""

    def __init__(self, column: str) -> None:
        self._column = column
        self._texts = ["true"]
        self.parameters: dict[str, Any] = {}

    @property
    def text(self) -> str:
        return " and ".join(self._texts)

    def add(self, column: str, operator: str, value: object) -> None:
        """Add a comparison of a column."""
        self._texts.append(f"{column} {operator} {self._parameter(value)}")

    def before(self, position: int | None) -> None:
        """Add that the last event is before a position."""
        if position is not None:
            value, value_block = self._parameter(position), self._parameter(number(position))
            self._texts.append(bound("last_position", "<", value, value_block))

    def begins_with(self, prefix: str) -> None:
        """Add that the name begins with a prefix."""
        if prefix:
            first, end = prefix_bounds(prefix)
            self.add(self._column, ">=", first)
            if end is not None:
                self.add(self._column, "<", end)

    def begins_not_with(self, prefix: str) -> None:
        """Add that the name does not begin with a prefix."""
        name = f"value{len(self.parameters)}"
        self._texts.append(f"not starts_with({self._column}, %({name})s)")
        self.parameters[name] = prefix

    def never(self) -> None:
        """Let no row fit."""
        self._texts.append("false")

    def _parameter(self, value: object) -> str:
        name = f"value{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s"


def streams(
    log_id: int, *, prefix: str = "", category: str | None = None, after: str = "", limit: int
) -> Statement[StreamInfo]:
    """Return the streams after a name, by name."""
    conditions = _streams_that(prefix, category)
    conditions.add("name", ">", after)
    return _streams(log_id, conditions, StreamInfo, order="name", limit=limit)


def latest_streams(
    log_id: int, *, prefix: str = "", category: str | None = None, before: int | None = None, limit: int
) -> Statement[StreamInfo]:
    """Return the streams whose last event is before a position, the one with the newest event first."""
    conditions = _streams_that(prefix, category)
    conditions.before(before)
    return _streams(log_id, conditions, StreamInfo, order=_NEWEST_FIRST, limit=limit)


def _streams_that(prefix: str, category: str | None) -> _Conditions:
    conditions = _Conditions("name")
    conditions.begins_with(prefix)
    if category is not None:
        # The category is the part before the first -, so its streams are those that begin with it and a -.
        if not category or "-" in category:
            conditions.never()
        conditions.begins_with(f"{category}-")
    if not is_system(prefix) and (category is None or not is_system(f"{category}-")):
        conditions.begins_not_with(PREFIX)
    return conditions


def _streams(
    log_id: int, conditions: _Conditions, row: Callable[..., Row], *, order: str, limit: int
) -> Statement[Row]:
    text = sql.STREAMS.format(condition=conditions.text, order=order)
    return Statement(text, {"log_id": log_id, "limit": limit, **conditions.parameters}, row)


def stream(log_id: int, name: str) -> Statement[StreamInfo]:
    """Return one stream."""
    return Statement(sql.STREAM, {"log_id": log_id, "name": name}, StreamInfo)


def latest_workflows(log_id: int, *, before: int | None = None, limit: int) -> Statement[WorkflowInfo]:
    """Return the workflows whose last event is before a position, the one with the newest event first."""
    conditions = _Conditions("correlation_id")
    conditions.before(before)
    return _workflows(log_id, conditions, _workflow_info, order=_NEWEST_FIRST, limit=limit)


def _workflows(
    log_id: int, conditions: _Conditions, row: Callable[..., Row], *, order: str, limit: int
) -> Statement[Row]:
    text = sql.WORKFLOWS.format(condition=conditions.text, order=order)
    return Statement(text, {"log_id": log_id, "limit": limit, **conditions.parameters}, row)


def workflow(log_id: int, correlation_id: str) -> Statement[WorkflowInfo]:
    """Return one workflow."""
    return Statement(sql.WORKFLOW, {"log_id": log_id, "id": correlation_id}, _workflow_info)


def stream_names(log_id: int, *, prefix: str = "", after: str = "", limit: int) -> Statement[str]:
    """Return the names of the streams after a name, in order."""
    conditions = _streams_that(prefix, None)
    conditions.add("name", ">", after)
    return _streams(log_id, conditions, _first, order="name", limit=limit)


def workflow_ids(log_id: int, *, prefix: str = "", after: str = "", limit: int) -> Statement[str]:
    """Return the ids of the workflows after an id, in order."""
    conditions = _Conditions("correlation_id")
    conditions.begins_with(prefix)
    conditions.add("correlation_id", ">", after)
    return _workflows(log_id, conditions, _first, order="correlation_id", limit=limit)


def _first(name: str, *rest: Any) -> str:
    return name


def behind(log_id: int) -> Statement[int]:
    """Return the number of events that lists do not count yet; 0 if the lists are kept."""
    return Statement(sql.BEHIND, {"log_id": log_id}, int)


def _workflow_info(*values: Any) -> WorkflowInfo:
    facts: tuple[Any, ...] = (*values[:-1], tuple(values[-1]))
    return WorkflowInfo(*facts)
