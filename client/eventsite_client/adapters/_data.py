"""Data that events of runs have in common: times, durations, errors, instructions."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

Data = dict[str, Any]

_CONTENT = frozenset(
    {"task", "output", "content", "reasoning", "arguments", "result", "messages", "instruction", "attachments",
     "attributes", "input", "state", "patch", "question", "answer"}
)  # fmt: skip
"""Members of data that say what was talked about."""
_INSTRUCTIONS = ("instruction", "instructions", "task", "task_description", "request", "message", "reason", "input")


def now() -> datetime:
    return datetime.now(timezone.utc)


def duration(began: datetime, end: datetime | None) -> float:
    """Return milliseconds, with tenths if they are less than a second."""
    milliseconds = ((end or now()) - began).total_seconds() * 1_000
    return round(milliseconds, 1) if milliseconds < 1_000 else round(milliseconds)


def error_of(error: BaseException | str | None, message: str | None = None) -> Data:
    """Return the type and the message of a failure."""
    if isinstance(error, BaseException):
        return {"type": type(error).__name__, "message": message or str(error) or type(error).__name__}
    return {"message": message or error or "failed"}


def without_content(data: Data) -> Data:
    """Return data without what was talked about: names, numbers and types of errors are left."""
    rest = {name: value for name, value in data.items() if name not in _CONTENT}
    if "tool_calls" in rest:
        rest["tool_calls"] = [
            {name: call[name] for name in ("id", "name") if name in call} for call in rest["tool_calls"]
        ]
    if "error" in rest:
        rest["error"] = {**rest["error"], "message": rest["error"].get("type", "failed")}
    return rest


def outcome(noun: str, success: str, error: object) -> str:
    return f"{noun}.{success if error is None else 'failed'}"


def timing(began: datetime | None, at: datetime | None) -> Data:
    return {} if began is None else {"started_at": began.isoformat(), "duration_ms": duration(began, at)}


def instruction_of(arguments: Any) -> Any:
    """Return what another agent is told, or None."""
    if not isinstance(arguments, dict):
        return arguments or None
    texts = [text for name in _INSTRUCTIONS if isinstance(text := arguments.get(name), str) and text]
    return texts[0] if texts else None
