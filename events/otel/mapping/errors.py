"""Why a span failed. Pure."""

from __future__ import annotations

from events.otel.mapping.reading import Reading
from events.otel.spans import Span

_ERROR_STATUS = 2
_TRACEBACK = "Traceback (most recent call last)"


def error_of(span: Span, reading: Reading) -> dict[str, str] | None:
    """Return the type and the message of a failure, from the place that says most. None if the span did not fail."""
    if span.status_code != _ERROR_STATUS and "error.type" not in span.attributes and reading.error is None:
        return None
    exception = next((event.attributes for event in span.events if event.name == "exception"), {})
    type = exception.get("exception.type") or span.attributes.get("error.type")
    message = next(
        (
            text
            for text in (
                exception.get("exception.message"),
                reading.error,
                reading.result,
                span.status_message,
                type,
            )
            if isinstance(text, str) and text
        ),
        "failed",
    )
    error = {"type": type} if isinstance(type, str) and type else {}
    return {**error, "message": message.partition(_TRACEBACK)[0].strip() or message}
