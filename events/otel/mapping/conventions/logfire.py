"""Logfire's own instrumentations: the kind of a span is the template of its message. Pure."""

from __future__ import annotations

from typing import Any

from events.otel.mapping.json_text import parsed
from events.otel.mapping.messages import last_text, message_of, messages_of
from events.otel.mapping.reading import AnyRole, Message, Reading, Role
from events.otel.mapping.values import object_of, text
from events.otel.spans import Attributes, Span

TEMPLATE = "logfire.msg_template"
_KINDS: dict[str, AnyRole] = {
    "OpenAI Agents trace:": Role.WORKFLOW,
    "Agent run:": Role.AGENT,
    "Function:": Role.TOOL,
    "Handoff:": Role.HANDOFF,
    "Guardrail": Role.GUARDRAIL,
    "Turn ": Role.STEP,
    "Responses API": Role.MODEL,
    "Chat completion": Role.MODEL,
}


def read(span: Span) -> Reading | None:
    """Read a span that Logfire made: of an agent's work, or as people tell it to, of anything."""
    attributes = span.attributes
    template = text(attributes.get(TEMPLATE))
    if template is None or not span.scope.startswith("logfire"):
        return None
    role: AnyRole = next((role for start, role in _KINDS.items() if template.startswith(start)), Role.OTHER)
    reading = Reading(role, name=text(attributes.get("name")) or text(attributes.get("logfire.msg")))
    if role == Role.WORKFLOW:
        reading.conversation = text(attributes.get("group_id"))
    elif role == Role.AGENT:
        reading.agent = reading.name
    elif role == Role.HANDOFF:
        reading.target = text(attributes.get("to_agent"))
        reading.agent = text(attributes.get("from_agent"))
    elif role == Role.TOOL:
        reading.arguments = parsed(attributes.get("input"))
        reading.result = parsed(attributes.get("output"))
        error = parsed(attributes.get("error"))
        reading.error = text(last_text(error)) if error else None
    elif role == Role.MODEL:
        _read_model(reading, attributes)
    return reading


def _read_model(reading: Reading, attributes: Attributes) -> None:
    response = object_of(attributes.get("response"))
    request = parsed(attributes.get("raw_input")) or object_of(attributes.get("request_data")).get("messages")
    instructions = message_of({"role": "system", "content": response.get("instructions")})
    messages = messages_of(request)
    if messages is not None:
        reading.messages = [*([instructions] if instructions else []), *messages]
    reading.reply = _reply(response.get("output")) or message_of(parsed(attributes.get("response_data")))


def _reply(items: Any) -> Message | None:
    """Return the items of a response as one message: texts, and calls of tools."""
    items = [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
    content = [part for one in items if isinstance(one.get("content"), list) for part in one["content"]]
    calls = [one for one in items if one.get("type") == "function_call"]
    return message_of({"role": "assistant", "content": content, "tool_calls": calls})
