"""Messages between agents and models: all shapes that conventions and frameworks give them become one. Pure.

The shapes are those of OpenTelemetry (`parts`), OpenAI (`content`, `tool_calls`), Gemini (`parts` without types),
Vercel AI (`toolName`), LangChain's dumps (`kwargs` or `data`), and pairs of role and text.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

from events.otel.mapping.json_text import UNREADABLE, decode, decode_items, encode, parsed
from events.otel.mapping.reading import Message

_ROLES = {
    "human": "user",
    "ai": "assistant",
    "model": "assistant",
    "developer": "system",
    "function": "tool",
    "tool-call": "assistant",
    "tool-response": "tool",
}
_CALLS = ("tool_call", "tool-call", "tool_use", "function")
_RESPONSES = {"function_response", "functionResponse", "toolResult"}
_RESULTS = ("tool_call_response", "tool-result", "tool_result")
_INNER = ("kwargs", "data", "message")
_NAMES_OF_INNER = frozenset(_INNER)
_BLOBS = ("blob", "image", "image_url", "input_image", "audio", "input_audio", "media", "file", "uri")


def messages_of(value: Any) -> list[Message] | None:
    """Read a list of messages, or its JSON text. None if it is neither. The messages must not be changed."""
    if isinstance(value, str) and value[:1] == "[":
        try:
            items = [bytes(item) for item in decode_items(value)]
        except UNREADABLE:
            return None
        if len(items) != 1 or items[0][:1] != b"[":
            return joined(map(_messages_of_text, items))
    value = parsed(value)
    if isinstance(value, dict) and isinstance(inner := value.get("messages"), str | list):
        return messages_of(inner)
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], list):
            value = value[0]
        return joined(map(parted, value))
    return None


def joined(messages: Iterable[Sequence[Message]]) -> list[Message]:
    return [message for some in messages for message in some]


@lru_cache(maxsize=1_024)
def _messages_of_text(text: bytes) -> Sequence[Message]:
    """Read one message. Each call of a model repeats the history, so most were read before."""
    try:
        return parted(decode(text))
    except UNREADABLE:
        return ()


forget = _messages_of_text.cache_clear
"""Forget the messages that were read: what one run says is not kept when it is mapped."""


def parted(value: Any) -> Sequence[Message]:
    """Read one message. One with the results of several tools becomes several, as each result has its call."""
    parts = value.get("parts") if isinstance(value, dict) else None
    if not isinstance(parts, list) or len(parts) < 2 or not any(map(_is_result, parts)):
        message = message_of(value)
        return () if message is None else (message,)
    others = [part for part in parts if not _is_result(part)]
    groups = [others, *([part] for part in parts if _is_result(part))]
    messages = [message_of({**value, "parts": group}) for group in groups if group]
    return [message for message in messages if message is not None]


def _is_result(part: Any) -> bool:
    return isinstance(part, dict) and (part.get("type") in _RESULTS or bool(part.keys() & _RESPONSES))


def message_of(value: Any) -> Message | None:
    """Read one message. None if it says nothing."""
    if isinstance(value, dict):
        message = _read(value if _NAMES_OF_INNER.isdisjoint(value) else _inner_of(value))
    elif isinstance(value, str):
        message = {"role": "user", "content": value} if value else {}
    elif isinstance(value, list) and len(value) == 2 and all(isinstance(one, str) for one in value):
        message = {"role": _ROLES.get(value[0], value[0]), "content": value[1]}
    else:
        return None
    return message if len(message) > 1 else None


def _inner_of(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a message that is within another object, or of the object if there is none in it."""
    for key in _INNER:
        if isinstance(inner := fields.get(key), dict):
            return {**inner, **_own_role(fields, inner)}
    return fields


