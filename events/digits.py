"""Whole numbers as clients and addresses write them."""

from __future__ import annotations

MAX_DIGITS = 18
"""Any number of 18 digits fits a bigint."""


def whole_number(text: str, *, max_digits: int = MAX_DIGITS) -> int | None:
    """Return the number that the ASCII digits mean; None for any other text, and for more than `max_digits` digits.

    `int()` takes signs, white space, underscores and the digits of every script, and raises for 5,000 of them.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= max_digits else None
