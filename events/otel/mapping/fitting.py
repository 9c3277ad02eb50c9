"""Names and data that a log can keep: those of spans are cut and cleaned until an append takes them. Pure.

Nothing is cut silently: the event's metadata says what it was.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

from events.json.pointer import below
from events.otel.mapping.json_text import MAX_DIGITS, encode
from events.otel.mapping.messages import blob
from events.otel.spans import Attributes

_MAX_TEXT_BYTES = 32 * 1024
_MAX_KEY_CHARACTERS = 200
_MAX_SHARED_BYTES = 2_000
_MAX_ITEMS = 10_000
"""Items of lists and members of objects, in all the data of an event."""
_MAX_CUTS = 100
_MIN_TEXT_BYTES = 64
_HASH_DIGITS = 16
_UNNAMEABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_OUTLINE = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * MAX_DIGITS
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[^,]{0,100};base64,")
_MIN_BLOB_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a log takes, and a reader has a use for: of a name, and of the data or the metadata of an event.

    `depth` is the number of objects and lists in each other.
    """

    name_characters: int = 200
    bytes: int = 512 * 1024
    depth: int = 64


USUAL = Limits()

Cuts = dict[str, Any]
"""The parts that were cut: by JSON Pointer, the bytes of a text or the items of a list or object as they were."""


def fitted_name(name: str | None, most_characters: int) -> str | None:
    """Return a name that the log takes. A long one is cut, and ends with a hash that tells it from others."""
    if not name:
        return None
    if len(name) <= most_characters and name.isprintable():
        return name
    clean = _UNNAMEABLE.sub("\ufffd", name)
    if len(clean) <= most_characters:
        return clean
    digest = sha256(name.encode("utf-8", "replace")).hexdigest()[:_HASH_DIGITS]
    return f"{clean[: most_characters - _HASH_DIGITS - 1]}…{digest}"


def short(attributes: Attributes) -> dict[str, Any]:
    """Return those of some attributes that many events can have in common, up to some thousand characters."""
    members: dict[str, Any] = {}
    room = _MAX_SHARED_BYTES
    for name, value in attributes.items():
        size = len(name) + len(repr(value))
        if size <= room:
            members[name] = value
            room -= size
    return members


def fitted_data(data: dict[str, Any], limits: Limits) -> tuple[bytes, Cuts]:
    """Return data as JSON that the log takes, and what was cut from it.

    Data that is too large even with short texts is replaced by its size and its hash.
    """
    try:
        text = encode(data)
    except (UnicodeEncodeError, RecursionError, TypeError, ValueError):
        pass
    else:
        if _needs_nothing(text, limits):
            return text, {}
    most_bytes = min(_MAX_TEXT_BYTES, limits.bytes)
    while True:
        fitting = _Fitting(limits, most_bytes)
        text = encode(fitting.value(data, "", 0))
        if len(text) <= limits.bytes:
            return text, fitting.cuts
        if most_bytes < _MIN_TEXT_BYTES:
            return encode({"bytes": len(text), "sha256": sha256(text).hexdigest()}), {"/": {"bytes": len(text)}}
        most_bytes //= 8


def _needs_nothing(text: bytes, limits: Limits) -> bool:
    """Whether a JSON text is so short and plain that nothing in it can be too long, too deep, or unstorable."""
    length = len(text)
    if length > _MAX_TEXT_BYTES or length > limits.bytes or b"\\u0000" in text:
        return False
    if length >= limits.depth and text.count(b"{") + text.count(b"[") >= limits.depth:
        return False
    if length < _MIN_BLOB_CHARACTERS:
        return True
    return b";base64," not in text and (length < MAX_DIGITS or _LONG_NUMBER not in text.translate(_OUTLINE))


class _Fitting:
    """Makes one value fit, with texts of so many bytes."""

    def __init__(self, limits: Limits, most_bytes: int) -> None:
        self._limits = limits
        self._most_bytes = most_bytes
        self._items = _MAX_ITEMS
        self.cuts: Cuts = {}

    def value(self, value: Any, pointer: str, depth: int) -> Any:
        """Return a value that JSON has. What JSON does not have becomes the text that Python shows for it."""
        if isinstance(value, str):
            return self._text(value, pointer)
        if isinstance(value, dict | list | tuple):
            if depth >= self._limits.depth:
                return self._text(str(_flat(value)), pointer)
            return self._members(value, pointer, depth)
        if isinstance(value, bytes):
            return blob(value)
        if isinstance(value, int) and value.bit_length() > 3 * MAX_DIGITS:
            return self._text(hex(value), pointer)
        if value is None or isinstance(value, int | float | Decimal):
            return value
        return self._text(repr(value), pointer)

    def _members(self, value: dict[str, Any] | list[Any] | tuple[Any, ...], pointer: str, depth: int) -> Any:
        if not isinstance(value, dict):
            items = enumerate(self._within(value, pointer))
            return [self.value(item, below(pointer, index), depth + 1) for index, item in items]
        members: dict[str, Any] = {}
        for key in self._within(value, pointer):
            name = self._key(key)
            members[name] = self.value(value[key], below(pointer, name), depth + 1)
        return members

    def _within(self, items: Collection[Any], pointer: str) -> Iterator[Any]:
        """Yield the items of a list, or the names of members, until so many were seen in all the data."""
        for item in items:
            self._items -= 1
            if self._items < 0:
                self._cut(pointer or "/", {"items": len(items)})
                return
            yield item

    def _cut(self, pointer: str, what: dict[str, Any]) -> None:
        """Note what was cut. Beyond a hundred cuts, only their number is kept."""
        if pointer in self.cuts or len(self.cuts) < _MAX_CUTS:
            self.cuts.setdefault(pointer, {}).update(what)
        else:
            self.cuts["more"] = self.cuts.get("more", 0) + 1

    def _key(self, key: Any) -> str:
        key = _UNSTORABLE.sub("\ufffd", str(key))
        return key if len(key) <= _MAX_KEY_CHARACTERS else fitted_name(key, _MAX_KEY_CHARACTERS) or ""

    def _text(self, text: str, pointer: str) -> Any:
        if len(text) >= _MIN_BLOB_CHARACTERS and (url := _DATA_URL.match(text)):
            return {"type": url[1] or "data", **blob(text[url.end() :])}
        clean = _UNSTORABLE.sub("\ufffd", text)
        if clean != text:
            self._cut(pointer, {"replaced": "characters that can't be kept"})
        raw = clean.encode()
        if len(raw) <= self._most_bytes:
            return clean
        self._cut(pointer, {"bytes": len(raw)})
        return raw[: self._most_bytes].decode("utf-8", "ignore") + "…"


def _flat(value: Any) -> str:
    """Return a short description of a value that is nested too deep to be shown."""
    return f"{type(value).__name__} of {len(value)}"
