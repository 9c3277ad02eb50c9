"""Events as they are read from a log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from events.types import Event

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def make_event(data: str = "{}", **fields: Any) -> Event:
    defaults: dict[str, Any] = {
        "position": 1,
        "stream": "order-42",
        "version": 1,
        "id": "id-1",
        "type": "Placed",
        "metadata": "{}",
        "agent": None,
        "schema_version": 1,
        "correlation_id": None,
        "causation_id": None,
        "occurred_at": None,
        "recorded_at": NOW,
    }
    return Event(data=data, **{**defaults, **fields})
