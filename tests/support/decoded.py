"""Events to fold, of as little as a test needs to say."""

from __future__ import annotations

from typing import Any

from projections.definition.projection import Decoded, decode
from projections.testing import event
from projections.values.change import Json


def happened(type: str = "T", data: Json = None, **fields: Any) -> Decoded:
    """An event, decoded."""
    return decode(event(type, data, **fields))
