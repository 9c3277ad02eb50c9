"""The rows of a state machine's table, and which of them a type of event has. Pure."""

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
    """A row of the table: the state that an event leads to, and those that it may come in (none named: any).

    `starts`: each such event starts something that wants an outcome of its own, also while another is under way.
    """

    to: str
    comes_in: tuple[str, ...] = ()
    starts: bool = False


def find_move(moves: Mapping[str, Move], type: str) -> tuple[str, Move] | None:
    """The stem of a type and the row of the table that its words or the whole type have; None: it moves nothing."""
    if type in moves:
        return "", moves[type]
    words = [*_WORDS.finditer(type)]
    for first in range(max(0, len(words) - _MAX_LAST_WORDS), len(words)):
        if move := moves.get("*" + "_".join(word[0].lower() for word in words[first:])):
            return type[: words[first].start()].strip(_SEPARATORS), move
    if len(words) > 1 and (move := moves.get(words[0][0].lower() + "*")):
        return type[words[1].start() :], move
    return None
