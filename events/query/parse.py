"""Text into a tree. Pure.

The grammar finds the shape, without recursion; what a field takes is decided here. A query has bounds, which a person
doesn't meet and a database needs.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path as File
from typing import Any, NamedTuple, cast

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args

from events.query import fields
from events.query.errors import InvalidQuery
from events.query.fields import BadValue
from events.query.tree import EVERYTHING, Like, Named, Query, Text, all_of, any_of, negation
from events.query.words import BadWord, pattern

MOST_CHARACTERS = 10_000
MOST_DEEP = 100
MOST_TERMS = 200
MOST_SCANS = 50
"""Terms that no index and no beginning narrows down: each looks through all of an event's text."""
MOST_OF_A_VALUE = 1_000

# What the log can't hold, so no query can ask for: NUL, lone surrogates.
_NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")
_BETWEEN = re.compile(r"(?:AND|OR)(?=[\s()]|\Z)")
_HINTS = {
    '"': "this quote is not closed.",
    "(": "a field takes one value; parentheses stand around terms: (type:A OR type:B).",
    ")": "there is nothing to close, or nothing before it.",
    ":": "a field's name stands before a colon. A text that holds one needs quotes.",
    "=": "a field's value stands after a colon: data.paid:true. A text that holds = needs quotes.",
    "-": "a minus stands right before what must not fit. To look for one, quote it.",
    "!": "what must not be so has a minus before it: -data.paid:true.",
}


def parse(text: str) -> Query:
    """The tree of a query; the empty text means everything.

    Raises:
        InvalidQuery: with the column, and where there is one a suggestion.
    """
    if len(text) > MOST_CHARACTERS:
        problem = f"the query has {len(text):,} characters; the limit is {MOST_CHARACTERS:,}."
        raise InvalidQuery(problem, column=MOST_CHARACTERS + 1)
    if match := _NO_CHARACTER.search(text):
        raise InvalidQuery(f"U+{ord(match[0]):04X} is no character that an event can hold.", column=match.start() + 1)
    try:
        return cast("_Part", _parser().parse(text)).query
    except UnexpectedInput as error:
        raise _unexpected(error, text) from None


class _Part(NamedTuple):
    """A part of the tree, and how large it is."""

    query: Query
    deep: int = 1
    terms: int = 1
    scans: int = 0


@v_args(inline=True)
class _Build(Transformer[Token, _Part]):
    """Called for each rule as soon as it is complete."""

    def query(self, part: _Part | None = None) -> _Part:
        return part or _Part(EVERYTHING)

    def either(self, *parts: _Part) -> _Part:
        return _together(any_of(part.query for part in parts), parts)

    def both(self, *parts: _Part) -> _Part:
        return _together(all_of(part.query for part in parts), parts)

    def negated(self, sign: Token, part: _Part) -> _Part:
        return _deeper(negation(part.query), part, sign)

    def group(self, opening: Token, part: _Part | None = None) -> _Part:
        part = part or _Part(EVERYTHING)
        return _deeper(part.query, part, opening)

    def matches(self, field: Token, value: Token) -> _Part:
        return _term(field, ":", value)

    def compares(self, field: Token, operator: Token, value: Token) -> _Part:
        return _term(field, operator, value)

    def text(self, word: Token) -> _Part:
        if word.lower() in ("or", "and", "not"):
            raise InvalidQuery(
                f'to look for the word, quote it: "{word}".', column=_column(word), suggestion=word.upper()
            )
        try:
            text = pattern(_bounded(word)).exact
        except BadWord as error:
            raise InvalidQuery(str(error), column=_column(word)) from None
        if text is None:
            problem = "a text is found anywhere, so it needs no *. To look for a star, quote it."
            raise InvalidQuery(problem, column=_column(word))
        if not text:
            raise InvalidQuery("there is nothing between the quotes.", column=_column(word))
        return _Part(Text(text), scans=1)


def _term(field: Token, operator: str, value: Token) -> _Part:
    try:
        term = fields.term(str(field), cast("fields.Operator", str(operator)), _bounded(value))
    except BadValue as error:
        column = _column(field if error.in_field else value)
        raise InvalidQuery(str(error), column=column, suggestion=error.suggestion) from None
    except BadWord as error:
        raise InvalidQuery(str(error), column=_column(value)) from None
    is_scan = isinstance(term, Named | Like) and term.pattern.exact is None and term.pattern.prefix is None
    return _Part(term, scans=int(is_scan))


def _together(query: Query, parts: tuple[_Part, ...]) -> _Part:
    terms = sum(part.terms for part in parts)
    if terms > MOST_TERMS:
        raise InvalidQuery(f"the query has more than {MOST_TERMS} terms.", column=1)
    scans = sum(part.scans for part in parts)
    if scans > MOST_SCANS:
        problem = f"the query has more than {MOST_SCANS} texts and values with a * before their end."
        raise InvalidQuery(problem, column=1)
    return _Part(query, max(part.deep for part in parts), terms, scans)


def _deeper(query: Query, part: _Part, opening: Token) -> _Part:
    if part.deep > MOST_DEEP:
        raise InvalidQuery(f"the query is nested more than {MOST_DEEP} deep.", column=_column(opening))
    return part._replace(query=query, deep=part.deep + 1)


def _bounded(value: Token) -> str:
    if len(value) > MOST_OF_A_VALUE:
        raise BadWord(f"a value has {MOST_OF_A_VALUE:,} characters at the most; this one has {len(value):,}.")
    return str(value)


def _column(token: Token) -> int:
    return (token.start_pos or 0) + 1


def _unexpected(error: UnexpectedInput, text: str) -> InvalidQuery:
    expected = _expected(error)
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        missing = "a ) is missing." if "RPAR" in expected else "the query breaks off: a term is missing."
        return InvalidQuery(missing, column=len(text) + 1)
    place: int = cast("Any", error).pos_in_stream
    if (expected == {"VALUE"} and text[place] not in '("') or (text[place] == ":" and "_COLON" in expected):
        return InvalidQuery("a value is missing here.", column=place + 1)
    if match := _BETWEEN.match(text, place):
        return InvalidQuery(f"{match[0]} stands between two terms. To look for the word, quote it.", column=place + 1)
    hint = _HINTS.get(text[place], f"{text[place]!r} can't stand here. A text that holds it needs quotes.")
    return InvalidQuery(hint, column=place + 1)


def _expected(error: UnexpectedInput) -> set[str]:
    if isinstance(error, UnexpectedToken):
        return error.accepts or set()
    return error.allowed or set() if isinstance(error, UnexpectedCharacters) else set()


@cache
def _parser() -> Lark:
    grammar = File(__file__).with_name("grammar.lark").read_text()
    return Lark(
        grammar, start="query", parser="lalr", lexer="contextual", transformer=_Build(), maybe_placeholders=False
    )
