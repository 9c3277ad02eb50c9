"""Events to fold, of as little as a test needs to say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from events.types import Event
from projections.state_text import dumps
from projections.types import Decoded, Json, decode


def event(type: str = "T", data: Json = None, *, version: int = 1, schema_version: int = 1, **fields: Any) -> Event:
    """The event at that version of stream `s`; its position is the same."""
    return Event(
        position=version,
        stream=fields.get("stream", "s"),
        version=version,
        id=str(version),
        type=type,
        data=dumps(data),
        metadata="{}",
        agent=fields.get("agent"),
        schema_version=schema_version,
        correlation_id=None,
        causation_id=None,
        occurred_at=None,
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def happened(type: str = "T", data: Json = None, **fields: Any) -> Decoded:
    """The same, decoded."""
    return decode(event(type, data, **fields))
