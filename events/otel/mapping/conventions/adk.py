"""Google's Agent Development Kit: what its spans say besides OpenTelemetry's conventions. Pure."""

from __future__ import annotations

from typing import Any

from events.otel.mapping.json_text import parsed
from events.otel.mapping.messages import message_of, messages_of
from events.otel.mapping.reading import Message, Reading, Role
from events.otel.mapping.values import object_of, text, usage
from events.otel.spans import Span

_PREFIX = "gcp.vertex.agent."
_EVENT = f"{_PREFIX}event_id"
_AGENT = "agent_run ["
_MERGED_TOOLS = "(merged tools)"
"""The span of several tools at once, which have spans of their own."""
_USAGE = {
    "input_tokens": ("prompt_token_count",),
    "output_tokens": ("candidates_token_count",),
    "cache_read_tokens": ("cached_content_token_count",),
    "reasoning_tokens": ("thoughts_token_count",),
}


def read(span: Span) -> Reading | None:
    """Read a span of this kit."""
    attributes = span.attributes
    if not span.scope.startswith("gcp.vertex.agent") and _EVENT not in attributes:
        return None
    if span.name.startswith(_AGENT):
        name = span.name.removeprefix(_AGENT).removesuffix("]")
        return Reading(Role.AGENT, name=name, agent=name)
    if attributes.get("gen_ai.tool.name") == _MERGED_TOOLS:
        return Reading(Role.CARRIER)
    if span.name.startswith("invocation"):
        return Reading(Role.WORKFLOW, name=span.name)
    request, response = (
        object_of(attributes.get(f"{_PREFIX}llm_request")),
        object_of(attributes.get(f"{_PREFIX}llm_response")),
    )
    reading = Reading(
        Role.MODEL if request else Role.OTHER,
        conversation=text(attributes.get(f"{_PREFIX}session_id")),
        arguments=parsed(attributes.get(f"{_PREFIX}tool_call_args")),
        result=parsed(attributes.get(f"{_PREFIX}tool_response")),
    )
    if request:
        reading.model = text(request.get("model"))
        reading.messages = [*_instruction(request), *(messages_of(request.get("contents")) or ())]
    if response:
        reading.reply = message_of(response.get("content"))
        reading.finish_reason = text(response.get("finish_reason"))
        reading.usage = usage(object_of(response.get("usage_metadata")), _USAGE)
    return reading if reading != Reading(Role.OTHER) else None


def _instruction(request: dict[str, Any]) -> list[Message]:
    message = message_of({"role": "system", "content": object_of(request.get("config")).get("system_instruction")})
    return [message] if message else []
