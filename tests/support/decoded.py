"""Decoded events for reducers; a test names only the fields that it needs."""

from __future__ import annotations

from typing import Any

from projections.definition.projection import Decoded, decode
from projections.testing import event
from projections.values.change import Json


def happened(type: str = "T", data: Json = None, **fields: Any) -> Decoded:
    """A decoded event."""
    return decode(event(type, data, **fields))
