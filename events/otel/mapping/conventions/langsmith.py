"""LangSmith's export: what LangChain was given and gave, as `gen_ai.prompt` and `gen_ai.completion`. Pure."""

from __future__ import annotations

from typing import Any

from events.otel.mapping.json_text import parsed
from events.otel.mapping.messages import last_text, message_of, messages_of
from events.otel.mapping.reading import AnyRole, Message, Reading, Role
from events.otel.mapping.values import text
from events.otel.spans import Span

KIND = "langsmith.span.kind"
_METADATA = "langsmith.metadata."
_KINDS: dict[str, AnyRole] = {
    "llm": Role.MODEL,
    "tool": Role.TOOL,
    "retriever": Role.RETRIEVAL,
    "embedding": Role.EMBEDDING,
    "chain": Role.STEP,
    "prompt": Role.STEP,
    "parser": Role.STEP,
}


def read(span: Span) -> Reading | None:
    """Read a span of this export."""
    attributes = span.attributes
    kind = attributes.get(KIND)
    role = _KINDS.get(kind) if isinstance(kind, str) else None
    if role is None:
        return None
    agent = text(attributes.get(f"{_METADATA}lc_agent_name"))
    if agent == span.name and attributes.get(f"{_METADATA}ls_integration") == "langchain_create_agent":
        role = Role.AGENT
    thread = attributes.get(f"{_METADATA}thread_id") or attributes.get(f"{_METADATA}session_id")
    reading = Reading(role, name=span.name or None, agent=agent, conversation=text(thread))
    given, output = attributes.get("gen_ai.prompt"), attributes.get("gen_ai.completion")
    if role == Role.MODEL:
        reading.messages, reading.reply = messages_of(given), _reply(parsed(output))
    elif role == Role.TOOL:
        reading.arguments, reading.result = parsed(given), parsed(output)
    else:
        reading.task, reading.output = last_text(given), last_text(output, is_output=True)
    return reading


def _reply(output: Any) -> Message | None:
    """Return the message in what a model of LangChain gave: lists of generations."""
    generation = output.get("generations") if isinstance(output, dict) else output
    while isinstance(generation, list) and generation:
        generation = generation[0]
    if not isinstance(generation, dict):
        return None
    message = message_of(generation.get("message", generation))
    return None if message is None else {**message, "role": "assistant"}
