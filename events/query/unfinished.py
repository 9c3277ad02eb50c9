"""The term before the caret in a query that somebody is typing. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from events.query import words
from events.query.words import BadWord

_PIECE = re.compile(r'[\s()]+|(?:"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[^\s()"])+', re.DOTALL)
_FIELD = re.compile(r'([^\W\d]\w*(?:\.(?:"(?:[^"\\]|\\.)*"|[^\s.\[\]:<>=()"*!]+)|\[(?:\*|[0-9]+)\])*):(.*)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A term that is being typed.

    `text` is the term so far, without a minus before it; `others` is the query without the term. `field` is the part
    before its colon, None while there is no colon; `beginning` is the part after the colon, or the whole term, without
    quotes.
    """

    text: str
    field: str | None
    beginning: str
    others: str


def unfinished(before: str, after: str) -> Unfinished | None:
    """Return the term that ends at the caret, between the texts before and after it; None in the middle of a word."""
    if after and not (after[0].isspace() or after[0] == ")"):
        return None
    pieces = _PIECE.findall(before)
    piece = pieces[-1] if pieces and not re.match(r"[\s()]", pieces[-1]) else ""
    text = piece.removeprefix("-")
    others = f"{before[: len(before) - len(piece)]} {after}"
    match = _FIELD.fullmatch(text)
    return Unfinished(text, match and match[1], _plain(match[2] if match else text), others)


def _plain(value: str) -> str:
    """Return the text that a value begins with, as far as it is typed, without quotes and wildcard."""
    if not value.startswith('"'):
        return value.removesuffix("*")
    try:
        return words.unquoted(value.strip('"'))
    except BadWord:
        return value.strip('"')
