"""Conventions: one module for each, with a function that reads a span. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from events.otel.mapping.conventions import (
    adk,
    crewai,
    genai,
    openinference,
    openllmetry,
    pydantic_ai,
    runtimes,
    vercel,
)
from events.otel.mapping.reading import Reading, Role
from events.otel.spans import LogRecord, Span


def read(span: Span, records: Sequence[LogRecord]) -> Reading:
    """Return what a span says. Where several conventions apply, the first that knows something says it.

    A convention that only adds to others has the role `OTHER`, which is the role of a span that none of them knows.
    """
    names = {key.partition(".")[0] for key in span.attributes}
    readings: list[Reading | None] = []
    if "crew_key" in names:
        readings.append(crewai.read(span))
    if "openinference" in names:
        readings.append(openinference.read(span))
    if "gen_ai" in names or records:
        readings.append(genai.read(span, records))
    if "ai" in names:
        readings.append(vercel.read(span))
    if "traceloop" in names or "llm" in names:
        readings.append(openllmetry.read(span))
    readings += (adk.read(span), pydantic_ai.read(span), runtimes.read(span))
    return _merged([reading for reading in readings if reading is not None]) or Reading(Role.OTHER)


def _merged(readings: list[Reading]) -> Reading | None:
    if not readings:
        return None
    first, *others = readings
    for other in others:
        if first.role is Role.OTHER:
            first.role = other.role
        first.fill(other)
    return first
