"""The check of JSON payloads, which are kept as text, and their canonical form.

A payload is never parsed and written again on its way to the database and back. It is parsed once, here, to check it
for content that Postgres or an exact reader could not keep (NUL, lone surrogates, duplicate keys, NaN, depth, numbers
of absurd size), and to make its canonical form. The digest of that form tells if a retry has the same content.

Almost every payload takes the quick way, a few microseconds in orjson; a payload that orjson might read differently
takes the exact way, in Python.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from decimal import Decimal
from typing import Any, NoReturn

import orjson
from django.conf import settings

from events.errors import Invalid, NumberTooLarge, TooLarge

# Numbers that a double may not hold exactly: sixteen digits and more, or an exponent of three. (A
# match inside a string does no harm: it only takes the exact way.)
_WIDE_NUMBER = re.compile(rb"[:,\[\s]-?[0-9](?:[0-9.]{15}|[0-9.]*[eE][+-]?[0-9]{3})")
# The outline of such numbers is searched first: in 10 kB of prose that takes 17 µs, and the expression 106.
_OUTLINE = bytes.maketrans(b"0123456789.E+-", b"00000000000e--")
_WIDE_OUTLINES = (b"0" * 16, b"0e000", b"0e-000")
_DOUBLE_DIGITS = 15
_DOUBLE_EXPONENT = 280
_CONTROL_OR_COLON_ESCAPE = re.compile(rb"\\u00(?:00|3[aA])")


def canonical(raw: bytes, field: str) -> bytes:
    """Check one JSON value and return its canonical form: sorted keys, no white space, plain numbers.

    Args:
        raw: the value's JSON text.
        field: the value's place in the request, for the message (`events[0].data`).

    Raises:
        TooLarge: more than `event_max_bytes` bytes.
        NumberTooLarge: a number of more digits or a larger exponent than the limits.
        Invalid: anything else that can't be kept.
    """
    limits = settings.EVENTSITE
    if len(raw) > limits.event_max_bytes:
        raise TooLarge(
            f"{field} has {len(raw):,} bytes; the limit is {limits.event_max_bytes:,}.",
            field=field,
            limit=limits.event_max_bytes,
        )
    if not _holds_wide_number(raw) and not _CONTROL_OR_COLON_ESCAPE.search(raw):
        # A text that orjson can't parse is read the exact way too, for a message that names the limit.
        with suppress(orjson.JSONDecodeError):
            return _canonical_quickly(raw, field)
    return _canonical_exactly(raw, field)


def _holds_wide_number(raw: bytes) -> bool:
    outline = raw.translate(_OUTLINE)
    return any(wide in outline for wide in _WIDE_OUTLINES) and _WIDE_NUMBER.search(b" " + raw) is not None


def _canonical_quickly(raw: bytes, field: str) -> bytes:
    value = orjson.loads(raw)
    # The depth is checked before the dump, as orjson can't write as deep as it reads.
    if raw.count(b"[") + raw.count(b"{") > settings.EVENTSITE.event_max_depth:
        _check_depth(value, field)
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    # Each member has one colon, and dropping a repeated key drops its colon: fewer prove that one was repeated.
    return text if text.count(b":") == raw.count(b":") else _canonical_exactly(raw, field)


def refuse_duplicates(raw: bytes) -> None:
    """Raise `Invalid` if any object of a JSON text repeats a key."""
    try:
        json.loads(raw, object_pairs_hook=_unique, parse_int=str, parse_float=str)
    except _Duplicate as error:
        raise Invalid(f"The key {error.key!r} occurs twice in one object.", field=error.key) from None


class _Duplicate(ValueError):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        keys: set[str] = set()
        for key, _ in pairs:
            if key in keys:
                raise _Duplicate(key)
            keys.add(key)
    return members


class _Number(str):
    """The canonical text of a number, which `_dumps` writes without quotes."""


def _number(text: str, limits: Any, field: str) -> _Number:
    mantissa, _, exponent = text.lower().partition("e")
    digits = len(mantissa) - mantissa.count(".") - mantissa.count("-")
    if digits > limits.number_max_digits or len(exponent) > 8 or abs(int(exponent or 0)) > limits.number_max_exponent:
        raise NumberTooLarge(
            f"{field} holds a number of more than {limits.number_max_digits:,} digits"
            f" or with an exponent beyond ±{limits.number_max_exponent:,}.",
            field=field,
            limit=limits.number_max_digits,
        )
    if not exponent and "." not in mantissa:
        return _Number("0" if mantissa == "-0" else mantissa)
    sign, decimal_digits, power = Decimal(text).as_tuple()
    plain = "".join(map(str, decimal_digits)).lstrip("0")
    significant = plain.rstrip("0")
    shift = (power if isinstance(power, int) else 0) + len(plain) - len(significant)
    # A number that a double holds exactly is written as the quick way writes it, so that both ways agree on it.
    if not significant or (len(significant) <= _DOUBLE_DIGITS and abs(shift) < _DOUBLE_EXPONENT):
        return _Number(orjson.dumps(float(text)).decode())
    return _Number(f"{'-' if sign else ''}{significant}e{shift}")


def _canonical_exactly(raw: bytes, field: str) -> bytes:
    limits = settings.EVENTSITE
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=lambda text: _number(text, limits, field),
            parse_float=lambda text: _number(text, limits, field),
            parse_constant=lambda text: _refuse(field, f"{text} is not JSON"),
        )
        _check_depth(value, field)
        text = _dumps(value).encode("utf-8")
    except _Duplicate as error:
        raise Invalid(f"{field} has the key {error.key!r} twice in one object.", field=field) from None
    except UnicodeEncodeError:
        raise Invalid(f"{field} holds a lone surrogate, which is not a character.", field=field) from None
    except RecursionError:
        _refuse_depth(field)
    except ValueError as error:
        _refuse(field, error)
    if "\\u0000" in text.decode("utf-8").replace("\\\\", ""):
        raise Invalid(f"{field} holds the character U+0000, which Postgres can't keep.", field=field)
    return text


def _dumps(value: Any) -> str:
    """Return JSON with sorted keys. (The standard encoder can't write a number from its text.)"""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_dumps(key)}:{_dumps(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_dumps, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _check_depth(value: Any, field: str) -> None:
    limit = settings.EVENTSITE.event_max_depth
    level = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return
    if any(isinstance(child, dict | list) for child in level):
        _refuse_depth(field)


def _refuse_depth(field: str) -> NoReturn:
    limit = settings.EVENTSITE.event_max_depth
    raise Invalid(f"{field} is nested more than {limit} deep.", field=field, limit=limit)


def _refuse(field: str, why: object) -> NoReturn:
    raise Invalid(f"{field} is not valid JSON: {why}.", field=field)
