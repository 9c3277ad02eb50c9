"""Values in the data of a run's events (`model.replied`, `tool.called` and their like), whatever the data look like.

Content is often switched off, so any member may be missing; a client may have sent anything in its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from projections.catalog.messages import cut

OTHER_WORK = ("retrieval", "embedding", "reranking", "guardrail", "evaluation")
"""Work of agents besides asking models and calling tools, by the beginnings of its types: `retrieval.finished`."""
SHORT, LONG = 300, 2_000
"""Most characters of a call, a result or a detail that are kept, and of a task, an output or an error."""
UNNAMED = "(unnamed)"
_NAME_CHARACTERS = 200
_MAX_CALLS = 20
"""Most calls of one reply that are written out."""
_MAX_NUMBER = 10**12
"""A larger number of tokens, dollars or milliseconds is not believed."""
_SMALLEST = Decimal("1e-12")

_to_json = msgspec.json.Encoder(decimal_format="number").encode


def name_in(data: dict[str, Any], key: str = "name") -> str:
    """Return the name at a key; "" if there is none."""
    value = data.get(key)
    return cut(value, _NAME_CHARACTERS) if isinstance(value, str) else ""


def text_at(data: dict[str, Any], key: str, most: int = LONG) -> str | None:
    """Return the value at a key as a text of about `most` characters; None if there is none."""
    return words(data.get(key), most) or None


def words(value: Any, most: int = LONG) -> str:
    """Return a text as it is, the texts in the parts of a message, any other value as JSON; shortened, "" for null."""
    if value is None:
        return ""
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
        texts = [part["text"] for part in value if isinstance(part.get("text"), str)]
        value = "\n".join(texts) if texts else value
    return cut(value if isinstance(value, str) else _json(value), most)


def amount(value: Any) -> int | Decimal:
    """Return a number that may be added up; 0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return 0
    return value if _SMALLEST <= value <= _MAX_NUMBER else 0


def duration(data: dict[str, Any]) -> int | Decimal | None:
    """Return how long something took, in milliseconds; None if that is not said."""
    value = data.get("duration_ms")
    return amount(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def error_in(data: dict[str, Any]) -> str | None:
    """Return an error, which is a text or `{type, message}`, as one text; None if there is none."""
    error = data.get("error")
    if not isinstance(error, dict):
        return words(error) or None
    kind, message = (words(error.get(name)) for name in ("type", "message"))
    return cut(": ".join(filter(None, (kind, message))), LONG) or (words(error) if error else None)


def small_value(value: Any) -> Any:
    """Return a value, or the beginning of its text if that is long."""
    text = words(value, SHORT)
    return text if isinstance(value, str) or text != words(value, SHORT + 1) else value


def arguments_in(arguments: Any) -> str:
    """Return the arguments of a call as they are written in code: `van=“V1”, weight_kg=310`."""
    if not isinstance(arguments, dict):
        return words(arguments, SHORT)
    written = ((key, f"“{value}”" if isinstance(value, str) else _json(value)) for key, value in arguments.items())
    return cut(", ".join(f"{key}={value}" for key, value in written), SHORT)


def calls_in(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names of the tools that a reply calls, each with the call in words."""
    calls = data.get("tool_calls")
    for call in calls[:_MAX_CALLS] if isinstance(calls, list) else ():
        if isinstance(call, dict):
            name = name_in(call) or UNNAMED
            yield name, f"{name}({arguments_in(call.get('arguments'))})"


def history_in(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages that a reply's data has from before the reply."""
    messages = data.get("messages")
    return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []


def said(data: dict[str, Any], most: int) -> str:
    """Return what a message says, with an arrow before each call that it asks for."""
    calls = "\n".join(f"→ {call}" for _, call in calls_in(data))
    return "\n".join(filter(None, (words(data.get("content"), most), cut(calls, most))))


def listed(names: list[str]) -> str:
    """Return a few names, of agents or tools, in words."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _json(value: Any) -> str:
    return _to_json(value).decode()
