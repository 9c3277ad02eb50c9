"""JSON of the values that people append. Numbers keep every digit."""

from __future__ import annotations

from typing import Any

import msgspec


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
    """
    return _encoder.encode(value)
