"""The lists that a message enumerates: numbered lines, and tables of cells between bars. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

_NUMBERED = re.compile(r" {0,3}(?:\*\*)?(\d{1,3})[.)]\s+(\S.*)")
_QUOTED = re.compile(r"^I \w+ '(?P<what>[^'\n]+)'")
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_NAME = re.compile(r"[^\W\d_]{2}")
_RULE = re.compile(r"[\s|:-]+")
_LEAST = 3
"""Fewest rows of a table: two lines with bars are a menu."""
_ITEM, _HEADING, _TEXT = 160, 120, 100_000
"""Most characters of an item, of a heading, and of a text that are read."""


@dataclass(frozen=True, slots=True)
class Enumeration:
    """A list: the line above it, and its items in their order. The items of a table are the first names of its rows."""

    heading: str
    items: tuple[str, ...]
    is_table: bool = False


def enumerations(text: str) -> Iterator[Enumeration]:
    """Yield the lists of a text, tables first. Code is left out."""
    lines = _FENCED.sub("", text[:_TEXT]).splitlines()
    yield from _tables(lines)
    yield from _numbered(lines)


def same_item(text: str) -> str:
    """Return the form of an item that two mentions of it share."""
    return "".join(filter(str.isalnum, text.casefold()))


def _numbered(lines: list[str]) -> Iterator[Enumeration]:
    """Yield runs of lines numbered 1, 2, 3 …; blank and indented lines between them belong to the item before."""
    above, heading, items = "", "", list[str]()
    for line in [*lines, "end"]:
        match = _NUMBERED.match(line)
        if match and int(match[1]) == len(items) + 1:
            heading = heading if items else above
            items.append(_clean(match[2], _ITEM))
        elif match or (line.strip() and not line.startswith((" ", "\t"))):
            if len(items) > 1:
                yield Enumeration(heading, tuple(items))
            items = [_clean(match[2], _ITEM)] if match and int(match[1]) == 1 else []
            heading = above
        if line.strip() and not match:
            above = _clean(line, _HEADING)


def _tables(lines: list[str]) -> Iterator[Enumeration]:
    """Yield runs of at least three lines with equally many cells."""
    asked = _QUOTED.match(lines[0]) if lines else None
    above = ""
    full = [line for line in lines if line.strip() and not (_RULE.fullmatch(line) and "-" in line)]
    for cells, group in groupby(full, key=lambda line: line.count("|")):
        rows = list(group)
        if cells < 2:
            above = _clean(rows[-1], _HEADING)
            continue
        names = [name for row in rows[0 if _has_digits(rows[0]) else 1 :] if (name := _name(row))]
        if len(names) >= _LEAST:
            yield Enumeration(asked["what"] if asked else above, tuple(names), is_table=True)


def _name(row: str) -> str:
    """Return the first cell that is a name, not a number."""
    cells = (_clean(cell, _ITEM) for cell in row.strip("| ").split("|"))
    return next((cell for cell in cells if _NAME.search(cell)), "")


def _has_digits(row: str) -> bool:
    return any(map(str.isdigit, row))


def _clean(text: str, most: int) -> str:
    """Return a line without its markup, and without the colon before a list."""
    return _LINK.sub(r"\1", text).replace("**", "").strip(" #*:\t")[:most]
