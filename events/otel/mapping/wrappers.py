"""Arguments and results of tools, out of the objects that frameworks put around them. Pure."""

from __future__ import annotations

from ast import literal_eval
from typing import Any

from events.otel.mapping.json_text import parsed
from events.otel.mapping.messages import message_of
from events.otel.mapping.reading import Message, Reading

_MAX_LITERAL_CHARACTERS = 4_096
_CALL = {"args", "kwargs", "sanitize_inputs_outputs"}
"""The members of the call of a Python function, as OpenInference records it."""


def unwrap(reading: Reading) -> None:
    """Take arguments, result and call id of a tool out of the objects around them."""
    reading.arguments = _arguments(reading.arguments)
    message = _tool_message(reading.result)
    if message is not None:
        reading.call_id = reading.call_id or message.get("call_id")
        reading.result = parsed(message.get("content"))
    else:
        reading.result = _result(reading.result)


def are_telling(arguments: Any) -> bool:
    """Whether arguments are named: else those of the reply that asked for the call tell more."""
    return isinstance(arguments, dict)


def _arguments(arguments: Any) -> Any:
    if not isinstance(arguments, dict):
        return arguments
    if isinstance(text := arguments.get("input_str"), str):
        return _literal(text)
    if arguments.keys() == {"name", "arguments"}:
        return parsed(arguments["arguments"])
    if arguments and arguments.keys() <= _CALL:
        positional = arguments.get("args")
        return positional or arguments.get("kwargs", {})
    return arguments


def _result(result: Any) -> Any:
    if isinstance(result, list) and len(result) == 2 and isinstance(result[0], bool) and isinstance(result[1], dict):
        return parsed(result[1].get("content"))  # whether it went well, and a message
    if isinstance(result, list) and len(result) == 1 and isinstance(part := result[0], dict):
        return parsed(part["text"]) if "text" in part and part.keys() <= {"type", "text"} else result
    if not isinstance(result, dict):
        return result
    if "raw_output" in result and "raw_input" in result:
        return parsed(result["raw_output"])
    if "response" in result and result.keys() <= {"id", "name", "response"}:
        return _result(parsed(result["response"]))
    return parsed(result["result"]) if result.keys() == {"result"} else result


def _tool_message(result: Any) -> Message | None:
    if isinstance(result, dict) and set(result) <= {"output", "kwargs"} and isinstance(result.get("output"), dict):
        result = result["output"]
        if "content" in result and "tool_call_id" in result:
            return message_of({"role": "tool", **result})
    if not isinstance(result, dict) or not isinstance(result.get("kwargs", result.get("data")), dict):
        return None
    message = message_of(result)
    return message if message is not None and message["role"] == "tool" else None


def _literal(text: str) -> Any:
    """Read the arguments that LangChain wrote as Python does. A long text stays a text."""
    if len(text) > _MAX_LITERAL_CHARACTERS:
        return text
    try:
        value = literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, dict) else text
