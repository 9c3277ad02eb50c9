"""CrewAI: the task of an agent, which OpenInference's instrumentation tells only with its output. Pure."""

from __future__ import annotations

from events.otel.mapping.conventions.genai import text
from events.otel.mapping.json_text import parsed
from events.otel.mapping.reading import Reading, Role
from events.otel.spans import Span


def read(span: Span) -> Reading:
    """Read the span of a task, or of a crew."""
    attributes = span.attributes
    output = parsed(attributes.get("output.value"))
    description = output.get("description") if isinstance(output, dict) else None
    return Reading(Role.OTHER, task=text(description) or text(attributes.get("task_name")))
