"""Values and paths as they are written: quotes, escapes, wildcards. Reading and writing stand side by side. Pure.

In quotes a backslash escapes `"`, itself, and n, r, t for line breaks and tabs; outside of them it is a backslash, and
`*` is a wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from events.query.tree import Each, Key, Path, Pattern, Root, Step

_PIECE = re.compile(r'"((?:[^"\\]|\\.)*)"|(\*)|([^"*]+)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANS = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPES = str.maketrans({char: f"\\{letter}" for letter, char in _MEANS.items()})
_BARE = re.compile(r'[^\s()"*<>=][^\s()"*]*')
_STEP = re.compile(r'\.(?:"((?:[^"\\]|\\.)*)"|([^\s.\[\]:<>=()"*!]+))|\[(\*|[0-9]+)\]', re.DOTALL)
_BARE_KEY = re.compile(r'[^\s.\[\]:<>=()"*!]+')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)

ATOMS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_MOST_DIGITS = 500
_MOST_EXPONENT = 1_000
_MOST_ITEMS = 2**31 - 1
_MOST_STEPS = 200
"""Twice as deep as data is, and a tenth of what exhausts Postgres's stack: [0] finds any value again in itself."""


class BadWord(ValueError):
    """What is wrong with a value, for the message."""


def unquoted(text: str) -> str:
    """What stands between quotes, its escapes resolved."""

    def meant(match: re.Match[str]) -> str:
        if match[1] not in _MEANS:
            raise BadWord('in quotes a backslash stands before one of " \\ n r t; write \\\\ for a backslash.')
        return _MEANS[match[1]]

    return _ESCAPE.sub(meant, text)


def quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def is_bare(value: str) -> bool:
    """Whether a value is written without quotes and wildcards: only such a one can be a number or true."""
    return '"' not in value and "*" not in value


def pattern(value: str) -> Pattern:
    """A value as a text with wildcards."""
    pieces = [""]
    for match in _PIECE.finditer(value):
        if match[2]:
            pieces.append("")
        else:
            pieces[-1] += match[3] or unquoted(match[1])
    return Pattern.of(pieces)


def pattern_text(pattern: Pattern, *, typed: bool = False) -> str:
    """`typed`: the place also takes numbers and true, so a text that looks like one is quoted."""
    if pattern.exact is not None:
        return word(pattern.exact, typed=typed)
    first, *rest = pattern.pieces
    return "*".join([word(first) if first else "", *(_inner(piece) for piece in rest)])


def word(text: str, *, typed: bool = False) -> str:
    """A text as a value, in quotes where it needs them."""
    return quoted(text) if not _BARE.fullmatch(text) or (typed and _looks_typed(text)) else text


def _inner(piece: str) -> str:
    return word(piece) if piece else ""


def _looks_typed(text: str) -> bool:
    return text in ATOMS or ".." in text or number(text) is not None


def number(text: str) -> Decimal | None:
    """A JSON number with all its digits; None where it is none."""
    if not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text) if len(text.lower().partition("e")[2]) <= 5 else None
    if value is None or len(value.as_tuple().digits) > _MOST_DIGITS or abs(value.adjusted()) > _MOST_EXPONENT:
        raise BadWord(f"a number has {_MOST_DIGITS:,} digits, and an exponent of ±{_MOST_EXPONENT:,}, at the most.")
    return value


def path(text: str) -> Path | None:
    """`data.items[*].sku`; None where it is no path."""
    name = re.match(r"\w*", text)
    assert name
    if name[0] not in list(Root):
        return None
    steps: list[Step] = []
    place = name.end()
    while place < len(text):
        match = _STEP.match(text, place)
        if not match:
            raise BadWord('a path goes on with .name, ."a name", [*] or [0].')
        steps.append(_step(match))
        place = match.end()
    if len(steps) > _MOST_STEPS:
        raise BadWord(f"a path has {_MOST_STEPS} steps at the most; this one has {len(steps):,}.")
    return Path(Root(name[0]), tuple(steps))


def _step(match: re.Match[str]) -> Step:
    if match[3] is None:
        return Key(match[2] or unquoted(match[1]))
    if match[3] == "*":
        return Each.ITEM
    if len(match[3]) > 10 or int(match[3]) > _MOST_ITEMS:
        raise BadWord(f"an array's items are counted up to {_MOST_ITEMS:,}.")
    return int(match[3])


def path_text(path: Path) -> str:
    return path.root + "".join(_steps_text(path.steps))


def _steps_text(steps: Iterable[Step]) -> Iterable[str]:
    for step in steps:
        if isinstance(step, Key):
            yield f".{step.name if _BARE_KEY.fullmatch(step.name) else quoted(step.name)}"
        else:
            yield str(step) if isinstance(step, Each) else f"[{step}]"
