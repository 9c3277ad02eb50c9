"""JSON in attributes, and how its numbers survive. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

MAX_DIGITS = 300
"""A number of more digits, or with a larger exponent, is told as a text: a log does not keep it as a number."""
_EXACT_CHARACTERS = 15
"""A number of so few characters is written by a double as it was read."""


def _number(text: str) -> float | Decimal | str:
    if len(text) <= _EXACT_CHARACTERS and "e" not in text and "E" not in text:
        return float(text)
    number = Decimal(text)
    return number if len(text) <= MAX_DIGITS and abs(number.adjusted()) <= MAX_DIGITS else text


decode = msgspec.json.Decoder(float_hook=_number).decode
decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
"""Decodes a JSON array to the texts of its items."""
encode = msgspec.json.Encoder(decimal_format="number").encode
"""Encodes JSON values, with decimals as numbers."""


UNREADABLE = (msgspec.DecodeError, RecursionError, ValueError, ArithmeticError)
"""What decoding raises if a text is no JSON, or no JSON that can be kept."""


def parsed(value: Any) -> Any:
    """Return the value of a text that is a JSON object, array or string; anything else is returned as it is."""
    if isinstance(value, str) and value[:1] in ("{", "[", '"'):
        try:
            return decode(value)
        except UNREADABLE:
            return value
    return value
