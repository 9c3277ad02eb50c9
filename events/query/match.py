"""A query as a function that tells whether an event fits. Pure; it answers as the database does (`orm.py`).

Each condition becomes one closure. JSON is parsed at the first condition that needs it, once per event. Where `orm.py`
leaves the meaning to jsonpath's lax mode, this module does the same as that mode: a step goes through an array to its
items, and so does a comparison, one level deep.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Any, TypeAlias

from events.query import tree
from events.query.reading import escape_marker, folded, pinned, refuse_state
from events.query.tree import EachItem, KeyStep, Name, Number, Path, Pattern, Query, Root, Step
from events.system_streams import is_system
from events.types import Event, category_of

Test: TypeAlias = Callable[["Subject"], bool]
"""Tells whether a subject fits."""
Find: TypeAlias = Callable[[Any], list[Any]]

# One decoder for all texts: `json.loads` makes a new one for each text if numbers are to keep their digits.
_loads = json.JSONDecoder(parse_float=Decimal).decode
_COMPARES = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Subject:
    """The subject of a test: an event and, at a step of a replay, the state after it and the pointers that changed."""

    def __init__(self, event: Event, state: Any = None, changed: Collection[str] = ()) -> None:
        self.event = event
        self.state = state
        self.changed = changed

    @cached_property
    def data(self) -> Any:
        """The event's data as a value; numbers keep all their digits."""
        return _loads(self.event.data)

    @cached_property
    def metadata(self) -> Any:
        """The event's metadata as a value; numbers keep all their digits."""
        return _loads(self.event.metadata)


def event_matcher(query: Query) -> Callable[[Event], bool]:
    """Return a function that tells whether an event fits the query, whose times must be pinned.

    Raises:
        NotForEvents: it asks about a state.
    """
    test = event_test(query)
    return lambda event: test(Subject(event))


def event_test(query: Query) -> Test:
    """Return a matcher of events that are subjects already, as several queries are about each of them.

    Raises:
        NotForEvents: the query asks about a state.
    """
    refuse_state(query)
    return _test(query)


def step_matcher(query: Query) -> Callable[[Event, Any, Collection[str]], bool]:
    """Return a function that tells whether a step of a replay fits the query, whose times must be pinned.

    The function takes the step's event, the state after it, and the JSON Pointers that changed.
    """
    test = _test(query)
    return lambda event, state, changed: test(Subject(event, state, changed))


def _test(query: Query) -> Test:
    match query:
        case tree.And((left, right)):
            left_test, right_test = _test(left), _test(right)
            return lambda subject: left_test(subject) and right_test(subject)
        case tree.And(parts):
            tests = [_test(part) for part in parts]
            return lambda subject: all(test(subject) for test in tests)
        case tree.Or(parts):
            tests = [_test(part) for part in parts]
            return lambda subject: any(test(subject) for test in tests)
        case tree.Not(part):
            inner = _test(part)
            return lambda subject: not inner(subject)
        case _:
            return _leaf_test(query)


def _leaf_test(leaf: tree.Leaf) -> Test:
    match leaf:
        case tree.Named(name, pattern):
            return _name_test(name, pattern)
        case tree.Numbered(number, low, high):
            return _number_test(number, low, high)
        case tree.Since(time) | tree.Until(time):
            return _timed(leaf, pinned(time))
        case tree.System(value):
            return lambda subject: is_system(subject.event.stream) is value
        case tree.Has(name_or_path):
            return _has_test(name_or_path)
        case tree.Text(text):
            return _any_text_test(text)
        case tree.Changed(pointer):
            return lambda subject: any(_is_touched(path, pointer) for path in subject.changed)
        case _:
            return _path_test(leaf)


def _name_test(name: Name, pattern: Pattern) -> Test:
    fits = text_test(pattern)
    if name is Name.TAG:
        return lambda subject: any(map(fits, subject.event.tags or ()))
    name_of = _NAME_OF[name]
    return lambda subject: (text := name_of(subject.event)) is not None and fits(text)


def _has_test(name_or_path: Name | Path) -> Test:
    if isinstance(name_or_path, Path):
        root, find = _root(name_or_path.root), _find(name_or_path.steps)
        # The state of a projection begins with empty objects and arrays, so an empty one does not count as there.
        is_there = _any_filled if name_or_path.root is Root.STATE else bool
        return lambda subject: is_there(find(root(subject)))
    if name_or_path is Name.TAG:
        return lambda subject: bool(subject.event.tags)
    name_of = _NAME_OF[name_or_path]
    return lambda subject: name_of(subject.event) is not None


def _any_filled(values: list[Any]) -> bool:
    """Whether a value is more than an empty object or array; of an array the items are looked at."""
    items = chain.from_iterable(value if isinstance(value, list) else [value] for value in values)
    return any(item or not isinstance(item, dict) for item in items)


_NAME_OF: dict[Name, Callable[[Event], str | None]] = {
    Name.TYPE: attrgetter("type"),
    Name.AGENT: attrgetter("agent"),
    Name.STREAM: attrgetter("stream"),
    Name.CATEGORY: lambda event: category_of(event.stream),
    Name.CORRELATION: attrgetter("correlation_id"),
    Name.CAUSE: attrgetter("causation_id"),
    Name.ID: attrgetter("id"),
}


