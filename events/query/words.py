"""Values and paths as they are written: quotes, escapes, wildcards, both read and printed. Pure.

In quotes a backslash escapes `"`, itself, and n, r, t for line breaks and tabs; outside of them it is a backslash, and
`*` is a wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from events.query.tree import EachItem, KeyStep, Path, Pattern, Root, Step

_PIECE = re.compile(r'"((?:[^"\\]|\\.)*)"|(\*)|([^"*]+)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_CHARACTERS = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPES = str.maketrans({char: f"\\{letter}" for letter, char in _ESCAPED_CHARACTERS.items()})
_BARE = re.compile(r'[^\s()"*<>=][^\s()"*]*')
_STEP = re.compile(r'\.(?:"((?:[^"\\]|\\.)*)"|([^\s.\[\]:<>=()"*!]+))|\[(\*|[0-9]+)\]', re.DOTALL)
_BARE_KEY = re.compile(r'[^\s.\[\]:<>=()"*!]+')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)

ATOMS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_MAX_DIGITS = 500
_MAX_EXPONENT = 1_000
_MAX_INDEX = 2**31 - 1
_MAX_STEPS = 200
"""Twice the depth of data, as in lax mode `[0]` of a value is the value; a tenth of the steps that exhaust Postgres."""


class BadWord(ValueError):
    """A value can't be read; the text is the message."""


def unquoted(text: str) -> str:
    """Return the text between quotes, its escapes resolved."""

    def resolve(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPED_CHARACTERS:
            raise BadWord('in quotes a backslash must come before one of " \\ n r t; write \\\\ for a backslash.')
        return _ESCAPED_CHARACTERS[match[1]]

    return _ESCAPE.sub(resolve, text)


def quoted_word(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def is_bare(value: str) -> bool:
    """Whether a value is written without quotes and wildcards: only then can it be a number, true, false or null."""
    return '"' not in value and "*" not in value


def pattern(value: str) -> Pattern:
    """Return the value as a text with wildcards."""
    pieces = [""]
    for match in _PIECE.finditer(value):
        if match[2]:
            pieces.append("")
        else:
            pieces[-1] += match[3] or unquoted(match[1])
    return Pattern.of(pieces)


def pattern_text(pattern: Pattern, *, typed: bool = False) -> str:
    """Return the pattern as a value.

    `typed`: the field also takes numbers and true, so a text that looks like one is quoted.
    """
    if pattern.exact is not None:
        return word(pattern.exact, typed=typed)
    beginning, *others = pattern.pieces
    return "*".join([word(beginning) if beginning else "", *(_inner_text(piece) for piece in others)])


def word(text: str, *, typed: bool = False) -> str:
    """Return the text as a value, in quotes if it needs them."""
    return quoted_word(text) if not _BARE.fullmatch(text) or (typed and _looks_typed(text)) else text


def _inner_text(piece: str) -> str:
    return word(piece) if piece else ""


def _looks_typed(text: str) -> bool:
    return text in ATOMS or ".." in text or number(text) is not None


def number(text: str) -> Decimal | None:
    """Return the JSON number with all its digits; None if the text is not one."""
    if not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text) if len(text.lower().partition("e")[2]) <= 5 else None
    if value is None or len(value.as_tuple().digits) > _MAX_DIGITS or abs(value.adjusted()) > _MAX_EXPONENT:
        raise BadWord(f"a number has at most {_MAX_DIGITS:,} digits and an exponent of ±{_MAX_EXPONENT:,}.")
    return value


def path(text: str) -> Path | None:
    """Return the path that a text such as `data.items[*].sku` means; None if it is not a path."""
    name = re.match(r"\w*", text)
    assert name
    if name[0] not in list(Root):
        return None
    steps: list[Step] = []
    place = name.end()
    while place < len(text):
        match = _STEP.match(text, place)
        if not match:
            raise BadWord('a path continues with .name, ."a name", [*] or [0].')
        steps.append(_path_step(match))
        place = match.end()
    if len(steps) > _MAX_STEPS:
        raise BadWord(f"a path has at most {_MAX_STEPS} names; this one has {len(steps):,}.")
    return Path(Root(name[0]), tuple(steps))


def _path_step(match: re.Match[str]) -> Step:
    if match[3] is None:
        return KeyStep(match[2] or unquoted(match[1]))
    if match[3] == "*":
        return EachItem.ITEM
    if len(match[3]) > 10 or int(match[3]) > _MAX_INDEX:
        raise BadWord(f"an array's items are counted up to {_MAX_INDEX:,}.")
    return int(match[3])


def path_text(path: Path) -> str:
    return path.root + "".join(_steps_text(path.steps))


def _steps_text(steps: Iterable[Step]) -> Iterable[str]:
    for step in steps:
        if isinstance(step, KeyStep):
            yield f".{step.name if _BARE_KEY.fullmatch(step.name) else quoted_word(step.name)}"
        else:
            yield str(step) if isinstance(step, EachItem) else f"[{step}]"
