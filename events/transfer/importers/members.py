"""The members of a JSON object, read one by one and otherwise kept as the bytes of the file."""

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
    """Return a member that is a string; "" if it is missing or something else."""
    return _value(fields, name, str) or ""


def integer(fields: Fields, name: str) -> int | None:
    """Return a member that is a whole number; None if it is missing or something else."""
    return _value(fields, name, int)


def name_in(fields: Fields, name: str) -> str:
    """Return a member that is a name: a string, or a whole number as text; "" if it is missing or something else."""
    number = integer(fields, name)
    return text(fields, name) if number is None else str(number)


def members(fields: Fields, name: str) -> Fields:
    """Return the members of a member that is an object; none if it is missing or something else."""
    return _value(fields, name, Fields) or {}


def items(fields: Fields, name: str) -> list[Raw]:
    """Return the items of a member that is an array; none if it is missing or something else."""
    return _value(fields, name, list[Raw]) or []


def json_in(string: str) -> Raw | None:
    """Return the JSON in a string; None if it is not JSON, or not valid as a member of an event's data."""
    value = string.strip().encode(errors="replace")
    try:
        canonical(b"[%b]" % value, "value")  # beside a record's members it stands one level deeper
        return msgspec.json.decode(value, type=Raw)  # "1, 2" is not JSON, but within brackets it is
    except (EventsError, msgspec.DecodeError):
        return None


def encoded(value: object) -> Raw:
    return Raw(msgspec.json.encode(value))


def with_added(fields: Fields, additions: Mapping[str, Raw | None], *, first: bool = False) -> bytes:
    """Return an object of the unchanged members, followed (or, with `first`, preceded) by additions with new names.

    Nothing is added if that would make the object larger than the log's limit.
    """
    new_fields = {name: value for name, value in additions.items() if value is not None and name not in fields}
    whole_text = _text(new_fields | fields if first else fields | new_fields)
    return whole_text if len(whole_text) <= settings.EVENTSITE.event_max_bytes else _text(fields)


def _text(fields: Fields) -> bytes:
    return msgspec.json.encode(cast("dict[str, Any]", fields))


def _value(fields: Fields, name: str, type_: type[T]) -> T | None:
    raw = fields.get(name)
    try:
        return None if raw is None else msgspec.json.decode(raw, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # new_event() refuses a text that is not JSON, with the reason
