"""JSON of the values that people append. Numbers keep every digit."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import msgspec

_N, _I = b"NI"
_SHOWN_CHARACTERS = 20


def _plain(value: object) -> object:
    """Return a model of pydantic as plain values: msgspec asks for whatever it does not know."""
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json")
    raise TypeError(f"A {type(value).__name__} is no JSON value.")


_encoder = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number")


def encode(value: Any) -> bytes:
    """Return a value as JSON: plain values, dataclasses, structs, times, UUIDs, decimals, models of pydantic.

    Raises:
        TypeError: there is a value that JSON can't hold.
        ValueError: there is a number or a text that JSON can't hold: NaN, infinity, half of a pair of surrogates.
    """
    try:
        text = _encoder.encode(value)
    except UnicodeEncodeError as error:
        begin = max(0, error.start - _SHOWN_CHARACTERS)
        excerpt = error.object[begin : error.end + _SHOWN_CHARACTERS]
        raise ValueError(f"The text {excerpt!r} holds half of a pair of surrogates, which JSON can't hold.") from None
    if _has_word(text) and _has_nan_or_infinity(_values(value)):
        raise ValueError("NaN and infinity are numbers that JSON can't hold.")
    return text


def _has_word(text: bytes) -> bool:
    """Return whether a text has a word that msgspec writes for numbers that JSON has not.

    Each event is asked for it. `b"null" in text` would take as long as to encode it; a single letter is found at once.
    """
    is_null = text.find(b"null") >= 0
    return is_null or (_N in text and text.find(b"NaN") >= 0) or (_I in text and text.find(b"Infinity") >= 0)


def _values(value: Any) -> Any:
    """Return a value as dicts, lists, strings and numbers."""
    return msgspec.to_builtins(
        value,
        builtin_types=(Decimal,),
        enc_hook=lambda other: None if isinstance(other, msgspec.Raw) else _plain(other),
    )


def _has_nan_or_infinity(value: Any) -> bool:
    """Return whether a value has NaN or infinity: to find this out costs more than to encode, and is seldom needed."""
    if isinstance(value, (float, Decimal)):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_has_nan_or_infinity, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_has_nan_or_infinity, value))
