"""Values of all kinds as JSON that the log takes. Nothing is cut silently: beside it stands what was cut."""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import sha256
from typing import Any

import msgspec

from eventsite_client._core.json import encode

MAX_NAME_CHARACTERS = 200
MAX_TEXT_BYTES = 32 * 1024
MAX_DATA_BYTES = 512 * 1024
_MAX_DEPTH = 64
_MAX_ITEMS = 10_000
_MIN_BLOB_CHARACTERS = 1_024
_UNNAMEABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_BASE64 = re.compile(r"(?:data:([\w.+-]+/[\w.+-]+)?[^,]{0,100};base64,)?([A-Za-z0-9+/_-]+={0,2})")

Cuts = dict[str, Any]
"""The parts that were cut: by JSON Pointer, the bytes of a text or the items of a list as they were."""


def fitted_name(name: str) -> str:
    """Return a name that the log takes. A long one is cut, and ends with a hash that tells it from others."""
    clean = _UNNAMEABLE.sub("\ufffd", name)
    if len(clean) <= MAX_NAME_CHARACTERS:
        return clean
    digest = sha256(name.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{clean[: MAX_NAME_CHARACTERS - 17]}…{digest}"


def fitted(value: Any) -> tuple[Any, Cuts]:
    """Return a value as plain values of JSON, and what was cut from it.

    Long texts are cut, bytes and base64 become their size and hash, and objects become their members.
    """
    limit = MAX_TEXT_BYTES
    while True:
        fitting = _Fitting(limit)
        plain = fitting.value(value, "", 0)
        if limit < 64 or len(encode(plain)) <= MAX_DATA_BYTES:
            return plain, fitting.cuts
        limit //= 8


class _Fitting:
    """Makes one value fit, with texts of so many bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items = _MAX_ITEMS
        self.cuts: Cuts = {}

    def value(self, value: Any, pointer: str, depth: int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, Enum):
            return self.value(value.value, pointer, depth)
        if isinstance(value, int):
            return value if -(2**63) <= value < 2**63 else str(value)[:100]
        if isinstance(value, (bytes, bytearray)):
            return _blob(bytes(value))
        if isinstance(value, str) or depth >= _MAX_DEPTH:
            return self._text(str(value), pointer)
        return self._container(value, pointer, depth)

    def _container(self, value: Any, pointer: str, depth: int) -> Any:
        if callable(dump := getattr(value, "model_dump", None)) and not isinstance(value, type):
            value = dump()
        elif is_dataclass(value) and not isinstance(value, type):
            value = {field.name: getattr(value, field.name) for field in fields(value)}
        if isinstance(value, Mapping):
            names = self._within(value, pointer, len(value))
            return {
                name: self.value(value[key], f"{pointer}/{name}", depth + 1)
                for key, name in ((key, fitted_name(str(key))) for key in names)
            }
        if isinstance(value, (list, tuple, set, frozenset)):
            items = enumerate(self._within(value, pointer, len(value)))
            return [self.value(item, f"{pointer}/{index}", depth + 1) for index, item in items]
        try:
            return msgspec.to_builtins(value)  # times, UUIDs, decimals
        except (TypeError, RecursionError):
            return self._text(str(value), pointer)

    def _within(self, items: Iterable[Any], pointer: str, length: int) -> Iterable[Any]:
        """Yield items until so many were seen in all the value."""
        for item in items:
            self._items -= 1
            if self._items < 0:
                self.cuts.setdefault(pointer or "/", {"items": length})
                return
            yield item

    def _text(self, text: str, pointer: str) -> Any:
        if len(text) >= _MIN_BLOB_CHARACTERS and (base64 := _BASE64.fullmatch(text)):
            kind = {"type": base64[1]} if base64[1] else {}
            return {**kind, **_blob(_from_base64(base64[2]))}
        raw = _UNSTORABLE.sub("\ufffd", text).encode()
        if len(raw) <= self._limit:
            return raw.decode()
        self.cuts[pointer] = {"bytes": len(raw)}
        return raw[: self._limit].decode("utf-8", "ignore") + "…"


def _blob(raw: bytes) -> dict[str, Any]:
    return {"bytes": len(raw), "sha256": sha256(raw).hexdigest()}


def _from_base64(text: str) -> bytes:
    try:
        return b64decode(text.translate({45: "+", 95: "/"}), validate=True)
    except ValueError:
        return text.encode()
