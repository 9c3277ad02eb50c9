"""States as JSON text and back, exactly: the order of keys and every digit of every number is kept. Pure.

A state that is read back from its text equals the state before, including the types. So a fold that is interrupted and
continues from the text equals a fold that was never interrupted.
"""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import chain
from typing import Any

import orjson

from events.json.pointer import below
from events.json.value import loads as loads
from projections.values.change import Json

MAX_DEPTH = 200
"""Most levels of nesting in a state; the data of an event may have 100."""
_ALLOWED = frozenset({str, int, bool, type(None), dict, list, Decimal})


class NotAState(ValueError):
    """A value can't be kept as a state. `pointer` is the place of the problem."""

    def __init__(self, pointer: str, problem: str) -> None:
        super().__init__(f"{pointer or 'the state'}: {problem}")
        self.pointer = pointer


def dumps(state: Json) -> str:
    """Return the JSON text of a state, with its keys in order. Decimal(2) is written `2E0`, so that it stays a Decimal.

    Raises:
        NotAState: the state holds a float, NaN, a set, a tuple, or a key that is not a string.
    """
    _check_values(state)
    try:
        text = orjson.dumps(state, default=_decimal).decode()
    except TypeError:  # a key that is not a string, a number beyond 64 bits, or a text that is not Unicode
        _refuse(state, "")
        text = _dumps(state, "")
    if "\\u0000" in text:
        _refuse_nul(state, "")
    return text


def _check_values(state: Json) -> None:
    """Raise `NotAState` for a value that orjson would write although a state can't hold it.

    All values of one level are checked together, and orjson checks the keys: this check takes most of the time of
    `dumps`.
    """
    values: list[Any] = [state]
    for _ in range(MAX_DEPTH + 1):
        types = set(map(type, values))
        if not types <= _ALLOWED or (Decimal in types and not all(map(_is_finite, values))):
            _refuse(state, "")
        objects = [each for each in values if type(each) is dict] if dict in types else []
        arrays = [each for each in values if type(each) is list] if list in types else []
        if not objects and not arrays:
            return
        values = list(chain(chain.from_iterable(map(dict.values, objects)), chain.from_iterable(arrays)))
    raise NotAState("", f"it is nested more than {MAX_DEPTH} deep.")


def _is_finite(value: Any) -> bool:
    return type(value) is not Decimal or value.is_finite()


def _decimal(value: Decimal) -> orjson.Fragment:
    return orjson.Fragment(_digits(value))


def _digits(value: Decimal) -> str:
    text = str(value)
    return text if "." in text or "E" in text or text == "-0" else f"{text}E0"


def _dumps(value: Any, pointer: str) -> str:
    """Return the JSON text of a value that orjson can't write, such as a whole number beyond 64 bits."""
    if isinstance(value, dict):
        members = (f"{_string(key, pointer)}:{_dumps(each, below(pointer, key))}" for key, each in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_dumps(each, below(pointer, n)) for n, each in enumerate(value)) + "]"
    if isinstance(value, Decimal):
        return _digits(value)
    return _string(value, pointer) if isinstance(value, str) else json.dumps(value)


def _string(text: str, pointer: str) -> str:
    try:
        return orjson.dumps(text).decode()
    except TypeError:
        raise NotAState(pointer, "it holds a lone surrogate, which is not a character.") from None


def _refuse(value: Any, pointer: str) -> None:
    """Raise `NotAState` for the first value that is not allowed, in order; return if there is none."""
    kind = type(value)
    if kind not in _ALLOWED:
        raise NotAState(pointer, _PROBLEMS.get(kind, f"a {kind.__name__} is not a JSON value."))
    if not _is_finite(value):
        raise NotAState(pointer, f"{value} is not a JSON number.")
    if kind is dict:
        for key, child in value.items():
            if type(key) is not str:
                raise NotAState(pointer, f"a key must be a string; {key!r} is not.")
            _refuse(child, below(pointer, key))
    elif kind is list:
        for n, child in enumerate(value):
            _refuse(child, below(pointer, n))


_PROBLEMS: dict[type, str] = {
    float: "a float has lost digits. Use int or Decimal.",
    tuple: "a tuple would come back as a list. Use a list.",
    set: "a set has no order. Use a list, or an object with true as values.",
    frozenset: "a frozenset has no order. Use a list, or an object with true as values.",
}


def _refuse_nul(value: Any, pointer: str) -> None:
    """Raise if a text holds U+0000, which Postgres can't keep as jsonb."""
    if isinstance(value, str) and "\0" in value:
        raise NotAState(pointer, "it holds the character U+0000.")
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        _refuse_nul(key, pointer)
        _refuse_nul(child, below(pointer, key))
