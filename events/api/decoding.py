"""Requests as structs: a JSON body or a query string decoded, or `Invalid` that names the field."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.http import QueryDict
from msgspec import Struct, UnsetType

from events.errors import Invalid
from events.json.encoding import BOM, other_encoding
from events.json.text import refuse_duplicates

T = TypeVar("T")


def optional(field: T | UnsetType) -> T | None:
    """Return a field's value; None if it is absent."""
    return None if isinstance(field, UnsetType) else field


@cache
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


def decode_json(body: bytes, type_: type[T], *, name: str = "body") -> T:
    """Parse JSON, after a byte order mark if there is one, or raise `Invalid` naming the field.

    `name` is the noun for the JSON in a message: `body` of a request, `line`, `record` of a file.
    """
    body = body.removeprefix(BOM)
    try:
        value: T = _decoder(type_).decode(body)  # type: ignore[arg-type]
        # Each member has one colon, so fewer in the struct's own JSON may mean a repeated key, and the exact check
        # decides. An escaped colon would hide the difference, so it needs the exact check, too.
        if b"\\u003" in body or msgspec.json.encode(value).count(b":") != body.count(b":"):
            refuse_duplicates(body)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), name) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"The {name} {_fault(body, error)}.", field=name) from None
    except RecursionError:
        limit = settings.EVENTSITE.event_max_depth
        raise Invalid(f"The {name} is nested too deep; the limit is {limit}.", field=name, limit=limit) from None
    return value


def _fault(body: bytes, error: Exception) -> str:
    """Return the reason why a text is not JSON."""
    if encoding := other_encoding(body):
        return f"is in {encoding}; only UTF-8 can be read"
    if isinstance(error, UnicodeDecodeError):
        return "is not valid UTF-8"
    # msgspec takes half of a surrogate pair for the end of the input.
    return "holds a lone surrogate" if _SURROGATE.search(body) else f"is not valid JSON: {error}"


_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$\.?(?P<field>.*)`)?$", re.DOTALL)
_MEMBER = re.compile(r"Object (?:contains (unknown field)|(missing) required field) `(.*)`", re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def _invalid(message: str, name: str) -> Invalid:
    match = _AT.match(message)
    what, field = (match["what"], match["field"] or "") if match else (message, "")
    if member := _MEMBER.match(what):
        field = f"{field}.{member[3]}".lstrip(".")
        what = member[1] or member[2]
    return Invalid(f"{field or name}: {what[:1].lower()}{what[1:]}.", field=field or name)


@cache
def _lists(type_: type[Struct]) -> frozenset[str]:
    return frozenset(
        field.encode_name for field in msgspec.structs.fields(type_) if field.default_factory is not msgspec.NODEFAULT
    )


def parse_query(query: QueryDict, type_: type[T]) -> T:
    """Parse a query string; an unknown, repeated or malformed parameter raises `Invalid` naming it."""
    lists = _lists(type_)  # type: ignore[arg-type]
    for key, values in query.lists():
        if len(values) > 1 and key not in lists:
            raise Invalid(f"{key} occurs twice in the query.", field=key)
    try:
        return msgspec.convert(
            {key: query.getlist(key) if key in lists else query[key] for key in query}, type_, strict=False
        )
    except msgspec.ValidationError as error:
        raise _invalid(str(error), "query") from None
    except (UnicodeEncodeError, ValueError) as error:
        raise Invalid(f"The query string can't be read: {error}.", field="query") from None
