"""The error of a span that failed. Pure."""

from __future__ import annotations

from typing import Any

from events.otel.mapping.reading import Reading
from events.otel.spans import Span

_ERROR_STATUS = 2
_REASONS = ("error", "content", "message", "detail", "response", "result", "output")
_TRACEBACK = "Traceback (most recent call last)"


def error_of(span: Span, reading: Reading) -> dict[str, str] | None:
    """Return the type and the message of a failure, from the place that says most. None if the span did not fail."""
    is_failed = span.status_code == _ERROR_STATUS or "error.type" in span.attributes or reading.error is not None
    if not is_failed and not _is_error(reading.result):
        return None
    exception = next((event.attributes for event in span.events if event.name == "exception"), {})
    type = exception.get("exception.type") or span.attributes.get("error.type")
    message = next(
        (
            text
            for text in (
                exception.get("exception.message"),
                reading.error,
                _reason(reading.result),
                span.status_message,
                type,
            )
            if isinstance(text, str) and text
        ),
        "failed",
    )
    error = {"type": type} if isinstance(type, str) and type else {}
    return {**error, "message": message.partition(_TRACEBACK)[0].strip() or message}


def _is_error(result: Any) -> bool:
    """Whether all that a tool gave is an error: some frameworks give it to the model, and their span does not fail."""
    return isinstance(result, dict) and result.keys() == {"error"} and isinstance(result["error"], str)


def _reason(result: Any, depth: int = 3) -> str | None:
    """Return the text of a result that tells an error, or the text of its member that does."""
    if isinstance(result, list) and depth:
        result = result[-1] if result else None
        return _reason(result, depth - 1)
    if isinstance(result, dict) and depth:
        members = (result.get(key) for key in _REASONS)
        return next((reason for member in members if (reason := _reason(member, depth - 1))), None)
    return result if isinstance(result, str) else None
