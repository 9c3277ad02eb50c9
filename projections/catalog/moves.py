"""The rows of a state machine's table, and the choice of the row for a type of event. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

IDLE, PROCESSING, WAITING, COMPLETED, FAILED = "Idle", "Processing", "AwaitingInput", "Completed", "Failed"
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+|[0-9]+")
_MAX_LAST_WORDS = 3
_SEPARATORS = "._-:/ "


@dataclass(frozen=True, slots=True)
class Move:
    """A row of the table: the state that an event leads to, and the states in which it may come (empty: any).

    `starts`: each such event starts work that needs an outcome of its own, even while other work is under way.
    """

    to: str
    comes_in: tuple[str, ...] = ()
    starts: bool = False


def find_move(moves: Mapping[str, Move], type: str) -> tuple[str, Move] | None:
    """Return the stem of a type, and the row of the table for its words or the whole type; None: it moves nothing."""
    if type in moves:
        return "", moves[type]
    words = [*_WORDS.finditer(type)]
    for first in range(max(0, len(words) - _MAX_LAST_WORDS), len(words)):
        if move := moves.get("*" + "_".join(word[0].lower() for word in words[first:])):
            return type[: words[first].start()].strip(_SEPARATORS), move
    if len(words) > 1 and (move := moves.get(words[0][0].lower() + "*")):
        return type[words[1].start() :], move
    return None