def _own_role(outer: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    """Return the role of a LangChain dump or of a choice: its type is outside, or within the inner object."""
    role = inner.get("role") or outer.get("role") or inner.get("type") or outer.get("type")
    return {"role": role} if isinstance(role, str) and role != "constructor" else {}


def _read(fields: dict[str, Any]) -> Message:
    role = fields.get("role") or fields.get("type")
    message: Message = {"role": _ROLES.get(role, role) if isinstance(role, str) else "assistant"}
    parts = fields.get("parts")
    content = parts if parts is not None else fields.get("content")
    if isinstance(content, list) and len(content) == 1 and isinstance(part := content[0], dict):
        content = _text_of_part(part) or content
    calls = fields.get("tool_calls") or fields.get("function_call")
    if calls is None and isinstance(content, str):
        if content:
            message["content"] = content
    else:
        _read_parts(message, content, fields)
    call_id = fields.get("tool_call_id") or (fields.get("id") if message["role"] == "tool" else None)
    if isinstance(call_id, str):
        message.setdefault("call_id", call_id)
    return message


def _read_parts(message: Message, content: Any, fields: dict[str, Any]) -> None:
    reader = _Parts(message)
    reader.add(content)
    if calls := fields.get("tool_calls"):
        for call in _list(calls):
            reader.call(call)
    if isinstance(fields.get("function_call"), dict):
        reader.call(fields["function_call"])
    reader.finish()


def _text_of_part(part: dict[str, Any]) -> str | None:
    """Return the text of a part that is nothing else."""
    text = part.get("text", part.get("content")) if part.get("type") == "text" else None
    return text if isinstance(text, str) else None


class _Parts:
    """Gathers the parts of one message."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._texts: list[str] = []
        self._reasons: list[str] = []

    def add(self, content: Any) -> None:
        if isinstance(content, str):
            self._texts.append(content)
        elif isinstance(content, list):
            for part in content:
                self._part(part)
        elif isinstance(content, dict):
            self._part(content)

    def _part(self, part: Any) -> None:
        if isinstance(part, str):
            self._texts.append(part)
        elif isinstance(part, dict):
            text = _text_of_part(part)
            if text is not None:
                self._texts.append(text)
            else:
                self._typed(part, part.get("type"))

    def _typed(self, part: dict[str, Any], kind: Any) -> None:
        if kind in _CALLS:
            self.call(part)
        elif isinstance(call := _first(part, "function_call", "functionCall", "toolUse"), dict):
            self.call(call)
        elif isinstance(response := _first(part, "function_response", "functionResponse", "toolResult"), dict):
            self._response(response)
        elif kind in _RESULTS:
            self._response(part)
        elif kind in ("reasoning", "thinking"):
            self._reasons.append(_text(part.get("content") or part.get("text") or part.get("thinking")))
        elif kind in _BLOBS or "inline_data" in part:
            self._message.setdefault("attachments", []).append(attachment(part))
        elif isinstance(text := part.get("text", part.get("content")), str):
            self._texts.append(text)
        else:
            self._message.setdefault("attachments", []).append(part)

    def call(self, call: Any) -> None:
        """Add a call of a tool."""
        if (tool_call := tool_call_of(call)) is not None:
            self._message.setdefault("tool_calls", []).append(tool_call)

    def _response(self, part: dict[str, Any]) -> None:
        self._message["role"] = "tool"
        call_id = _first(part, "id", "tool_use_id", "toolCallId", "toolUseId")
        if isinstance(call_id, str):
            self._message["call_id"] = call_id
        self._texts.append(_text(_given(part, "response", "result", "output", "content")))

    def finish(self) -> None:
        if self._texts and (text := "\n".join(filter(None, self._texts))):
            self._message["content"] = text
        if self._reasons and (reasoning := "\n".join(filter(None, self._reasons))):
            self._message["reasoning"] = reasoning


def tool_call_of(call: Any) -> dict[str, Any] | None:
    """Read the call of a tool: its `id`, `name` and `arguments` (a value, if they are JSON)."""
    if not isinstance(call, dict):
        return None
    function = call.get("function")
    function = function if isinstance(function, dict) else call
    name = function.get("name") or call.get("toolName")
    if not isinstance(name, str):
        return None
    call_id = _first(call, "id", "toolCallId", "toolUseId", "call_id")
    fields: dict[str, Any] = {"id": call_id} if isinstance(call_id, str) else {}
    fields["name"] = name
    arguments = parsed(_given(function, "arguments", "args", "input"))
    if arguments is not None:
        fields["arguments"] = arguments
    return fields


def attachment(part: dict[str, Any]) -> dict[str, Any]:
    """Return a part of a message that is no text; its bytes are replaced by their size and their hash."""
    inline = part.get("inline_data")
    data = inline if isinstance(inline, dict) else part
    content = next((data[key] for key in ("content", "data") if isinstance(data.get(key), str | bytes)), None)
    if content is None:
        return data
    return {key: value for key, value in data.items() if key not in ("content", "data")} | blob(content)


def blob(content: str | bytes) -> dict[str, Any]:
    """Return the size and the hash of bytes, which may have come as base64."""
    raw = _from_base64(content) if isinstance(content, str) else content
    return {"bytes": len(raw), "sha256": sha256(raw).hexdigest()}


def _from_base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return text.encode("utf-8", "replace")


def last_text(value: Any, *, is_output: bool = False) -> Any:
    """Return what a person would read of an input or output: the text of its last message, or the value itself."""
    return _said(parsed(value), _OUTPUTS if is_output else _INPUTS, 6)


_INPUTS = (
    "raw", "args", "content", "text", "task", "question", "query", "prompt", "input", "inputs", "output", "outputs",
    "result", "messages", "message", "new_message", "parts", "kwargs", "data", "update", "value",
)  # fmt: skip


_OUTPUTS = tuple(
    key for key in ("answer", *_INPUTS) if key not in {"task", "question", "query", "prompt", "input", "inputs"}
)
"""Keys under which an output may stand; it often repeats the input."""


def _said(value: Any, keys: tuple[str, ...], depth: int) -> Any:
    if depth and isinstance(value, list) and value:
        message = message_of(value[-1])
        content = message.get("content") if message else None
        return content if content else _said(value[-1], keys, depth - 1)
    if depth and isinstance(value, dict):
        for key in keys:
            if inner := parsed(value.get(key)):
                return inner if isinstance(inner, str) else _said(inner, keys, depth - 1)
        if "role" in value and "content" in value:
            return None  # a message that only asks for tools
        if len(value) == 1 and isinstance(only := next(iter(value.values())), str):
            return only
    return value


def fingerprint(message: Message) -> tuple[Any, ...]:
    """Return what makes two messages the same, whoever tells them: names and formats of texts differ."""
    calls = tuple((call.get("id"), call.get("name")) for call in message.get("tool_calls", ()))
    return message["role"], message.get("content"), message.get("call_id"), calls


def _first(fields: dict[str, Any], *keys: str) -> Any:
    """Return the first value of some keys that is not empty."""
    for key in keys:
        if value := fields.get(key):
            return value
    return None


def _given(fields: dict[str, Any], *keys: str) -> Any:
    """Return the first value of some keys that is not null; it may be empty."""
    for key in keys:
        if (value := fields.get(key)) is not None:
            return value
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else encode(value).decode()


def _list(value: Any) -> Iterable[Any]:
    value = parsed(value)
    return value if isinstance(value, list) else ()
