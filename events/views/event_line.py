"""An event on one line: the few keys of its data that tell most."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from events.json.value import kind_of, loads, visible
from events.types import Event
from events.views.row_text import KeyValue, name_in, pair, value_text
from events.views.run_words import run_words

_MAX_PAIRS = 4
_MAX_RANKED_KEYS = 100
"""Later keys are not ranked: there may be ninety thousand, in each of a hundred rows."""
_MAX_TAGS = 3
# These keys come first, in this order; the others follow in the order in which they were sent.
_FIRST_KEYS = (
    "error", "exit_code", "status", "reason", "name", "tool", "command", "action", "target", "title", "ref",
    "summary", "message", "content", "text", "result", "output", "amount",
)  # fmt: skip
# These keys come last: the envelope has their content, or they tell a person nothing.
_LAST_KEYS = frozenset({"id", "timestamp", "role", "source", "type", "cause"})
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+")
_FAILED_WORDS = frozenset({"error", "errored", "fail", "failed", "failure", "exception", "crashed"})


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event as a row shows it, with its first tags and what `pairs` say of its data."""

    event: Event
    failed: bool
    pairs: tuple[KeyValue, ...]
    tags: tuple[str, ...] = ()
    more_tags: int = 0


def line(event: Event) -> EventLine:
    """Return the line of an event."""
    data = loads(event.data)
    pairs = tuple(_key_values(event, data))
    tags = tuple(event.tags or ())
    return EventLine(
        event=event,
        failed=names_failure(event.type) or any(one.bad for one in pairs),
        pairs=pairs,
        tags=tags[:_MAX_TAGS],
        more_tags=len(tags[_MAX_TAGS:]),
    )


@lru_cache(maxsize=4_096)
def names_failure(type_name: str) -> bool:
    """Whether the words of a type say that something failed."""
    return not _FAILED_WORDS.isdisjoint(word.lower() for word in _WORD.findall(type_name))


def _key_values(event: Event, data: Any) -> Iterator[KeyValue]:
    """Yield what a row says of the data: the words of a run's event, then the first other keys, then the facts."""
    if not isinstance(data, dict):
        yield KeyValue("", kind_of(data), value_text(data))
        return
    row_names = {event.agent, event.type.rpartition(".")[2], event.stream}
    words = run_words(event.type, data, row_names)
    if words is None:
        yield from _first_pairs(data, row_names, _MAX_PAIRS)
        return
    yield from words.first
    yield from _first_pairs(data, row_names, _MAX_PAIRS - len(words.first), told=words.told)
    yield from words.facts


def _first_pairs(
    data: dict[str, Any], row_names: Collection[str | None], most: int, *, told: Collection[str] = ()
) -> Iterator[KeyValue]:
    """Yield the first pairs of the data. A value that is also one of `row_names`, which the row shows, comes last."""
    first = islice(data, _MAX_RANKED_KEYS)
    ranked = [key for key in _FIRST_KEYS if key in data] + [key for key in first if key not in _FIRST_KEYS]
    ranked = [key for key in ranked if not _is_empty(data[key])] or ranked
    ranked = [key for key in ranked if key not in told]
    ranked.sort(key=lambda key: key in _LAST_KEYS or (isinstance(data[key], str) and data[key] in row_names))
    for key in ranked[: max(1, most)]:
        bad = _tells_failure(key, name_in(data[key]))
        yield pair(visible(key), data[key], bad=bad)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", {}, [])


def _tells_failure(key: str, value: Any) -> bool:
    if key == "exit_code":
        return bool(value) and not isinstance(value, bool)
    return (key == "error" and bool(value)) or (key == "status" and value in ("error", "failed"))
