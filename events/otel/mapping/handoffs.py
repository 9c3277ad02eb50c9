"""Which tools are hand-offs: by them an agent lets another one go on. Frameworks have no other span for it. Pure."""

from __future__ import annotations

import re
from typing import Any

from events.otel.mapping.messages import last_text

_TRANSFERS = re.compile(r"(?:^|[-_.])transfer_to_")
"""A tool's name may begin with that of its plug-in."""
_TOOLS = frozenset({"handoff", "hand_off", "handoff_to_agent", "transfer_to_agent", "delegate_to_agent"})
_TARGETS = ("to_agent", "agent_name", "target_agent", "agent", "target")
_WORKERS = ("coworker", "worker", "assistant", "recipient")
_INSTRUCTIONS = ("instruction", "instructions", "task", "message", "reason", "input")


def is_handoff(name: str | None) -> bool:
    """Whether a tool of this name hands over to another agent."""
    return name is not None and (name in _TOOLS or ("transfer_to_" in name and _TRANSFERS.search(name) is not None))


def target_of(name: str, arguments: Any) -> str | None:
    """Return the agent that a hand-off leads to: its arguments or the tool's name tell it."""
    if name not in _TOOLS:
        return _TRANSFERS.split(name, maxsplit=1)[-1]
    return _first_text(arguments, _TARGETS)


def names_agent(arguments: Any, agent: str) -> bool:
    """Whether the arguments of a call name an agent that is to do something."""
    return isinstance(arguments, dict) and any(arguments.get(key) == agent for key in (*_TARGETS, *_WORKERS))


def instruction_of(arguments: Any) -> Any:
    """Return what the other agent is told, or None."""
    if not isinstance(arguments, dict):
        return arguments or None
    others = {key: value for key, value in arguments.items() if key not in _TARGETS}
    return _first_text(others, _INSTRUCTIONS) or (last_text(others) if others else None)


def _first_text(arguments: Any, keys: tuple[str, ...]) -> str | None:
    if not isinstance(arguments, dict):
        return None
    return next((value for key in keys if isinstance(value := arguments.get(key), str) and value), None)
