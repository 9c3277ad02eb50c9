"""The text and the addressee of an event that is a message, in any of several formats."""

from __future__ import annotations

from typing import Any

from projections import Decoded

_TEXTS = ("content", "text", "message", "question", "error")
"""The members in which formats keep a message's text, in order of preference."""


def fields(happened: Decoded) -> dict[str, Any]:
    """Return an event's data if it is an object, else an empty object."""
    return happened.data if isinstance(happened.data, dict) else {}


def text_of(happened: Decoded) -> str:
    """Return the text of an event; "" if it has none."""
    if isinstance(happened.data, str):
        return happened.data
    data = fields(happened)
    found = next((data[name] for name in _TEXTS if isinstance(data.get(name), str) and data[name]), "")
    args = data.get("args")
    return found or (text_in(args) if isinstance(args, dict) else "")


def is_message(happened: Decoded) -> bool:
    """Whether an event is a message of a conversation, as models take them: content in a role."""
    data = fields(happened)
    return isinstance(data.get("role"), str) and "content" in data


def text_in(fields: dict[str, Any]) -> str:
    """Return the first text among an action's arguments that describes it."""
    names = ("content", "command", "final_thought", "thought", "code", "path", "url")
    return next((fields[name] for name in names if isinstance(fields.get(name), str) and fields[name]), "")


def speaker(happened: Decoded) -> str:
    """Return the speaker of a message: the agent, else the type of the event."""
    return happened.agent or happened.type


def addressee(happened: Decoded) -> str | None:
    """Return the addressee of a message, or None."""
    target = fields(happened).get("target")
    return target if isinstance(target, str) else None


def cut(text: str, most: int) -> str:
    """Return the first `most` characters of a text, with the number of those left out."""
    return text if len(text) <= most else f"{text[:most].rstrip()} … {len(text) - most:,} more characters"
