"""CrewAI: the tasks of agents and the result of a crew, as two instrumentations tell them. Pure."""

from __future__ import annotations

from typing import Any

from events.otel.mapping.json_text import parsed
from events.otel.mapping.reading import Reading, Role
from events.otel.mapping.values import text
from events.otel.spans import Span


def read(span: Span) -> Reading:
    """Read the span of a task, or of a crew: by OpenInference, or by OpenLLMetry (`crewai.*`)."""
    attributes = span.attributes
    description = _description(parsed(attributes.get("output.value")))
    return Reading(
        Role.OTHER,
        name=text(attributes.get("crewai.crew.name")),
        task=description
        or (text(attributes.get("task_name")) if "crew_key" in attributes else None)
        or text(attributes.get("crewai.task.description"))
        or _tasks(parsed(attributes.get("crew_tasks") or attributes.get("crewai.crew.tasks"))),
        output=text(attributes.get("crewai.crew.result")),
    )


def _tasks(values: Any) -> str | None:
    """Return what a crew is to do: each of its tasks in a line."""
    descriptions = map(_description, values if isinstance(values, list) else ())
    return "\n".join(filter(None, descriptions)) or None


def _description(value: Any) -> str | None:
    return text(value.get("description")) if isinstance(value, dict) else None
