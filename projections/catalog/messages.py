"""What an event says, whoever's format it is in: its text, and whom it speaks to."""

from __future__ import annotations

from typing import Any

from projections import Decoded

_TEXTS = ("content", "text", "message", "question", "error")
"""Where formats put what was said; the first that holds any."""


def fields(happened: Decoded) -> dict[str, Any]:
    """An event's data where it is an object; none of other data."""
    return happened.data if isinstance(happened.data, dict) else {}


def text_of(happened: Decoded) -> str:
    """What an event says in words; "" where it says nothing."""
    if isinstance(happened.data, str):
        return happened.data
    data = fields(happened)
    found = next((data[name] for name in _TEXTS if isinstance(data.get(name), str) and data[name]), "")
    args = data.get("args")
    return found or (text_in(args) if isinstance(args, dict) else "")


def is_message(happened: Decoded) -> bool:
    """Whether it is one of a conversation, as models take them: content in a role."""
    data = fields(happened)
    return isinstance(data.get("role"), str) and "content" in data


def text_in(fields: dict[str, Any]) -> str:
    """The first text among an action's arguments that says what it does."""
    names = ("content", "command", "final_thought", "thought", "code", "path", "url")
    return next((fields[name] for name in names if isinstance(fields.get(name), str) and fields[name]), "")


def speaker(happened: Decoded) -> str:
    """Who said it: the agent, else what its kind of event is called."""
    return happened.agent or happened.type


def addressee(happened: Decoded) -> str | None:
    """Whom it speaks to, where it says so."""
    target = fields(happened).get("target")
    return target if isinstance(target, str) else None


def cut(text: str, most: int) -> str:
    """A text of so many characters, and how many more there were."""
    return text if len(text) <= most else f"{text[:most].rstrip()} … {len(text) - most:,} more characters"
