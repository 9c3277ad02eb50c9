"""The query language, as far as the fake knows it. A query that it does not know is refused, never half understood."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

Matcher = Callable[[dict[str, Any]], bool]

_NAMES = {
    "type": "type",
    "agent": "agent",
    "stream": "stream",
    "correlation": "correlation_id",
    "workflow": "correlation_id",
    "cause": "causation_id",
    "id": "id",
}
_NUMBERS = ("position", "version")
_NOT_IN_FAKE = ("since", "until", "system", "state", "changed")
_FIELDS = (*_NAMES, *_NUMBERS, *_NOT_IN_FAKE, "data", "metadata", "tag", "category", "has")
_TOKEN = re.compile(
    r"""\s*(?: (?P<mark>[()]) | (?P<minus>-)(?=\S)
    | (?P<field>[a-z]+(?:(?:\.(?:"(?:[^"\\]|\\.)*"|[^\s.:<>="()\[\]]+))|\[(?:\d+|\*)\])*)\s*(?P<sign><=|>=|<|>|:)\s*
    (?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s()"]+))
    | "(?P<phrase>(?:[^"\\]|\\.)*)" | (?P<word>[^\s()":]+) )""",
    re.VERBOSE,
)
_STEP = re.compile(r'"((?:[^"\\]|\\.)*)"|\[(\d+|\*)\]|([^.\[\]"]+)')
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_COUNT = re.compile(r"\d+|\d+\.\.|\.\.\d+|\d+\.\.\d+")
_LITERALS = {"true": True, "false": False, "null": None}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class NotInFake(Exception):
    """The fake does not know this. A server may."""


class BadQuery(Exception):
    """A server does not know this either."""

    def __init__(self, column: int, problem: str) -> None:
        super().__init__(f"Column {column}: {problem}")
        self.column = column


def matcher(query: str, *, parts: tuple[str, ...] = ("data", "metadata")) -> Matcher:
    """Return the function that tells whether an event, as the API writes it, fits a query.

    Args:
        query: the query.
        parts: the members that have paths: also `state`, for steps of a replay; only that, for states.

    Raises:
        NotInFake: the fake can't read it.
        BadQuery: a server can't read it either.
    """
    parser = _Parser(query, parts)
    fits = parser.alternatives()
    if parser.token is not None:
        raise NotInFake(f"The fake can't read the query {query!r}.")
    return fits


class _Parser:
    def __init__(self, query: str, parts: tuple[str, ...]) -> None:
        self._query = query
        self._parts = parts
        self._tokens = self._all()
        self.token: re.Match[str] | None = None
        self._advance()

    def _all(self) -> Iterator[re.Match[str]]:
        place, text = 0, self._query.rstrip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise NotInFake(f"The fake can't read the query {text!r} at column {place + 1}.")
            yield match
            place = match.end()

    def _advance(self) -> re.Match[str] | None:
        last, self.token = self.token, next(self._tokens, None)
        return last

    def _is(self, **group: str) -> bool:
        return self.token is not None and all(self.token[name] == text for name, text in group.items())

    def alternatives(self) -> Matcher:
        branches = [self._row()]
        while self._is(word="OR"):
            self._advance()
            branches.append(self._row())
        return lambda event: any(fits(event) for fits in branches)

    def _row(self) -> Matcher:
        terms = []
        while self.token is not None and not self._is(mark=")") and not self._is(word="OR"):
            if self._is(word="AND"):
                self._advance()
            terms.append(self._term())
        return lambda event: all(fits(event) for fits in terms)

    def _term(self) -> Matcher:
        token = self._advance()
        if token is None:
            raise NotInFake(f"The query {self._query!r} ends too early.")
        if token["minus"] or token["word"] == "NOT":
            fits = self._term()
            return lambda event: not fits(event)
        if token["mark"] == "(":
            inner = self.alternatives()
            if not self._is(mark=")"):
                raise NotInFake(f"A parenthesis of the query {self._query!r} has no end.")
            self._advance()
            return inner
        if token["field"]:
            return _comparison(token, self._parts)
        if "data" not in self._parts:
            raise NotInFake("The fake looks for no words in states.")
        text = _unescaped(token["phrase"]) if token["phrase"] is not None else token["word"]
        return lambda event: _lower(text) in _lower(_texts(event))


def _comparison(token: re.Match[str], parts: tuple[str, ...]) -> Matcher:
    field, sign = token["field"], token["sign"]
    is_quoted = token["quoted"] is not None
    text = _unescaped(token["quoted"]) if is_quoted else token["plain"]
    name, _, path = field.partition(".")
    if name in parts and path:
        fits = _value_test(sign, text, is_quoted)
        return lambda event: any(fits(value) for value in _values(event[name], path))
    if name not in _FIELDS:
        raise BadQuery(token.start("field") + 1, f"there is no field {name!r}.")
    if "data" not in parts:
        raise NotInFake(f"The fake does not know the term {token[0].strip()!r} of states.")
    if field == "has":
        return _presence(text)
    if (sign != ":" and field not in _NUMBERS) or path:
        raise NotInFake(f"The fake does not know the term {token[0].strip()!r}.")
    if field in _NUMBERS:
        return _number(field, sign, text)
    return _name(field, _pattern(text, is_quoted))


def _number(field: str, sign: str, text: str) -> Matcher:
    if not _COUNT.fullmatch(text):
        raise NotInFake(f"{text!r} is no {field}.")
    fits = _value_test(sign, text, is_quoted=False)
    return lambda event: fits(event[field])


def _name(field: str, pattern: Callable[[str], bool]) -> Matcher:
    if field == "tag":
        return lambda event: any(map(pattern, event["tags"]))
    if field == "category":
        return lambda event: "-" in event["stream"] and pattern(event["stream"].partition("-")[0])
    if field not in _NAMES:
        raise NotInFake(f"The fake does not know the field {field!r}.")
    return lambda event: event[_NAMES[field]] is not None and pattern(event[_NAMES[field]])


def _presence(text: str) -> Matcher:
    name, _, path = text.partition(".")
    if name in ("data", "metadata") and path:
        return lambda event: bool(_values(event[name], path))
    if name == "tag":
        return lambda event: bool(event["tags"])
    if name not in _NAMES:
        raise NotInFake(f"The fake does not know `has:{text}`.")
    return lambda event: event[_NAMES[name]] is not None


def _value_test(sign: str, text: str, is_quoted: bool) -> Callable[[Any], bool]:
    if sign != ":":
        bound: Any = text if is_quoted or not _NUMBER.fullmatch(text) else Decimal(text)
        return lambda value: _is_ordered(value, sign, bound)
    if not is_quoted and text in _LITERALS:
        return lambda value: value is _LITERALS[text]
    if not is_quoted and _NUMBER.fullmatch(text) and not re.match(r"-?0\d", text):
        return lambda value: _is_number(value) and Decimal(str(value)) == Decimal(text)
    first, dots, last = text.partition("..")
    if not is_quoted and dots:
        ends = [Decimal(end) if end else None for end in (first, last)]
        return lambda value: _is_number(value) and _is_between(Decimal(str(value)), *ends)
    pattern = _pattern(text, is_quoted)
    return lambda value: isinstance(value, str) and pattern(value)


def _is_between(value: Decimal, first: Decimal | None, last: Decimal | None) -> bool:
    return (first is None or first <= value) and (last is None or value <= last)


def _is_ordered(value: Any, sign: str, bound: Any) -> bool:
    if isinstance(bound, Decimal):
        if not _is_number(value):
            return False
        value = Decimal(str(value))
    elif not isinstance(value, str):
        return False
    return bool({"<": value < bound, "<=": value <= bound, ">": value > bound, ">=": value >= bound}[sign])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _values(value: Any, path: str) -> list[Any]:
    """Return the values at a path; a name after an array looks into all its items, and so does the end."""
    values = [value]
    for quoted, index, name in _STEP.findall(path):
        if index:
            arrays = [each for each in values if isinstance(each, list)]
            values = [item for each in arrays for item in (each if index == "*" else each[int(index) :][:1])]
            continue
        key = _unescaped(quoted) if quoted else name
        objects = [each for each in _spread(values) if isinstance(each, dict)]
        values = [each[key] for each in objects if key in each]
    return _spread(values) or values


def _spread(values: list[Any]) -> list[Any]:
    return [item for each in values for item in (each if isinstance(each, list) else [each])]


def _pattern(text: str, is_quoted: bool) -> Callable[[str], bool]:
    if is_quoted or "*" not in text:
        return lambda value: value == text
    regex = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)
    return lambda value: regex.fullmatch(value) is not None


def _texts(event: dict[str, Any]) -> str:
    """Return what a search for a word looks at."""
    names = [event[name] for name in ("type", "stream", "agent", "id", "correlation_id", "causation_id")]
    values = json.dumps([event["data"], event["metadata"]], ensure_ascii=False, default=str)
    plain = [text for value in (event["data"], event["metadata"]) for text in _strings(value)]
    return "\n".join([*(name for name in names if name), *event["tags"], values, *plain])


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(item)


def _lower(text: str) -> str:
    """Return a text in which A to Z and a to z are equal, and nothing else is."""
    return re.sub("[A-Z]+", lambda match: match[0].lower(), text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text)
