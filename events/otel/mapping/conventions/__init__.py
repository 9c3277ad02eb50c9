"""Conventions: one module for each, with a function that reads a span. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from events.otel.mapping.conventions import (
    adk,
    crewai,
    genai,
    langfuse,
    langsmith,
    logfire,
    mastra,
    openinference,
    openllmetry,
    pydantic_ai,
    runtimes,
    vercel,
)
from events.otel.mapping.reading import Reading, Role
from events.otel.spans import LogRecord, Span

Reader: TypeAlias = Callable[[Span, Sequence[LogRecord]], Reading]
"""Returns what a span says."""

_FIRST = {
    langfuse.TYPE: langfuse.read,
    langsmith.KIND: langsmith.read,
    logfire.TEMPLATE: logfire.read,
    mastra.TYPE: mastra.read,
}
"""Conventions that know more of their own spans than a general one, by the attribute that all of these have."""


def read(span: Span, records: Sequence[LogRecord]) -> Reading:
    """Return what a span says. Where several conventions apply, the first that knows something says it.

    A convention that only adds to others has the role `OTHER`, which is the role of a span that none of them knows.
    """
    if (machinery := runtimes.read(span)) is not None and machinery.role == Role.CARRIER:
        return machinery  # the name of an agent on it is none
    attributes = span.attributes
    readings = [] if machinery is None else [machinery]
    if (kit := adk.read(span)) is not None:
        readings.append(kit)
    if not attributes.keys().isdisjoint(_FIRST):
        own_readings = (read(span) for mark, read in _FIRST.items() if mark in attributes)
        readings += [reading for reading in own_readings if reading is not None]
    if "crew_key" in attributes or "traceloop.span.kind" in attributes:
        readings.append(crewai.read(span))
    if "openinference.span.kind" in attributes and (reading := openinference.read(span)) is not None:
        readings.append(reading)
    traceloop = openllmetry.read(span)
    if traceloop is not None and traceloop.role in (Role.WORKFLOW, Role.STEP):
        readings.append(traceloop)  # its kind says more than the name of the operation
        traceloop = None
    for reading in (genai.read(span, records), vercel.read(span), traceloop, pydantic_ai.read(span)):
        if reading is not None:
            readings.append(reading)
    return _merged(readings)


def read_if_possible(span: Span, records: Sequence[LogRecord]) -> Reading:
    """Return what a span says, or that it is of no known convention if it makes a convention fail."""
    try:
        return read(span, records)
    except Exception:  # the attributes of a span are anybody's
        return Reading(Role.OTHER)


def read_nothing(_span: Span, _records: Sequence[LogRecord]) -> Reading:
    """Return that a span is of no known convention."""
    return Reading(Role.OTHER)


def _merged(readings: list[Reading]) -> Reading:
    if not readings:
        return Reading(Role.OTHER)
    first = readings[0]
    for other in readings[1:]:
        if first.role == Role.OTHER:
            first.role = other.role
        first.fill(other)
    return first
