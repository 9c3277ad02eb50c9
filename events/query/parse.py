"""The parser of queries: text into a tree. Pure.

The grammar finds the shape, without recursion; `fields.py` checks each field's value. The bounds of a query are wide
enough for people, and protect the database.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path as File
from typing import Any, NamedTuple, cast

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args

from events.query import fields
from events.query.errors import InvalidQuery
from events.query.fields import BadValue
from events.query.reading import refuse_state
from events.query.times import pin_times
from events.query.tree import EVERYTHING, Like, Name, Named, Pattern, Query, Text, all_of, any_of, negation
from events.query.words import BadWord, pattern

MAX_CHARACTERS = 10_000
MAX_DEPTH = 100
MAX_TERMS = 200
MAX_SCANS = 50
"""Terms that no index and no prefix narrows down: each searches all text of an event."""
MAX_VALUE_CHARACTERS = 1_000

_VALUE = rf"[\w.:/@+-]{{1,{MAX_VALUE_CHARACTERS}}}"
_NAME = f"(?:{'|'.join(Name)}):{_VALUE}"
_NAMES = re.compile(f"{_NAME}(?: {_NAME}){{0,{MAX_TERMS - 1}}}", re.ASCII)
"""A query of plain names, each an exact text. The parser takes twenty times longer than its tree takes to make."""

# Characters that the log can't hold, so that no query can ask for them: NUL, lone surrogates.
_IMPOSSIBLE_CHARACTER = re.compile("[\x00\ud800-\udfff]")
_CONNECTIVE = re.compile(r"(?:AND|OR)(?=[\s()]|\Z)")
_HINTS = {
    '"': "this quote is not closed.",
    "(": "a field takes one value; put parentheses around whole terms: (type:A OR type:B).",
    ")": "this ) has no ( before it, or no term.",
    ":": "a field's name is missing before the colon. A text that holds a colon needs quotes.",
    "=": "put a field's value after a colon: data.paid:true. A text that holds = needs quotes.",
    "-": "put a minus right before the term that must not fit. To look for a minus, quote it.",
    "!": "to exclude events, put a minus before the term: -data.paid:true.",
}


@lru_cache(maxsize=256)
def parse(text: str) -> Query:
    """Return the tree of a query; the empty text means everything. The trees of the last few queries are kept.

    Raises:
        InvalidQuery: with the column and, if there is one, a suggestion.
    """
    check_text(text)
    if _NAMES.fullmatch(text):
        return all_of([_named(term) for term in text.split(" ")])
    return parsed(text)


def check_text(text: str) -> None:
    """Raise `InvalidQuery` for a text that is too long for a query, or has characters that no event can hold."""
    if len(text) > MAX_CHARACTERS:
        problem = f"the query has {len(text):,} characters; the limit is {MAX_CHARACTERS:,}."
        raise InvalidQuery(problem, column=MAX_CHARACTERS + 1)
    if match := _IMPOSSIBLE_CHARACTER.search(text):
        raise InvalidQuery(f"U+{ord(match[0]):04X} is a character that no event can hold.", column=match.start() + 1)


def parsed(text: str) -> Query:
    """Return the tree of a query as the grammar has it."""
    try:
        return cast("_Measured", _parser().parse(text)).query
    except UnexpectedInput as error:
        raise _unexpected(error, text) from None


def _named(term: str) -> Named:
    name, _, text = term.partition(":")
    return Named(Name(name), Pattern((text,)))


def events_query(text: str, now: datetime) -> Query:
    """Return the tree of a query about events, its times pinned.

    Raises:
        InvalidQuery: it can't be read.
        NotForEvents: it asks about a state.
    """
    query = parse(text)
    refuse_state(query)
    return pin_times(query, now)


class _Measured(NamedTuple):
    """A part of the tree, with its depth and its numbers of terms and of scans."""

    query: Query
    depth: int = 1
    terms: int = 1
    scans: int = 0


@v_args(inline=True)
class _Build(Transformer[Token, _Measured]):
    """Builds the tree: the parser calls the method of a rule as soon as the rule is complete."""

    def query(self, part: _Measured | None = None) -> _Measured:
        return part or _Measured(EVERYTHING)

    def either(self, *parts: _Measured) -> _Measured:
        return _together(any_of(part.query for part in parts), parts)

    def both(self, *parts: _Measured) -> _Measured:
        return _together(all_of(part.query for part in parts), parts)

    def negated(self, sign: Token, part: _Measured) -> _Measured:
        return _deeper(negation(part.query), part, sign)

    def group(self, opening: Token, part: _Measured | None = None) -> _Measured:
        part = part or _Measured(EVERYTHING)
        return _deeper(part.query, part, opening)

    def matches(self, field: Token, value: Token) -> _Measured:
        return _parsed_term(field, ":", value)

    def compares(self, field: Token, operator: Token, value: Token) -> _Measured:
        return _parsed_term(field, operator, value)

    def text(self, word: Token) -> _Measured:
        if word.lower() in ("or", "and", "not"):
            raise InvalidQuery(
                f'to look for the word, quote it: "{word}".', column=_column_of(word), suggestion=word.upper()
            )
        try:
            text = pattern(_bounded_text(word)).exact
        except BadWord as error:
            raise InvalidQuery(str(error), column=_column_of(word)) from None
        if text is None:
            problem = "a text is found anywhere, so it needs no *. To look for a star, quote it."
            raise InvalidQuery(problem, column=_column_of(word))
        if not text:
            raise InvalidQuery("the quotes are empty.", column=_column_of(word))
        return _Measured(Text(text), scans=1)


def _parsed_term(field: Token, operator: str, value: Token) -> _Measured:
    try:
        term = fields.term(str(field), cast("fields.Operator", str(operator)), _bounded_text(value))
    except BadValue as error:
        column = _column_of(field if error.in_field else value)
        raise InvalidQuery(str(error), column=column, suggestion=error.suggestion) from None
    except BadWord as error:
        raise InvalidQuery(str(error), column=_column_of(value)) from None
    is_scan = isinstance(term, Named | Like) and term.pattern.exact is None and term.pattern.prefix is None
    return _Measured(term, scans=int(is_scan))


def _together(query: Query, parts: tuple[_Measured, ...]) -> _Measured:
    terms = sum(part.terms for part in parts)
    if terms > MAX_TERMS:
        raise InvalidQuery(f"the query has more than {MAX_TERMS} terms.", column=1)
    scans = sum(part.scans for part in parts)
    if scans > MAX_SCANS:
        problem = f"the query has more than {MAX_SCANS} texts and values with a * before their end."
        raise InvalidQuery(problem, column=1)
    return _Measured(query, max(part.depth for part in parts), terms, scans)


def _deeper(query: Query, part: _Measured, opening: Token) -> _Measured:
    if part.depth > MAX_DEPTH:
        raise InvalidQuery(f"the query is nested more than {MAX_DEPTH} deep.", column=_column_of(opening))
    return part._replace(query=query, depth=part.depth + 1)


def _bounded_text(value: Token) -> str:
    if len(value) > MAX_VALUE_CHARACTERS:
        raise BadWord(f"a value has at most {MAX_VALUE_CHARACTERS:,} characters; this one has {len(value):,}.")
    return str(value)


def _column_of(token: Token) -> int:
    return (token.start_pos or 0) + 1


def _unexpected(error: UnexpectedInput, text: str) -> InvalidQuery:
    tokens = _expected_tokens(error)
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        problem = "a ) is missing." if "RPAR" in tokens else "the query breaks off: a term is missing."
        return InvalidQuery(problem, column=len(text) + 1)
    place: int = cast("Any", error).pos_in_stream
    if (tokens == {"VALUE"} and text[place] not in '("') or (text[place] == ":" and "_COLON" in tokens):
        return InvalidQuery("a value is missing here.", column=place + 1)
    if match := _CONNECTIVE.match(text, place):
        return InvalidQuery(f"{match[0]} needs a term on both sides. To look for the word, quote it.", column=place + 1)
    hint = _HINTS.get(text[place], f"{text[place]!r} is not allowed here. A text that holds it needs quotes.")
    return InvalidQuery(hint, column=place + 1)


def _expected_tokens(error: UnexpectedInput) -> set[str]:
    if isinstance(error, UnexpectedToken):
        return error.accepts or set()
    return error.allowed or set() if isinstance(error, UnexpectedCharacters) else set()


@cache
def _parser() -> Lark:
    grammar = File(__file__).with_name("grammar.lark").read_text()
    return Lark(
        grammar, start="query", parser="lalr", lexer="contextual", transformer=_Build(), maybe_placeholders=False
    )
