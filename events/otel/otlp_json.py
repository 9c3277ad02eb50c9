"""OTLP's JSON: a decoded document becomes a message of protobuf.

protobuf's own `json_format` takes many times as long, quotes values in its errors, and takes no ids in hex.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import msgspec
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from msgspec import Struct

_SCALAR = "str | int | float | bool"
_SHAPES: dict[str, type[Struct]] = {}
"""The types by which the JSON of messages is decoded."""
_MOST_LEVELS = 100
"""Messages within each other, as many as protobuf itself reads."""
_HEX_LENGTHS = (16, 32)
"""The digits of the ids of spans and traces. In base64, they would have 12 and 24 characters."""


class FieldError(ValueError):
    """A field has a value that it can't have. The text names the field only: the value may be what somebody said."""


def decoded(descriptor: Descriptor, document: bytes) -> dict[str, Any]:
    """Return a document of JSON for a message, without the members that the message does not have.

    They are skipped while it is decoded: an object with a million of them would take a second, and msgspec does not let
    go of the interpreter.

    Raises:
        msgspec.DecodeError: it is no JSON, or not that of such a message. The text holds nothing of the document.
    """
    members: dict[str, Any] = msgspec.to_builtins(_decoder(descriptor).decode(document))
    return members


@cache
def _decoder(descriptor: Descriptor) -> msgspec.json.Decoder[Struct]:
    return msgspec.json.Decoder(_shape(descriptor))


def _shape(descriptor: Descriptor) -> type[Struct]:
    name = descriptor.full_name
    if name not in _SHAPES:
        _SHAPES[name] = Struct  # until it is made: a message may hold others of its type
        fields: list[tuple[str, Any, Any]] = [
            (key, _annotation(field), None)
            for field in descriptor.fields
            for key in dict.fromkeys((field.json_name, field.name))
        ]
        _SHAPES[name] = msgspec.defstruct("Shape", fields, module=__name__, gc=False, omit_defaults=True)
    return _SHAPES[name]


def _annotation(field: FieldDescriptor) -> str:
    """Return the type of a field, in the words of Python. A null is left out, as if the member was not there."""
    type_name = _SCALAR
    if (inner := field.message_type) is not None:
        _shape(inner)
        type_name = f"_SHAPES[{inner.full_name!r}]"
    return f"list[{type_name}] | None" if field.is_repeated else f"{type_name} | None"


def fill(message: Message, members: Mapping[str, Any], *, levels: int = _MOST_LEVELS) -> None:
    """Set the fields of a message from an object of JSON. Unknown members are left out, and those that are null.

    Raises:
        FieldError: a field has a value that it can't have, or is nested too deep.
    """
    if not levels:
        raise FieldError("it is nested too deep")
    fields = _fields_of(message.DESCRIPTOR)
    for key, value in members.items():
        field = fields.get(key)
        if field is None or value is None:
            continue
        try:
            _set(message, *field, value, levels=levels)
        except FieldError:
            raise
        except (AttributeError, TypeError, ValueError):
            raise FieldError(f"the field {key!r} of {message.DESCRIPTOR.name} has a wrong value") from None


def _set(
    message: Message, name: str, convert: Callable[[Any], Any] | None, is_list: bool, value: Any, *, levels: int
) -> None:
    """Set one field. `convert` is None if its values are messages."""
    if is_list:
        if type(value) is not list:
            raise TypeError
        items = getattr(message, name)
        if convert:
            items.extend(map(convert, value))
        else:
            for item in value:
                fill(items.add(), item, levels=levels - 1)
    elif convert:
        setattr(message, name, convert(value))
    else:
        inner = getattr(message, name)
        inner.SetInParent()
        fill(inner, value, levels=levels - 1)


@cache
def _fields_of(descriptor: Descriptor) -> Mapping[str, tuple[str, Callable[[Any], Any] | None, bool]]:
    """Return the fields of a message by the names that they have in JSON, or by their own."""
    fields = {}
    for field in descriptor.fields:
        fields[field.name] = fields[field.json_name] = field.name, _converter(field), field.is_repeated
    return fields


def _converter(field: FieldDescriptor) -> Callable[[Any], Any] | None:
    """Return how values of JSON become those of a field; None if they are messages."""
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return None
    if field.enum_type is not None:
        numbers = {value.name: value.number for value in field.enum_type.values}
        return lambda value: numbers[value] if value in numbers else _integer(value)
    if field.type == FieldDescriptor.TYPE_BYTES and field.name.endswith("_id"):
        return _id
    convert: Callable[[Any], Any] = _CONVERTERS.get(field.type, _integer)
    return convert


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value


def _integer(value: Any) -> int:
    number = int(value)
    if type(value) is bool or (type(value) is float and number != value):
        raise TypeError
    return number


def _float(value: Any) -> float:
    if type(value) is bool:
        raise TypeError
    return float(value)


def _bytes(value: Any) -> bytes:
    """Return bytes that are in base64, in either alphabet, with or without the signs that fill it up."""
    return urlsafe_b64decode(value.replace("+", "-").replace("/", "_") + "==")


def _id(value: Any) -> bytes:
    if len(value) in _HEX_LENGTHS:
        with suppress(ValueError):
            return bytes.fromhex(value)
    return _bytes(value)


_CONVERTERS: Mapping[Any, Callable[[Any], Any]] = {
    FieldDescriptor.TYPE_STRING: _text,
    FieldDescriptor.TYPE_BOOL: _boolean,
    FieldDescriptor.TYPE_DOUBLE: _float,
    FieldDescriptor.TYPE_BYTES: _bytes,
}
"""All others are integers."""
