"""An event on one line: the few keys of its data that tell most."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from events.json.value import brief, kind_of, loads, quoted, visible
from events.types import Event

_MAX_PAIRS = 4
_MAX_RANKED_KEYS = 100
"""Later keys are not ranked: there may be ninety thousand, in each of a hundred rows."""
_MAX_CHARACTERS = 160
_MAX_TAGS = 3
# These keys come first, in this order; the others follow in the order in which they were sent.
_FIRST_KEYS = (
    "error", "exit_code", "status", "reason", "name", "tool", "command", "action", "target", "title", "ref",
    "summary", "message", "content", "text", "result", "output", "amount",
)  # fmt: skip
# These keys come last: the envelope has their content, or they tell a person nothing.
_LAST_KEYS = frozenset({"id", "timestamp", "role", "source", "type", "cause"})
_NAME_KEYS = ("title", "name", "full_name", "login", "message", "body", "state", "number", "id")
"""The keys that may hold the name of an object in the data."""
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+")
_FAILED_WORDS = frozenset({"error", "errored", "fail", "failed", "failure", "exception", "crashed"})


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key of the data and its value, shortened to a line. `key` is "" for data that is not an object."""

    key: str
    kind: str
    text: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event as a row shows it, with its first tags and the first `pairs` of its data."""

    event: Event
    failed: bool
    pairs: tuple[KeyValue, ...]
    tags: tuple[str, ...] = ()
    more_tags: int = 0


def line(event: Event) -> EventLine:
    """Return the line of an event."""
    data = loads(event.data)
    row_names = {event.agent, event.type.rpartition(".")[2], event.stream}
    pairs = tuple(_key_values(data, row_names=row_names))
    tags = tuple(event.tags or ())
    return EventLine(
        event=event,
        failed=names_failure(event.type) or any(pair.bad for pair in pairs),
        pairs=pairs,
        tags=tags[:_MAX_TAGS],
        more_tags=len(tags[_MAX_TAGS:]),
    )


@lru_cache(maxsize=4_096)
def names_failure(type_name: str) -> bool:
    """Whether the words of a type say that something failed."""
    return not _FAILED_WORDS.isdisjoint(word.lower() for word in _WORD.findall(type_name))


def _key_values(data: Any, *, row_names: Collection[str | None]) -> Iterator[KeyValue]:
    """Yield the first pairs of the data. A value that is also one of `row_names`, which the row shows, comes last."""
    if not isinstance(data, dict):
        yield KeyValue("", kind_of(data), _text(data))
        return
    first = islice(data, _MAX_RANKED_KEYS)
    ranked = [key for key in _FIRST_KEYS if key in data] + [key for key in first if key not in _FIRST_KEYS]
    ranked = [key for key in ranked if not _is_empty(data[key])] or ranked
    ranked.sort(key=lambda key: key in _LAST_KEYS or (isinstance(data[key], str) and data[key] in row_names))
    for key in ranked[:_MAX_PAIRS]:
        value = _name_in(data[key])
        yield KeyValue(visible(key), kind_of(value), _text(value), _tells_failure(key, value))


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", {}, [])


def _name_in(value: Any) -> Any:
    """Return the name of an object, or the only value in it; any other value stays as it is."""
    if not isinstance(value, dict):
        return value
    names = [value[key] for key in _NAME_KEYS if key in value] or (list(value.values()) if len(value) == 1 else [])
    return next((name for name in names if name and isinstance(name, str | int) and name is not True), value)


def _tells_failure(key: str, value: Any) -> bool:
    if key == "exit_code":
        return bool(value) and not isinstance(value, bool)
    return (key == "error" and bool(value)) or (key == "status" and value in ("error", "failed"))


def _text(value: Any) -> str:
    return quoted(value, _MAX_CHARACTERS) if isinstance(value, str) else brief(value)
