"""A JSON object's members, looked at one by one and otherwise kept as the bytes that the file has."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from msgspec import Raw

from events.errors import EventsError
from events.json.text import canonical

Fields = dict[str, Raw]


def text(fields: Fields, name: str) -> str:
    """A member that is a string; "" where it is missing or something else."""
    value = _value(fields, name)
    return value if isinstance(value, str) else ""


def integer(fields: Fields, name: str) -> int | None:
    """A member that is a whole number; None where it is missing or something else."""
    value = _value(fields, name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def members(fields: Fields, name: str) -> Fields:
    """The members of a member that is an object; none where it is missing or something else."""
    return cast("Fields", _value(fields, name, Fields) or {})


def items(fields: Fields, name: str) -> list[Raw]:
    """The items of a member that is an array; none where it is missing or something else."""
    return cast("list[Raw]", _value(fields, name, list[Raw]) or [])


def json_in(string: str) -> Raw | None:
    """The JSON that a string holds; None where it is no JSON, or none that the log takes."""
    value = string.strip().encode(errors="replace")
    try:
        canonical(value, "value")
    except EventsError:
        return None
    return Raw(value)


def encoded(value: object) -> Raw:
    return Raw(msgspec.json.encode(value))


def with_added(fields: Fields, **added: Raw | None) -> bytes:
    """An object of the members as they are, and of those added that don't hide one."""
    more = {name: value for name, value in added.items() if value is not None and name not in fields}
    return msgspec.json.encode(cast("dict[str, Any]", fields | more))


def _value(fields: Fields, name: str, type_: Any = Any) -> Any:
    raw = fields.get(name)
    try:
        return None if raw is None else msgspec.json.decode(raw, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # new_event() refuses what is no JSON, and says where
