"""Messages of models, in the one shape that events have: `role`, `content`, `tool_calls`, `call_id`, `name`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

Message = dict[str, Any]

_ROLES = {"human": "user", "ai": "assistant", "developer": "system", "function": "tool"}
_RECORDED_ELSEWHERE = {"tool_use", "tool_call", "function_call", "thinking", "redacted_thinking", "reasoning"}
"""Types of parts that are no content: calls stand in `tool_calls`."""


def message(role: str, content: Any = None, calls: Iterable[Message] = (), **others: Any) -> Message:
    """Return a message without what it does not have. Parts that are no text are its `attachments`."""
    parts = content if isinstance(content, list) else [content]
    texts = [text for part in parts if (text := _text_of(part))]
    attachments = [part for part in parts if part and not isinstance(_text_of(part), str) and not _is_recorded(part)]
    members = {"role": _ROLES.get(role, role), "content": "\n".join(texts), "tool_calls": [*calls], **others}
    members["attachments"] = attachments
    return {name: value for name, value in members.items() if value not in (None, "", [])}


def call(id: str | None, name: str, arguments: Any) -> Message:
    """Return a call of a tool that a reply asks for. Its arguments may be a JSON text."""
    return {**({"id": id} if id else {}), "name": name, "arguments": parsed(arguments)}


def parsed(value: Any) -> Any:
    """Return the value that a JSON text holds; another value as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def messages_of(items: Any, role: str = "user") -> list[Message]:
    """Return the messages that items of the Responses API, or messages of Chat Completions, stand for."""
    if isinstance(items, str):
        return [message(role, items)]
    plain = (item if isinstance(item, dict) else item.model_dump() for item in items or ())
    return [each for item in plain if (each := _message(item)) is not None]


def _message(item: dict[str, Any]) -> Message | None:
    kind = item.get("type")
    if kind == "function_call":
        return message("assistant", calls=[call(item.get("call_id"), item["name"], item.get("arguments"))])
    if kind == "function_call_output":
        return message("tool", item.get("output"), call_id=item.get("call_id"))
    if kind == "reasoning":
        return message("assistant", reasoning="\n".join(part["text"] for part in item.get("summary") or ()))
    if "role" not in item:
        return None  # what the model's server did by itself, such as a search
    calls = [one for one in item.get("tool_calls") or () if isinstance(one, dict) and "function" in one]
    tool_calls = [call(one.get("id"), **_function(one)) for one in calls]
    return message(item["role"], item.get("content"), tool_calls, call_id=item.get("tool_call_id"))


def _function(tool_call: dict[str, Any]) -> dict[str, Any]:
    return {"name": tool_call["function"]["name"], "arguments": tool_call["function"].get("arguments")}


def merged(messages: Iterable[Message]) -> Message:
    """Return the one reply whose parts are items."""
    reply: Message = message("assistant")
    for part in messages:
        for name, value in part.items():
            reply[name] = reply[name] + value if name in reply and name != "role" else value
    return reply


def _text_of(part: Any) -> str | None:
    """Return the text of a part, None if it is none."""
    text = part.get("text") if isinstance(part, dict) else part
    return text if isinstance(text, str) else None


def _is_recorded(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in _RECORDED_ELSEWHERE
