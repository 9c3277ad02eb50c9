"""What a log can keep: names and data of spans are cut and cleaned until an append takes them. Pure.

Nothing is cut silently: the event's metadata says what it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from events.otel.mapping.json_text import MAX_DIGITS, encode
from events.otel.mapping.messages import blob

MAX_NAME_CHARACTERS = 200
MAX_TEXT_BYTES = 32 * 1024
MAX_DATA_BYTES = 512 * 1024
MAX_DEPTH = 64
_MAX_ITEMS = 10_000
_HASH_DIGITS = 16
_UNNAMEABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_OUTLINE = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * MAX_DIGITS
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[^,]{0,100};base64,")
_MIN_BLOB_CHARACTERS = 256

Cuts = dict[str, Any]
"""What was cut: by JSON Pointer, the bytes of a text or the items of a list as they were."""


def fitted_name(name: str | None) -> str | None:
    """Return a name that the log takes. A long one is cut, and ends with a hash that tells it from others."""
    if not name:
        return None
    if len(name) <= MAX_NAME_CHARACTERS and name.isprintable():
        return name
    clean = _UNNAMEABLE.sub("\ufffd", name)
    if len(clean) <= MAX_NAME_CHARACTERS:
        return clean
    digest = sha256(name.encode("utf-8", "replace")).hexdigest()[:_HASH_DIGITS]
    return f"{clean[: MAX_NAME_CHARACTERS - _HASH_DIGITS - 1]}…{digest}"


def fitted_data(data: dict[str, Any]) -> tuple[bytes, Cuts]:
    """Return data as JSON that the log takes, and what was cut from it."""
    text = _encoded(data)
    if text is not None and _needs_nothing(text):
        return text, {}
    limit = MAX_TEXT_BYTES
    while True:
        fitting = _Fitting(limit)
        text = encode(fitting.value(data, "", 0))
        if len(text) <= MAX_DATA_BYTES or limit < 64:
            return text, fitting.cuts
        limit //= 8


def _encoded(data: dict[str, Any]) -> bytes | None:
    try:
        return encode(data)
    except (UnicodeEncodeError, RecursionError, TypeError, ValueError):
        return None


def _needs_nothing(text: bytes) -> bool:
    """Whether a JSON text is so short and plain that nothing in it can be too long, too deep, or unstorable."""
    if len(text) > MAX_TEXT_BYTES or b"\\u0000" in text or b";base64," in text:
        return False
    if len(text) < MAX_DEPTH:
        return True
    return text.count(b"{") + text.count(b"[") < MAX_DEPTH and (
        len(text) < MAX_DIGITS or _LONG_NUMBER not in text.translate(_OUTLINE)
    )


class _Fitting:
    """Makes one value fit, with texts of so many bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items = _MAX_ITEMS
        self.cuts: Cuts = {}

    def value(self, value: Any, pointer: str, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value, pointer)
        if isinstance(value, dict | list):
            if depth >= MAX_DEPTH:
                return self._text(str(_flat(value)), pointer)
            return self._members(value, pointer, depth)
        if isinstance(value, bytes):
            return blob(value)
        if isinstance(value, int) and value.bit_length() > 3 * MAX_DIGITS:
            return self._text(hex(value), pointer)
        return value

    def _members(self, value: dict[str, Any] | list[Any], pointer: str, depth: int) -> Any:
        if isinstance(value, list):
            return [self.value(item, f"{pointer}/{index}", depth + 1) for index, item in self._within(value, pointer)]
        members: dict[str, Any] = {}
        for key, item in value.items():
            name = self._key(key)
            members[name] = self.value(item, f"{pointer}/{name}", depth + 1)
        return members

    def _within(self, items: list[Any], pointer: str) -> Iterator[tuple[int, Any]]:
        """Yield the items of a list until so many were seen in all the data."""
        for index, item in enumerate(items):
            self._items -= 1
            if self._items < 0:
                self.cuts.setdefault(pointer or "/", {"items": len(items)})
                return
            yield index, item

    def _key(self, key: Any) -> str:
        key = _UNSTORABLE.sub("\ufffd", str(key))
        return key if len(key) <= MAX_NAME_CHARACTERS else fitted_name(key) or ""

    def _text(self, text: str, pointer: str) -> Any:
        if len(text) >= _MIN_BLOB_CHARACTERS and (url := _DATA_URL.match(text)):
            return {"type": url[1] or "data", **blob(text[url.end() :])}
        clean = _UNSTORABLE.sub("\ufffd", text)
        if clean != text:
            self.cuts.setdefault(pointer, {"replaced": "characters that can't be kept"})
        raw = clean.encode()
        if len(raw) <= self._limit:
            return clean
        self.cuts[pointer] = {"bytes": len(raw)}
        return raw[: self._limit].decode("utf-8", "ignore") + "…"


def _flat(value: Any) -> str:
    """Return a short description of a value that is nested too deep to be shown."""
    return f"{type(value).__name__} of {len(value)}"
