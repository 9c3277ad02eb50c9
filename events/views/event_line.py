"""An event on one line: its type's glyph and the few keys of its data that tell most."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from events.json.value import brief, kind_of, loads, quoted, visible
from events.types import Event

SLOTS = 8
_PAIRS = 4
_KEYS_LOOKED_AT = 100
"""Of an object that has more, the others are not ranked: there may be ninety thousand, in each of a hundred rows."""
_WIDTH = 160
# Read first where they stand, in this order; the rest follows as it was sent.
_TELLING = (
    "error", "exit_code", "status", "reason", "name", "tool", "command", "action", "target", "title", "ref",
    "summary", "message", "content", "text", "result", "output", "amount",
)  # fmt: skip
# Read last: that the envelope says better, or that tells a person nothing.
_DULL = frozenset({"id", "timestamp", "role", "source", "type", "cause"})
_TELLING_WITHIN = ("title", "name", "full_name", "login", "message", "body", "state", "number", "id")
"""What an object in the data is called by."""
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
    said = tuple(_say(data, known={event.agent, event.type.rpartition(".")[2], event.stream}))
    return Line(event=event, failed=_is_failed_type(event.type) or any(one.bad for one in said), said=said)


def slot(type_name: str) -> int:
    """The glyph of a type, 1 to 8: the part before the first dot decides, on every machine alike."""
    return zlib.crc32(type_name.partition(".")[0].encode()) % SLOTS + 1


def _is_failed_type(type_name: str) -> bool:
    return not _FAILED_WORDS.isdisjoint(word.lower() for word in _WORD.findall(type_name))


def _say(data: Any, *, known: Collection[str | None]) -> Iterator[Said]:
    if not isinstance(data, dict):
        yield Said("", kind_of(data), _text(data))
        return
    first = islice(data, _KEYS_LOOKED_AT)
    ranked = [key for key in _TELLING if key in data] + [key for key in first if key not in _TELLING]
    ranked = [key for key in ranked if not _is_empty(data[key])] or ranked
    ranked.sort(key=lambda key: key in _DULL or (isinstance(data[key], str) and data[key] in known))
    for key in ranked[:_PAIRS]:
        value = _called(data[key])
        yield Said(visible(key), kind_of(value), _text(value), _tells_failure(key, value))


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", {}, [])


def _called(value: Any) -> Any:
    """What an object is called, if it is called something, or the only thing in it; else the value as it is."""
    if not isinstance(value, dict):
        return value
    names = [value[key] for key in _TELLING_WITHIN if key in value] or (list(value.values()) if len(value) == 1 else [])
    return next((name for name in names if name and isinstance(name, str | int) and name is not True), value)


def _tells_failure(key: str, value: Any) -> bool:
    if key == "exit_code":
        return bool(value) and not isinstance(value, bool)
    return (key == "error" and bool(value)) or (key == "status" and value in ("error", "failed"))


def _text(value: Any) -> str:
    return quoted(value, _WIDTH) if isinstance(value, str) else brief(value)
