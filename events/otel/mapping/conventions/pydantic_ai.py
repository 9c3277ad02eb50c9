"""pydantic-ai: what its spans say besides OpenTelemetry's conventions. Pure."""

from __future__ import annotations

from typing import Any

from events.otel.mapping.json_text import parsed
from events.otel.mapping.messages import message_of, messages_of
from events.otel.mapping.reading import Reading, Role
from events.otel.mapping.values import text
from events.otel.spans import Span

_SCOPE = "pydantic-ai"
_RUNNING = "running "


def read(span: Span) -> Reading | None:
    """Read a span of this framework. Its older versions gave runs no operation, and messages as one list of events."""
    if span.scope != _SCOPE:
        return None
    attributes = span.attributes
    reading = Reading(Role.OTHER, agent=text(attributes.get("agent_name")))
    reading.output = parsed(attributes.get("final_result"))
    messages = parsed(attributes.get("pydantic_ai.all_messages") or attributes.get("all_messages_events"))
    if "agent_name" in attributes:
        reading.role, reading.name = Role.AGENT, reading.agent
    elif span.name.startswith(_RUNNING) and "gen_ai.tool.name" not in attributes:
        reading.role, reading.name = Role.STEP, span.name
    if messages:
        reading.messages = messages_of(_asked(messages))
    if events := parsed(attributes.get("events")):
        _read_events(reading, events)
    reading.arguments = parsed(attributes.get("tool_arguments"))
    reading.result = parsed(attributes.get("tool_response"))
    return reading


def _asked(messages: Any) -> Any:
    """Return the messages up to the first reply: what the agent began with."""
    if not isinstance(messages, list):
        return None
    roles = [one.get("role") if isinstance(one, dict) else None for one in messages]
    return messages[: roles.index("assistant")] if "assistant" in roles else messages


def _read_events(reading: Reading, events: Any) -> None:
    events = [one for one in events if isinstance(one, dict)] if isinstance(events, list) else []
    choices = [one for one in events if one.get("event.name") == "gen_ai.choice"]
    reading.messages = messages_of([one for one in events if one not in choices]) or None
    if choices:
        reading.reply = message_of(choices[-1].get("message"))
