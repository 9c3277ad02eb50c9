"""Values of an event's data as texts of a row: each on one line, and only the beginning of a long one is read. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from events.json.value import brief, kind_of, quoted

MAX_CHARACTERS = 160
"""The longest text of a row."""
MAX_NAME_CHARACTERS = 60
_MAX_FIELDS = 6
"""The fields of an object, such as the arguments of a call, that a row shows."""
_MAX_FIELD_CHARACTERS = 40
_MAX_JSON_CHARACTERS = 4_000
"""Arguments that came as JSON in a text are parsed up to this length."""
_MAX_PARTS = 5
_NAME_KEYS = ("title", "name", "full_name", "login", "message", "body", "state", "number", "id")
"""The keys that may hold the name of an object in the data."""


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key of the data and its value, shortened to a line. `key` is "" for a value that needs none, or "→".

    `kind` is that of a JSON value (`events.json.value.Kind`), `call` for a call or a name, or `fact` for a duration and
    the like.
    """

    key: str
    kind: str
    text: str
    bad: bool = False


def pair(key: str, value: Any, *, bad: bool = False) -> KeyValue:
    """Return a key with its value; an object is shown by its name."""
    value = name_in(value)
    return KeyValue(key, kind_of(value), value_text(value), bad)


def value_text(value: Any) -> str:
    """Return a value on one line: a text in quotes, the number of items of a container."""
    return quoted(value, MAX_CHARACTERS) if isinstance(value, str) else brief(value)


def name_in(value: Any) -> Any:
    """Return the name of an object, or the only value in it; any other value stays as it is."""
    if not isinstance(value, dict):
        return value
    names = [value[key] for key in _NAME_KEYS if key in value] or (list(value.values()) if len(value) == 1 else [])
    return next((name for name in names if name and isinstance(name, str | int) and name is not True), value)


def words_of(key: str, value: Any) -> KeyValue:
    """Return what somebody or something said: its text if it has one, else the first fields of an object."""
    text = text_in(value)
    if text:
        return KeyValue(key, "s", quoted(text, MAX_CHARACTERS))
    if isinstance(value, dict) and value:
        return KeyValue(key, "call", f"{{{fields_of(value)}}}")
    return KeyValue(key, kind_of(value), value_text(value))


def text_in(value: Any) -> str:
    """Return a text, or the texts of a message with parts (`[{"type": "text", "text": …}]`); "" for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return text_in(value["content"]) if isinstance(value.get("content"), str | list) else ""
    parts = islice(value, _MAX_PARTS) if isinstance(value, list) else ()
    texts = (part.get("text") if isinstance(part, dict) else None for part in parts)
    return " ".join(text[: 4 * MAX_CHARACTERS] for text in texts if isinstance(text, str))


def call_text(name: str, arguments: Any) -> str:
    """Return a call as code has it: `reserve_van(order_id="1004", van="V1")`; the name alone if `arguments` is None."""
    name = one_line(name, MAX_NAME_CHARACTERS)
    if isinstance(arguments, str):
        arguments = _parsed(arguments)
    if arguments is None:
        return name
    return f"{name}({fields_of(arguments) if isinstance(arguments, dict) else _code(arguments)})"


def fields_of(value: dict[str, Any]) -> str:
    """Return the first fields of an object, with short values."""
    fields = [f"{one_line(key, _MAX_FIELD_CHARACTERS)}={_code(value[key])}" for key in islice(value, _MAX_FIELDS)]
    return ", ".join([*fields, "…"] if len(value) > _MAX_FIELDS else fields)


def _code(value: Any) -> str:
    return f'"{one_line(value, _MAX_FIELD_CHARACTERS)}"' if isinstance(value, str) else brief(value)


def one_line(text: str, width: int) -> str:
    """Return a text on one line, shortened."""
    return quoted(text, width)[1:-1]


def _parsed(text: str) -> Any:
    """Return the object that a text holds as JSON, or the text. Nobody has checked its depth or its numbers."""
    if not text.startswith("{") or len(text) > _MAX_JSON_CHARACTERS:
        return text
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return text
