"""JSON values: read from text, and what a page prints for one. Pure."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from msgspec.json import Decoder

Kind: TypeAlias = Literal["s", "n", "a", "c"]
"""String, number, atom (true, false, null), container."""


loads = Decoder(float_hook=Decimal).decode
"""Parse for display, matching or folding: numbers keep their digits (int or Decimal). A fifth of json.loads's time."""


def kind_of(value: Any) -> Kind:
    """Which of the four a value is."""
    if isinstance(value, str):
        return "s"
    if value is None or isinstance(value, bool):
        return "a"
    return "n" if isinstance(value, int | Decimal) else "c"


# They reorder what stands after them: a name could pretend to be another.
_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """A text with the characters that turn the reading direction over written as escapes."""
    return _BIDI_CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def brief(value: Any) -> str:
    """A value on one line; a container is only counted."""
    if isinstance(value, dict):
        return f"{{ {len(value):,} }}" if value else "{ }"
    if isinstance(value, list):
        return f"[ {len(value):,} ]" if value else "[ ]"
    if isinstance(value, Decimal):
        return number_text(value)
    return visible(json.dumps(value, ensure_ascii=False))


def number_text(value: Decimal) -> str:
    """Every digit, as a plain number where that is not absurdly long: 0.0000001, not 1E-7."""
    text = str(value)
    plain = f"{value:f}"
    return plain if len(plain) <= max(40, len(text)) else text
