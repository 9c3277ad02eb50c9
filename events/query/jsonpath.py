"""Conditions on JSON as jsonpaths of Postgres, in its lax mode. Pure.

`_quoted` quotes all keys and texts, so none of them can be read as a part of the jsonpath.
"""

from __future__ import annotations

import json
from decimal import Decimal

from events.query import tree
from events.query.tree import KeyStep, Path, Pattern


def exists(path: Path) -> str:
    """Return the jsonpath for `@?` that tests whether the path leads to any value."""
    return _path_text(path)


def is_filled(path: Path) -> str:
    """Return the jsonpath for `@?` that tests whether the path leads to more than an empty object or array."""
    # A filter of jsonpath goes from an array to its items by itself.
    return f'{_path_text(path)} ? (@.type() != "object" || exists(@.*))'


def value_predicate(leaf: tree.Like | tree.Equals | tree.Compares | tree.Between) -> str:
    """Return the jsonpath for `@@` that tests whether a value at the path's end, or an item of an array there, fits."""
    path = _path_text(leaf.path)
    match leaf:
        case tree.Like(_, pattern):
            return f"{path} {_pattern_predicate(pattern)}"
        case tree.Equals(_, value):
            return f"{path} == {_literal_text(value)}"
        case tree.Compares(_, operator, value):
            return f"{path} {operator} {_literal_text(value)}"
        case tree.Between(_, low, high):
            # The filter looks into an array by itself; its comparisons would look one array deeper, so the type is
            # tested.
            return f'exists({path} ? (@.type() == "number" && @ >= {_literal_text(low)} && @ <= {_literal_text(high)}))'


def any_string(text: str) -> str:
    """Return the jsonpath for `@?` that tests whether any string or key, at any depth, contains a text.

    The case of A to Z is ignored.
    """
    holds = f'like_regex {_quoted(_regex(text, fold=True))} flag "s"'
    return f"strict $.** ? (@ {holds} || @.keyvalue().key {holds})"


def _path_text(path: Path) -> str:
    return "$" + "".join(
        f".{_quoted(step.name)}" if isinstance(step, KeyStep) else _place_text(step) for step in path.steps
    )


def _place_text(step: int | tree.EachItem) -> str:
    return str(step) if isinstance(step, tree.EachItem) else f"[{step}]"


def _pattern_predicate(pattern: Pattern) -> str:
    if pattern.exact is not None:
        return f"== {_quoted(pattern.exact)}"
    if pattern.prefix is not None:
        return f"starts with {_quoted(pattern.prefix)}"
    regex = ".*".join(map(_regex, pattern.pieces))
    return f'like_regex {_quoted(f"^{regex}$")} flag "s"'


def _regex(text: str, *, fold: bool = False) -> str:
    """Return a regular expression for the literal text; with `fold`, for both cases of the letters A to Z."""

    def literal(char: str) -> str:
        if fold and char.isascii() and char.isalpha():
            return f"[{char.lower()}{char.upper()}]"
        return char if char.isalnum() or not char.isascii() else f"\\{char}"

    return "".join(map(literal, text))


def _literal_text(value: Decimal | bool | str | None) -> str:
    if isinstance(value, Decimal):
        return str(value)
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """Return the text as a string literal of jsonpath, which is also one of JSON."""
    return json.dumps(text, ensure_ascii=False)
