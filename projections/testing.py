"""For tests of projections: events out of little, and a proof that a projection is pure."""

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

_CHUNKS = (1, 2, 3, 7)
_FIRST = Event(
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
    """The event at a version of stream `test-1`; its position is the same. `fields` are those of `Event`."""
    values = {"version": version, "position": version, "id": str(version), **fields}
    return msgspec.structs.replace(_FIRST, type=type, data=dumps(data), **values)


def assert_folds(projection: Projection, events: Sequence[Event], *, given: Json, expected: Json) -> None:
    """Fold events from the state `given` on, and compare the state with the expected one, digit by digit.

    Raises:
        AssertionError: with the JSON Pointers at which the two states differ.
        ReducerFailed: a handler raised.
    """
    state = fold(projection, map(decode, events), given)
    places = [change.path or "all of it" for change in diff(expected, state)]
    assert not places, f"The state is not the expected one: {', '.join(places)}."


def assert_pure(projection: Projection, events: Sequence[Event]) -> Json:
    """Prove on these events that a projection's state depends on nothing but them, and return the state.

    They are folded twice, and interrupted after each event, each second, third and seventh, the state being kept as a
    text meanwhile; the texts must be the same, byte for byte. No handler may change the state or the data that it was
    given. The events are taken as those of one key.

    Raises:
        AssertionError: with the place in the state, or the event whose handler did it.
        NotAState: a handler returned what is no JSON value.
    """
    initial = dumps(projection.initial)
    whole = _interrupted(projection, events, initial, every=len(events) or 1)
    _same(whole, _interrupted(projection, events, initial, every=len(events) or 1), "when folded again")
    for every in _CHUNKS:
        _same(whole, _interrupted(projection, events, initial, every=every), f"when interrupted every {every} events")
    _nothing_given_is_changed(projection, map(decode, events), loads(initial))
    return loads(whole)  # type: ignore[no-any-return]


def _interrupted(projection: Projection, events: Sequence[Event], state: str, *, every: int) -> str:
    for first in range(0, len(events), every):
        state = dumps(fold(projection, map(decode, events[first : first + every]), loads(state)))
    return state


def _same(one: str, other: str, when: str) -> None:
    if one == other:
        return
    places = [change.path or "all of it" for change in diff(loads(one), loads(other))]
    raise AssertionError(f"The state is another {when}: {', '.join(places) or 'the order of its keys, or digits'}.")


def _nothing_given_is_changed(projection: Projection, events: Any, state: Json) -> None:
    for happened in events:
        given = dumps(state), dumps(happened.data)
        after = fold(projection, [happened], state)
        for what, before, now in zip(("state", "data"), given, (state, happened.data), strict=True):
            if dumps(now) != before:
                raise AssertionError(f"The handler of {_called(happened)} changed the {what} that it was given.")
        state = after


def _called(happened: Decoded) -> str:
    return f"{happened.type} (version {happened.version})"
