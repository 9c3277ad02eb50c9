"""The fields of the query language: their names, the values that they take, and the terms that they make. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Literal, TypeAlias, get_args

from events.query import words
from events.query.times import EXPECTED, parse_time
from events.query.tree import (
    Between,
    Changed,
    Compares,
    Equals,
    Has,
    Leaf,
    Like,
    Name,
    Named,
    Number,
    Numbered,
    Path,
    Root,
    Since,
    System,
    Until,
)
from events.query.words import BadWord

Operator: TypeAlias = Literal[":", "<", "<=", ">", ">="]

ABOUT: dict[str, str] = {
    "type": "the kind of event: type:Order*",
    "agent": "the agent that appended it",
    "stream": "its stream: stream:order-42",
    "category": "the part of its stream before the first -",
    "correlation": "its workflow",
    "cause": "the id of the event that caused it",
    "id": "its own id",
    "tag": "one of its tags: tag:vip, tag:region-*",
    "position": "its position in the log: position:100..200",
    "version": "its version in its stream",
    "since": "at that time or later: since:2h, since:2026-01-31",
    "until": "before that time",
    "system": "whether the server itself wrote it: system:false",
    "has": "it has a value there: has:agent, has:data.error",
    "data": "a value in its data: data.items[*].sku:A-1, data.amount>100",
    "metadata": "a value in its metadata",
    "state": "in a replay, a value in the state after the step",
    "changed": "in a replay, a value that the step changed: changed:/status",
}
"""The description of each field, in the order in which completion offers them."""
ALIASES = {"workflow": "correlation"}

CAN_BE_MISSING = (Name.AGENT, Name.CATEGORY, Name.CORRELATION, Name.CAUSE, Name.TAG)
_COUNT = re.compile(r"\d{1,19}", re.ASCII)
_MAX_NUMBER = 2**63 - 1


class BadValue(ValueError):
    """A term can't be read: the problem, and a suggestion; `in_field`: the field is wrong, not the value."""

    def __init__(self, problem: str, *, suggestion: str | None = None, in_field: bool = False) -> None:
        super().__init__(problem)
        self.suggestion = suggestion
        self.in_field = in_field


def term(field: str, operator: Operator, value: str) -> Leaf:
    """Return the term that `field operator value` means, as they are written.

    Raises:
        BadValue, BadWord: there is no such field, or it doesn't take this operator or value.
    """
    field = ALIASES.get(field, field)
    path = _field_path(field)
    if not path and field not in ABOUT:
        raise _no_field(field, value)
    if value[0] in "<>=":
        suggestion = _without_sign(field, value, is_compared=path is not None or field in list(Number))
        raise BadValue("a value that begins with a sign needs quotes.", suggestion=suggestion)
    if path:
        return _path_leaf(path, operator, value)
    if field in list(Number):
        return Numbered(Number(field), *bounds(field, operator, value))
    if operator != ":":
        problem = f"{field} can't be compared with {operator}, only with a colon."
        raise BadValue(problem, suggestion=f"{field}:{value}", in_field=True)
    return Named(Name(field), words.pattern(value)) if field in list(Name) else _SPECIAL[field](value)


def _field_path(text: str) -> Path | None:
    try:
        return words.path(text)
    except BadWord as error:
        raise BadValue(str(error), in_field=True) from None


def _without_sign(field: str, value: str, *, is_compared: bool) -> str | None:
    """Return the term that `field:>value` probably means."""
    rest = value.lstrip("<>=")
    sign = value.removesuffix(rest) if is_compared and value[0] != "=" else ":"
    return f"{field}{sign}{rest}" if rest and sign in get_args(Operator) else None


def _no_field(field: str, value: str) -> BadValue:
    close = _closest(field, (*ABOUT, *ALIASES))
    if not close and not value.startswith("//"):  # an address
        close = f"data.{field}"
    problem = f"there is no field {field!r}. A text that holds a colon needs quotes."
    return BadValue(problem, suggestion=close and f"{close}:", in_field=True)


def _closest(word: str, names: tuple[str, ...]) -> str | None:
    """Return the name that is most like a word; a path keeps its steps."""
    name, dot, steps = word.partition(".")
    close = next(iter(get_close_matches(name.lower(), names, n=1)), None)
    return f"{close}{dot}{steps}" if close in list(Root) else close


