"""The printer of queries: a tree into text that gives the same tree when it is parsed. Pure."""

from __future__ import annotations

import re

from events.query import tree
from events.query.times import time_text
from events.query.tree import EVERYTHING, And, Name, Not, Or, Query
from events.query.words import path_text, pattern_text, quoted_word, word

_BARE_TEXT = re.compile(r'(?!(?i:or|and|not)\Z)[^\s()":<>=*-][^\s()":<>=*]*')


def to_text(query: Query) -> str:
    """Return the query as text; the query for everything is the empty text."""
    match query:
        case And(parts):
            return " ".join(_nested_text(part, Or) for part in parts)
        case Or(parts):
            return " OR ".join(_nested_text(part) for part in parts)
        case Not(part):
            return f"-{_nested_text(part, And, Or)}"
        case _:
            return _leaf_text(query)


def _nested_text(part: Query, *looser: type) -> str:
    """Return a part as text, in parentheses if its operator binds looser than the one around it."""
    return f"({to_text(part)})" if part == EVERYTHING or isinstance(part, looser) else to_text(part)


def _leaf_text(leaf: tree.Leaf) -> str:
    match leaf:
        case tree.Text(text):
            return text if _BARE_TEXT.fullmatch(text) else quoted_word(text)
        case tree.Named(name, pattern):
            return f"{name}:{pattern_text(pattern)}"
        case tree.Numbered(number, low, high):
            return f"{number}:{low}" if low == high else f"{number}:{_end_text(low)}..{_end_text(high)}"
        case tree.Since(time) | tree.Until(time):
            return f"{type(leaf).__name__.lower()}:{word(time_text(time))}"
        case tree.System(value):
            return f"system:{str(value).lower()}"
        case tree.Has(name_or_path):
            return f"has:{name_or_path if isinstance(name_or_path, Name) else path_text(name_or_path)}"
        case tree.Changed(pointer):
            return f"changed:{word(pointer)}"
        case _:
            return _path_leaf_text(leaf)


def _path_leaf_text(leaf: tree.Like | tree.Equals | tree.Compares | tree.Between) -> str:
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


def _end_text(end: int | None) -> str:
    return "" if end is None else str(end)
