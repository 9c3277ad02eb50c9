"""Langfuse's SDK: `langfuse.observation.*`. Pure."""

from __future__ import annotations

from events.otel.mapping.json_text import parsed
from events.otel.mapping.messages import last_text, message_of, messages_of
from events.otel.mapping.reading import AnyRole, Reading, Role
from events.otel.mapping.values import object_of, text, usage
from events.otel.spans import Span

_PREFIX = "langfuse.observation."
TYPE = f"{_PREFIX}type"
_TYPES: dict[str, AnyRole] = {
    "generation": Role.MODEL,
    "agent": Role.AGENT,
    "tool": Role.TOOL,
    "retriever": Role.RETRIEVAL,
    "embedding": Role.EMBEDDING,
    "evaluator": Role.EVALUATION,
    "guardrail": Role.GUARDRAIL,
    "chain": Role.STEP,
}
_USAGE = {
    "input_tokens": ("input", "prompt_tokens", "input_tokens"),
    "output_tokens": ("output", "completion_tokens", "output_tokens"),
    "cache_read_tokens": ("cache_read_input_tokens", "input_cached_tokens"),
    "reasoning_tokens": ("output_reasoning_tokens",),
}


def read(span: Span) -> Reading | None:
    """Read an observation of Langfuse."""
    attributes = span.attributes
    type = attributes.get(TYPE)
    if not isinstance(type, str):
        return None
    reading = Reading(
        _TYPES.get(type, Role.OTHER),
        name=span.name or None,
        conversation=text(attributes.get("session.id")),
        model=text(attributes.get(f"{_PREFIX}model.name")),
    )
    given, output = attributes.get(f"{_PREFIX}input"), attributes.get(f"{_PREFIX}output")
    if attributes.get(f"{_PREFIX}level") == "ERROR":
        reading.error = text(attributes.get(f"{_PREFIX}status_message")) or "failed"
    if reading.role == Role.MODEL:
        reading.messages = messages_of(given)
        reply = parsed(output)
        reading.reply = message_of({"role": "assistant", "content": reply} if isinstance(reply, str) else reply)
        reading.usage = usage(object_of(attributes.get(f"{_PREFIX}usage_details")), _USAGE)
    elif reading.role == Role.TOOL:
        reading.arguments, reading.result = parsed(given), parsed(output)
    else:
        reading.agent = reading.name if reading.role == Role.AGENT else None
        reading.task, reading.output = last_text(given), last_text(output, is_output=True)
    return reading