def bounds(name: str, operator: Operator, value: str) -> tuple[int | None, int | None]:
    """Return the least and the largest number that `name operator value` means; None: there is no such bound.

    Raises:
        BadValue: the value is neither a whole number nor a range of them.
    """
    low, dots, high = value.partition("..")
    if operator != ":":
        count = _counted_number(value, name)
        # Counts begin at 1, and the largest that can be written is never reached, so the bounds may be clamped.
        if operator.startswith("<"):
            return None, max(0, count - (operator == "<"))
        return min(_MAX_NUMBER, count + (operator == ">")), None
    if not dots:
        return _counted_number(value, name), _counted_number(value, name)
    if not low and not high:
        raise BadValue("a range needs at least one end.", suggestion=f"{name}:100..200")
    return _counted_number(low, name) if low else None, _counted_number(high, name) if high else None


def _counted_number(text: str, name: str) -> int:
    if not _COUNT.fullmatch(text) or int(text) > _MAX_NUMBER:
        raise BadValue(f"{name} takes a whole number or a range of them, such as 100..200.")
    return int(text)


def _path_leaf(path: Path, operator: Operator, value: str) -> Leaf:
    if operator == ":":
        return _matches(path, value)
    if not words.is_bare(value):
        exact = words.pattern(value).exact
        if exact is None:
            raise BadValue("a comparison does not take a *. To compare with a star, quote it.")
        return Compares(path, operator, exact)
    if value in words.ATOMS:
        raise BadValue(f"{value} can't be compared with < or >. As a text it needs quotes.")
    number = words.number(value)
    return Compares(path, operator, value if number is None else number)


def _matches(path: Path, value: str) -> Leaf:
    if words.is_bare(value):
        if value in words.ATOMS:
            return Equals(path, words.ATOMS[value])
        if (number := words.number(value)) is not None:
            return Equals(path, number)
        if ".." in value:
            return _range(path, value)
    return Like(path, words.pattern(value))


def _range(path: Path, value: str) -> Leaf:
    low, _, high = value.partition("..")
    ends = [words.number(end) if end else None for end in (low, high)]
    match ends:
        case [None, number] if number is not None and not low:
            return Compares(path, "<=", number)
        case [number, None] if number is not None and not high:
            return Compares(path, ">=", number)
        case [first, last] if first is not None and last is not None:
            return Between(path, first, last)
    raise BadValue("a range goes from a number to a number, such as 10..20. As a text it needs quotes.")


def _time_leaf(value: str, term: Callable[..., Leaf]) -> Leaf:
    text = words.pattern(value).exact
    time = None if text is None else parse_time(text)
    if time is None:
        raise BadValue(f"this is not {EXPECTED}.")
    return term(time)


def _system_leaf(value: str) -> System:
    answer = words.ATOMS.get(value)
    if answer is None:
        lower = value.lower()
        suggestion = f"system:{lower if lower in ('true', 'false') else 'true'}"
        raise BadValue("system takes true or false.", suggestion=suggestion)
    return System(answer)


def _has_leaf(value: str) -> Has:
    if path := words.path(value):
        return Has(path)
    name = ALIASES.get(value, value)
    if name in CAN_BE_MISSING:
        return Has(Name(name))
    if name in ABOUT:
        raise BadValue(f"every event has its {name}.")
    names = (*CAN_BE_MISSING, *ALIASES, *Root)
    raise BadValue(f"has takes {', '.join(names)}, the last three with a path.", suggestion=_closest(value, names))


def _changed_leaf(value: str) -> Changed:
    pointer = words.pattern(value).exact
    if pointer is None or (pointer and not pointer.startswith("/")):
        raise BadValue(
            "changed takes a JSON Pointer, such as /items/0/sku.", suggestion=f"changed:/{value.lstrip('/')}"
        )
    return Changed(pointer)


_SPECIAL: dict[str, Callable[[str], Leaf]] = {
    "since": lambda value: _time_leaf(value, Since),
    "until": lambda value: _time_leaf(value, Until),
    "system": _system_leaf,
    "has": _has_leaf,
    "changed": _changed_leaf,
}
