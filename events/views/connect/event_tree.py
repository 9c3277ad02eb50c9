"""The events of a run that were appended as they happened, as a small tree. Pure.

Adapters tell the start and the end of a part by two events, whose ids are `…:start` and `…:end`. What has a start as
its cause stands below that part; any other event stands beside its cause.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from events.json.value import loads
from events.types import Event
from events.views.connect.tree import Key, Part, Tree, name_in, tree_of
from events.views.event_line import names_failure

_START, _END = ":start", ":end"
_STARTS = (".started", ".called")
_MOST_MILLISECONDS = 7 * 24 * 3_600 * 1_000
"""A week: a longer time is none that anybody watches here."""


def event_tree(events: Sequence[Event]) -> Tree:
    """Return the tree of the events of a run, oldest first."""
    parts: dict[Key, Part] = {}
    part_of: dict[str, Key] = {}
    """The keys of the parts to which events belong, by the ids of the events."""
    for event in events:
        is_end = event.id.endswith(_END)
        key = event.stream, event.id.removesuffix(_END) + _START if is_end else event.id
        part_of[event.id] = key
        if key not in parts:
            parts[key] = _part(event, key, _parent(event, parts, part_of))
        elif is_end:
            parts[key] = replace(parts[key], ended=_time(event), type=event.type, is_error=names_failure(event.type))
    return tree_of([*parts.values()])


def _parent(event: Event, parts: Mapping[Key, Part], part_of: Mapping[str, Key]) -> Key | None:
    """Return the part in which an event happened. Who takes over stands beside the agent that handed over."""
    cause = event.causation_id or ""
    if cause not in part_of or part_of[cause] not in parts:  # it is no event of the run, or the event itself
        return None
    part = parts[part_of[cause]]
    if part.type == "task.delegated" and part.parent is not None:
        return parts[part.parent].parent
    return part.key if cause.endswith(_START) and part.type != "task.delegated" else part.parent


def _part(event: Event, key: Key, parent: Key | None) -> Part:
    data = loads(event.data)
    is_start = event.id.endswith(_START) and event.type.endswith(_STARTS)
    at = _time(event)
    return Part(
        key=key,
        parent=parent,
        started=at - (0 if is_start else _duration(data)),
        ended=None if is_start else at,
        name=name_in(data) or event.type,
        type=event.type,
        is_error=names_failure(event.type),
    )


def _time(event: Event) -> int:
    return round(event.at.timestamp() * 1_000_000) * 1_000


def _duration(data: Any) -> int:
    """Return how long something took in nanoseconds, as far as its only event says so."""
    milliseconds = data.get("duration_ms") if isinstance(data, dict) else None
    if not isinstance(milliseconds, int | Decimal) or not 0 <= milliseconds <= _MOST_MILLISECONDS:
        return 0
    return round(milliseconds * 1_000_000)
