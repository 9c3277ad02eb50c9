"""Single values of attributes: texts, numbers, and objects that came as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from events.otel.mapping.json_text import parsed
from events.otel.spans import Attributes

_COUNTED = ("input_tokens", "output_tokens")
"""The numbers that are told although they are 0."""


def usage(attributes: Attributes, names: Mapping[str, tuple[str, ...]]) -> dict[str, int | float] | None:
    """Return the numbers that attributes have, each under the first of some names. None if there are none."""
    numbers: dict[str, int | float] = {}
    for field, keys in names.items():
        for key in keys:
            number = attributes.get(key)
            if isinstance(number, (int, float)) and not isinstance(number, bool):
                if number > 0 or field in _COUNTED:
                    numbers[field] = number
                break
    return numbers or None


def text(value: Any) -> str | None:
    """Return a text that is not empty; None for anything else."""
    return value if isinstance(value, str) and value else None


def object_of(value: Any) -> dict[str, Any]:
    """Return an object, or that of a JSON text; an empty one for anything else."""
    value = parsed(value)
    return value if isinstance(value, dict) else {}
