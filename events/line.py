"""An event on one line: its type's glyph and the few keys of its data that tell most."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from events.json_text import loads
from events.json_value import brief, kind_of, visible
from events.types import Event

SLOTS = 8
_PAIRS = 4
_WIDTH = 160
# Read first where they stand, in this order; the rest follows as it was sent.
_TELLING = (
    "error", "exit_code", "status", "reason", "name", "tool", "command", "action", "target", "title",
    "summary", "message", "content", "text", "result", "output", "amount", "id",
)  # fmt: skip
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+")
_FAILED_WORDS = frozenset({"error", "errored", "fail", "failed", "failure", "exception", "crashed"})


@dataclass(frozen=True, slots=True)
class Said:
    """A key of the data and its value, cut to what fits a line. `key` is "" for data that is no object."""

    key: str
    kind: str
    text: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One event as a row shows it."""

    event: Event
    failed: bool
    said: tuple[Said, ...]


def line(event: Event) -> Line:
    """What a row needs of an event."""
    data = loads(event.data)
    said = tuple(_say(data))
    return Line(event=event, failed=_is_failed_type(event.type) or any(one.bad for one in said), said=said)


def slot(type_name: str) -> int:
    """The glyph of a type, 1 to 8: the part before the first dot decides, on every machine alike."""
    return zlib.crc32(type_name.partition(".")[0].encode()) % SLOTS + 1


def _is_failed_type(type_name: str) -> bool:
    return not _FAILED_WORDS.isdisjoint(word.lower() for word in _WORD.findall(type_name))


def _say(data: Any) -> Iterator[Said]:
    if not isinstance(data, dict):
        yield Said("", kind_of(data), _cut(data))
        return
    ranked = [key for key in _TELLING if key in data] + [key for key in data if key not in _TELLING]
    for key in ranked[:_PAIRS]:
        yield Said(visible(key), kind_of(data[key]), _cut(data[key]), _tells_failure(key, data[key]))


def _tells_failure(key: str, value: Any) -> bool:
    if key == "exit_code":
        return bool(value) and not isinstance(value, bool)
    return (key == "error" and bool(value)) or (key == "status" and value in ("error", "failed"))


def _cut(value: Any) -> str:
    if not isinstance(value, str):
        return brief(value)
    flat = visible(" ".join(value[: 4 * _WIDTH].split()))
    return f"“{flat[:_WIDTH]}…" if len(flat) > _WIDTH or len(value) > 4 * _WIDTH else f"“{flat}”"
