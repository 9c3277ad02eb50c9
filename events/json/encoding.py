"""The encoding of a JSON text: UTF-8, with or without a byte order mark, or another one. Pure."""

from __future__ import annotations

import json

BOM = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8, which editors and shells of Windows put before a text."""


def other_encoding(text: bytes) -> str | None:
    """Return "UTF-16" or "UTF-32" if a text, or its first four bytes, is in one of them; else None."""
    encoding = json.detect_encoding(text[:4])
    return None if encoding.startswith("utf-8") else encoding[: len("utf-16")].upper()
