"""Spans and log records as the mapper reads them. Pure: what came over the wire is gone here (`wire.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

Value: TypeAlias = "str | bool | int | float | bytes | list[Value] | dict[str, Value] | None"
"""The value of an attribute, or the body of a log record."""
Attributes: TypeAlias = Mapping[str, Value]


class Link(Struct, frozen=True, gc=False):
    """A span names another one, mostly of another trace, that it goes on from."""

    trace_id: str
    span_id: str


class SpanEvent(Struct, frozen=True):
    """Something that happened within a span: an exception, say."""

    name: str
    time_ns: int
    attributes: Attributes


class Span(Struct, frozen=True):
    """One span that has ended.

    Ids are lower-case hex: 32 digits of a trace, 16 of a span. Times are nanoseconds since 1970 by the sender's clock;
    0 if it sent none. `status_code` is 0 (unset), 1 (ok) or 2 (error). `has_remote_parent`: its parent is known to
    be a span of another process.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    started_ns: int
    ended_ns: int
    attributes: Attributes
    events: tuple[SpanEvent, ...] = ()
    links: tuple[Link, ...] = ()
    kind: int = 0
    status_code: int = 0
    status_message: str = ""
    scope: str = ""
    resource: Attributes = {}
    has_remote_parent: bool = False


class LogRecord(Struct, frozen=True):
    """One log record that belongs to a span. `name` says what it records: `gen_ai.user.message`, say."""

    trace_id: str
    span_id: str | None
    name: str
    time_ns: int
    attributes: Attributes
    body: Value
