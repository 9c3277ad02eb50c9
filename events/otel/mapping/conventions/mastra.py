"""Mastra: what its spans say besides OpenTelemetry's conventions. Pure."""

from __future__ import annotations

from events.otel.mapping.messages import last_text, message_of, messages_of
from events.otel.mapping.reading import Reading, Role
from events.otel.mapping.values import object_of
from events.otel.spans import Span

TYPE = "mastra.span.type"


def read(span: Span) -> Reading | None:
    """Read a span of this framework. The step around a model's call has its messages, and the calls of tools."""
    kind = span.attributes.get(TYPE)
    if kind == "agent_run":
        return Reading(Role.AGENT, task=last_text(span.attributes.get("mastra.agent_run.input")))
    if kind != "model_step":
        return None
    output = object_of(span.attributes.get("mastra.model_step.output"))
    return Reading(
        Role.MODEL,
        messages=messages_of(span.attributes.get("mastra.model_step.input")),
        reply=message_of(
            {"role": "assistant", "content": output.get("text"), "tool_calls": output.get("toolCalls")},
        ),
    )