def _number_test(number: Number, low: int | None, high: int | None) -> Test:
    number_of: Callable[[Event], int] = attrgetter(number)
    lowest = 0 if low is None else low
    if high is None:
        return lambda subject: lowest <= number_of(subject.event)
    return lambda subject: lowest <= number_of(subject.event) <= high


def _timed(leaf: tree.Since | tree.Until, time: datetime) -> Test:
    if isinstance(leaf, tree.Since):
        return lambda subject: subject.event.at >= time
    return lambda subject: subject.event.at < time


def _is_touched(changed_pointer: str, pointer: str) -> bool:
    """Whether a change at one pointer affects the value at another: the same place, one inside or one around it."""
    return (
        changed_pointer == pointer
        or changed_pointer.startswith(f"{pointer}/")
        or pointer.startswith(f"{changed_pointer}/")
    )


def _any_text_test(text: str) -> Test:
    needle = folded(text)
    marker = escape_marker(text).encode()

    def fits(subject: Subject) -> bool:
        event = subject.event
        if any(needle in folded(name) for name in _names_of(event)):
            return True
        for json_text, value in ((event.data, "data"), (event.metadata, "metadata")):
            raw = folded(json_text)
            if needle in raw or (marker in raw and _in_strings(needle, getattr(subject, value))):
                return True
        return False

    return fits


def _names_of(event: Event) -> tuple[str, ...]:
    names = (event.type, event.stream, event.id, event.agent, event.correlation_id, event.causation_id)
    return tuple(name for name in (*names, *(event.tags or ())) if name is not None)


def _in_strings(needle: bytes, value: Any) -> bool:
    if isinstance(value, str):
        return needle in folded(value)
    if isinstance(value, dict):
        return any(_in_strings(needle, child) for item in value.items() for child in item)
    return isinstance(value, list) and any(_in_strings(needle, child) for child in value)


def _path_test(leaf: tree.Like | tree.Equals | tree.Compares | tree.Between) -> Test:
    root, find, fits = _root(leaf.path.root), _find(leaf.path.steps), _value_test(leaf)

    def test(subject: Subject) -> bool:
        for value in find(root(subject)):
            if isinstance(value, list):
                if any(fits(item) for item in value):
                    return True
            elif fits(value):
                return True
        return False

    return test


def _value_test(leaf: tree.Like | tree.Equals | tree.Compares | tree.Between) -> Callable[[Any], bool]:
    match leaf:
        case tree.Like(_, pattern):
            matches = text_test(pattern)
            return lambda value: isinstance(value, str) and matches(value)
        case tree.Equals(_, Decimal() as number):
            return lambda value: _is_json_number(value) and value == number
        case tree.Equals(_, atom):
            return lambda value: value is atom
        case tree.Between(_, low, high):
            return lambda value: _is_json_number(value) and low <= value <= high
        case tree.Compares(_, sign, Decimal() as number):
            compares = _COMPARES[sign]
            return lambda value: _is_json_number(value) and compares(value, number)
        case tree.Compares(_, sign, text):
            compares = _COMPARES[sign]
            return lambda value: isinstance(value, str) and compares(value, text)


def _is_json_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _root(root: Root) -> Callable[[Subject], Any]:
    return attrgetter(root)


def _find(steps: tuple[Step, ...]) -> Find:
    """Return a function that lists the values at the end of a path; the list is empty where the path leads nowhere."""

    def find(value: Any) -> list[Any]:
        for index, step in enumerate(steps):
            if not (isinstance(step, KeyStep) and isinstance(value, dict)):
                return _find_all(value, steps[index:])
            if step.name not in value:
                return []
            value = value[step.name]
        return [value]

    return find


def _find_all(value: Any, steps: tuple[Step, ...]) -> list[Any]:
    values = [value]
    for step in steps:
        values = [inner for outer in values for inner in _step_values(outer, step)]
    return values


def _step_values(value: Any, step: Step) -> list[Any]:
    if isinstance(step, KeyStep):
        if isinstance(value, dict):
            return [value[step.name]] if step.name in value else []
        items = value if isinstance(value, list) else []
        return [item[step.name] for item in items if isinstance(item, dict) and step.name in item]
    items = value if isinstance(value, list) else [value]
    return items if isinstance(step, EachItem) else items[step : step + 1]


def text_test(pattern: Pattern) -> Callable[[str], bool]:
    """Return a function that tells whether a text fits the pattern, in time linear in both."""
    if (exact := pattern.exact) is not None:
        return lambda text: text == exact
    if (prefix := pattern.prefix) is not None:
        return lambda text: text.startswith(prefix)
    beginning, *middle, ending = pattern.pieces

    def fits(text: str) -> bool:
        place, end = len(beginning), len(text) - len(ending)
        if place > end or not text.startswith(beginning) or not text.endswith(ending):
            return False
        for piece in middle:  # the leftmost place leaves the most text for the other pieces
            start = text.find(piece, place, end)
            if start < 0:
                return False
            place = start + len(piece)
        return True

    return fits
