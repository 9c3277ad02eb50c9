"""Helpers for tests of projections: short events, a comparison of states, and a proof that a projection is pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from events.types import Event
from projections.definition.fold import fold
from projections.definition.projection import Decoded, Projection, decode
from projections.values.change import Json
from projections.values.diff import diff
from projections.values.exact_json import dumps, loads

_CHUNK_EVENTS = (1, 2, 3, 7)
_TEMPLATE = Event(
    position=1,
    stream="test-1",
    version=1,
    id="1",
    type="",
    data="null",
    metadata="{}",
    agent=None,
    schema_version=1,
    correlation_id=None,
    causation_id=None,
    occurred_at=None,
    recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def event(type: str, data: Json = None, *, version: int = 1, **fields: Any) -> Event:
    """Return the event at a version, and the same position, of the stream `test-1`. `fields` are those of `Event`."""
    values = {"version": version, "position": version, "id": str(version), **fields}
    return msgspec.structs.replace(_TEMPLATE, type=type, data=dumps(data), **values)


def assert_folds(projection: Projection, events: Sequence[Event], *, given: Json, expected: Json) -> None:
    """Fold events from the state `given` on, and compare the state with the expected one, digit by digit.

    Raises:
        AssertionError: the two states differ at the JSON Pointers of the message.
        ReducerFailed: a handler raised.
    """
    state = fold(projection, map(decode, events), given)
    places = [change.path or "all of it" for change in diff(expected, state)]
    assert not places, f"The state is not the expected one: {', '.join(places)}."


def assert_pure(projection: Projection, events: Sequence[Event]) -> Json:
    """Prove on some events that a projection's state depends on nothing else, and return the state.

    The events are folded twice, and then with interruptions: after each event, each second, third and seventh, where
    the state is kept as text. All resulting texts must be the same, byte for byte. No handler may change the state or
    the data that it is given. The events count as those of one key.

    Raises:
        AssertionError: the states differ, or a handler changed a value; the message names the place or the event.
        NotAState: a handler returned a value that is not JSON.
    """
    initial = dumps(projection.initial)
    whole = _folded_in_chunks(projection, events, initial, every=len(events) or 1)
    _check_same(whole, _folded_in_chunks(projection, events, initial, every=len(events) or 1), "when folded again")
    for every in _CHUNK_EVENTS:
        _check_same(
            whole, _folded_in_chunks(projection, events, initial, every=every), f"when interrupted every {every} events"
        )
    _check_nothing_changed(projection, map(decode, events), loads(initial))
    return loads(whole)  # type: ignore[no-any-return]


def _folded_in_chunks(projection: Projection, events: Sequence[Event], state: str, *, every: int) -> str:
    for first in range(0, len(events), every):
        state = dumps(fold(projection, map(decode, events[first : first + every]), loads(state)))
    return state


def _check_same(left: str, right: str, circumstance: str) -> None:
    if left == right:
        return
    places = [change.path or "all of it" for change in diff(loads(left), loads(right))]
    raise AssertionError(
        f"The state is different {circumstance}: {', '.join(places) or 'the order of its keys, or digits'}."
    )


def _check_nothing_changed(projection: Projection, events: Any, state: Json) -> None:
    for happened in events:
        texts = dumps(state), dumps(happened.data)
        after = fold(projection, [happened], state)
        for name, before, now in zip(("state", "data"), texts, (state, happened.data), strict=True):
            if dumps(now) != before:
                raise AssertionError(f"The handler of {_event_words(happened)} changed the {name} that it was given.")
        state = after


def _event_words(happened: Decoded) -> str:
    return f"{happened.type} (version {happened.version})"
