"""OpenLLMetry (Traceloop): `traceloop.*`, and numbered prompts and completions. Pure.

Its newer versions also follow OpenTelemetry's own conventions.
"""

from __future__ import annotations

from events.otel.mapping.flattened import flattened_messages
from events.otel.mapping.json_text import parsed
from events.otel.mapping.messages import last_text, messages_of
from events.otel.mapping.reading import AnyRole, Message, Reading, Role
from events.otel.mapping.values import text, usage
from events.otel.spans import Attributes, Span

_KINDS: dict[str, AnyRole] = {"workflow": Role.WORKFLOW, "task": Role.STEP, "agent": Role.AGENT, "tool": Role.TOOL}
_PROPERTY = "traceloop.association.properties."
_SESSION, _THREAD = f"{_PROPERTY}session_id", f"{_PROPERTY}thread_id"
_AGENT, _MODEL = f"{_PROPERTY}lc_agent_name", f"{_PROPERTY}ls_model_type"
_USAGE = {
    "input_tokens": ("llm.usage.prompt_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("llm.usage.completion_tokens", "gen_ai.usage.completion_tokens"),
}


def read(span: Span) -> Reading | None:
    """Read a span of this convention."""
    attributes = span.attributes
    kind = attributes.get("traceloop.span.kind")
    role = _KINDS.get(kind) if isinstance(kind, str) else None
    if role is None:
        if "llm.request.type" not in attributes and _MODEL not in attributes:
            return _association(attributes)
        role = Role.EMBEDDING if attributes.get("llm.request.type") == "embedding" else Role.MODEL
    reading = _association(attributes) or Reading(role)
    reading.role = role
    if role == Role.MODEL:
        reading.usage = usage(attributes, _USAGE)
        reading.messages = flattened_messages(attributes, "gen_ai.prompt.") or messages_of(
            attributes.get("gen_ai.prompt")
        )
        reading.reply = _completion(attributes)
        return reading
    reading.name = text(attributes.get("traceloop.entity.name"))
    if role == Role.AGENT:
        reading.agent = reading.name
    elif role == Role.WORKFLOW:
        reading.name = text(attributes.get("traceloop.workflow.name")) or reading.name
    if role == Role.TOOL:
        reading.arguments = parsed(attributes.get("traceloop.entity.input"))
        reading.result = parsed(attributes.get("traceloop.entity.output"))
    elif role != Role.STEP or span.parent_id is None:
        reading.task = last_text(attributes.get("traceloop.entity.input"))
        reading.output = last_text(attributes.get("traceloop.entity.output"), is_output=True)
    return reading


def _association(attributes: Attributes) -> Reading | None:
    """Return what the application's own properties say of a span that follows another convention."""
    session = text(attributes.get(_SESSION)) or text(attributes.get(_THREAD))
    agent = text(attributes.get(_AGENT))
    return Reading(Role.OTHER, agent=agent, conversation=session) if session or agent else None


def _completion(attributes: Attributes) -> Message | None:
    replies = flattened_messages(attributes, "gen_ai.completion.") or messages_of(attributes.get("gen_ai.completion"))
    return {**replies[-1], "role": "assistant"} if replies else None
