"""A query that is being written: the term before the caret. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from events.query import words
from events.query.words import BadWord

_PIECE = re.compile(r'[\s()]+|(?:"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[^\s()"])+', re.DOTALL)
_FIELD = re.compile(r'([^\W\d]\w*(?:\.(?:"(?:[^"\\]|\\.)*"|[^\s.\[\]:<>=()"*!]+)|\[(?:\*|[0-9]+)\])*):(.*)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """`text` is the term so far, without a minus before it. `others` is the query without it.

    `field` is what stands before its colon, None where there is none yet; `beginning` is what stands behind that, or
    the whole, its quotes undone.
    """

    text: str
    field: str | None
    beginning: str
    others: str


def unfinished(before: str, behind: str) -> Unfinished | None:
    """The term that ends at the caret, between two parts of a query; None in the middle of a word."""
    if behind and not (behind[0].isspace() or behind[0] == ")"):
        return None
    pieces = _PIECE.findall(before)
    last = pieces[-1] if pieces and not re.match(r"[\s()]", pieces[-1]) else ""
    text = last.removeprefix("-")
    others = f"{before[: len(before) - len(last)]} {behind}"
    match = _FIELD.fullmatch(text)
    return Unfinished(text, match and match[1], _plain(match[2] if match else text), others)


def _plain(value: str) -> str:
    """The text that a value, written so far, begins with."""
    if not value.startswith('"'):
        return value.removesuffix("*")
    try:
        return words.unquoted(value.strip('"'))
    except BadWord:
        return value.strip('"')
