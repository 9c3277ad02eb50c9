"""A tree as text: parsed again, it gives the same tree. Pure."""

from __future__ import annotations

import re

from events.query import tree
from events.query.times import time_text
from events.query.tree import EVERYTHING, And, Name, Not, Or, Query
from events.query.words import path_text, pattern_text, quoted, word

_BARE_TEXT = re.compile(r'(?!(?i:or|and|not)\Z)[^\s()":<>=*-][^\s()":<>=*]*')


def to_text(query: Query) -> str:
    """The query as it is written; everything is the empty text."""
    match query:
        case And(parts):
            return " ".join(_within(part, Or) for part in parts)
        case Or(parts):
            return " OR ".join(_within(part) for part in parts)
        case Not(part):
            return f"-{_within(part, And, Or)}"
        case _:
            return _leaf(query)


def _within(part: Query, *looser: type) -> str:
    """A part in its place, in parentheses where what binds looser stands in it."""
    return f"({to_text(part)})" if part == EVERYTHING or isinstance(part, looser) else to_text(part)


def _leaf(leaf: tree.Leaf) -> str:
    match leaf:
        case tree.Text(text):
            return text if _BARE_TEXT.fullmatch(text) else quoted(text)
        case tree.Named(name, pattern):
            return f"{name}:{pattern_text(pattern)}"
        case tree.Numbered(number, low, high):
            return f"{number}:{low}" if low == high else f"{number}:{_end(low)}..{_end(high)}"
        case tree.Since(time) | tree.Until(time):
            return f"{type(leaf).__name__.lower()}:{word(time_text(time))}"
        case tree.Has(what):
            return f"has:{what if isinstance(what, Name) else path_text(what)}"
        case tree.Changed(pointer):
            return f"changed:{word(pointer)}"
        case _:
            return _on_path(leaf)


def _on_path(leaf: tree.Like | tree.Equals | tree.Compares | tree.Between) -> str:
    path = path_text(leaf.path)
    match leaf:
        case tree.Like(_, pattern):
            return f"{path}:{pattern_text(pattern, typed=True)}"
        case tree.Equals(_, value):
            return f"{path}:{'null' if value is None else str(value).lower() if isinstance(value, bool) else value}"
        case tree.Compares(_, operator, value):
            return f"{path}{operator}{word(value, typed=True) if isinstance(value, str) else value}"
        case tree.Between(_, low, high):
            return f"{path}:{low}..{high}"


def _end(end: int | None) -> str:
    return "" if end is None else str(end)
