"""A JSON object's members, looked at one by one and otherwise kept as the bytes that the file has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import msgspec
from django.conf import settings
from msgspec import Raw

from events.errors import EventsError
from events.json.text import canonical

T = TypeVar("T")

Fields = dict[str, Raw]


def text(fields: Fields, name: str) -> str:
    """A member that is a string; "" where it is missing or something else."""
    return _value(fields, name, str) or ""


def integer(fields: Fields, name: str) -> int | None:
    """A member that is a whole number; None where it is missing or something else."""
    return _value(fields, name, int)


def name_in(fields: Fields, name: str) -> str:
    """A member that names something: a string, or a whole number as text; "" where it is missing or something else."""
    number = integer(fields, name)
    return text(fields, name) if number is None else str(number)


def members(fields: Fields, name: str) -> Fields:
    """The members of a member that is an object; none where it is missing or something else."""
    return _value(fields, name, Fields) or {}


def items(fields: Fields, name: str) -> list[Raw]:
    """The items of a member that is an array; none where it is missing or something else."""
    return _value(fields, name, list[Raw]) or []


def json_in(string: str) -> Raw | None:
    """The JSON that a string holds; None where it is no JSON, or none that the log takes beside a record's members."""
    value = string.strip().encode(errors="replace")
    try:
        canonical(b"[%b]" % value, "value")  # beside a record's members it stands one level deeper
        return msgspec.json.decode(value, type=Raw)  # "1, 2" is no JSON, but within brackets it is
    except (EventsError, msgspec.DecodeError):
        return None


def encoded(value: object) -> Raw:
    return Raw(msgspec.json.encode(value))


def with_added(fields: Fields, added: Mapping[str, Raw | None], *, first: bool = False) -> bytes:
    """An object of the members as they are, and after them (or before: `first`) those added that don't hide one.

    What is added never makes the object larger than the log takes.
    """
    additions = {name: value for name, value in added.items() if value is not None and name not in fields}
    text_with_added = _text(additions | fields if first else fields | additions)
    return text_with_added if len(text_with_added) <= settings.EVENTSITE.event_max_bytes else _text(fields)


def _text(fields: Fields) -> bytes:
    return msgspec.json.encode(cast("dict[str, Any]", fields))


def _value(fields: Fields, name: str, type_: type[T]) -> T | None:
    raw = fields.get(name)
    try:
        return None if raw is None else msgspec.json.decode(raw, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # where it is no JSON, new_event() refuses it, and says why
