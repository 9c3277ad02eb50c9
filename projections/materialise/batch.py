"""A batch of events, folded into the states of their keys in memory: a busy key is written once. Pure."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

from projections.definition.projection import Decoded, Policy, Projection
from projections.values import exact_json
from projections.values.change import Json

PLACES_IN_A_ROW = 128
"""A full row takes a kilobyte. Positions that do not fill a row yet are rewritten with the state."""


@dataclass(slots=True)
class KeyState:
    """The state of a key, with the number of its events and the position of the last one.

    `places` are the positions of the events that are not in a full row of places yet; None: they are not noted.
    """

    state: Json
    events: int
    position: int
    places: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An event for which a reducer raised. `key` is None if the event's keys are not known."""

    position: int
    key: str | None
    error: str
    traceback: str

    @classmethod
    def of(cls, error: Exception, position: int, key: str | None) -> Self:
        text = "".join(traceback.format_exception(error))
        return cls(position, key, _storable(f"{type(error).__name__}: {error}", 2_000), _storable(text, 20_000))


def _storable(text: str, max_characters: int) -> str:
    """Return the text of an error in a form that Postgres can keep.

    An error may quote an event or a state, with a NUL, a lone surrogate, or a megabyte of text.
    """
    text = text.replace("\0", "\\0").encode(errors="backslashreplace").decode()
    return text if len(text) <= max_characters else f"{text[: max_characters // 2]} … {text[-max_characters // 2 :]}"


Load: TypeAlias = Callable[[Collection[str]], tuple[dict[str, KeyState], set[str]]]
"""Returns the states of some keys before the batch, and the parked ones of these keys."""


class Batch:
    """Folds events, in order, into the states of their keys. The policy decides about an event whose reducer raises.

    `stop`: the batch ends before that event. `skip`: the batch leaves that event out. `park`: the key for which the
    reducer raised keeps its state and gets no more events; the other keys of the event go on. If `room` keys are parked
    already, the batch stops at the next failure: if the reducer raises for so many keys, its code is at fault, not an
    event.

    With `only`, the events count for that key alone. A state is checked when it becomes text, after the last event. A
    batch of one event, or for one key, checks the state after each event: a caller that met `NotAState` uses such a
    batch to find the event.
    """

    def __init__(
        self,
        projection: Projection,
        *,
        policy: Policy,
        room: int | None = None,
        with_places: bool = False,
        only: str | None = None,
    ) -> None:
        self.states: dict[str, KeyState] = {}
        """The states that changed."""
        self.parked: dict[str, Failure] = {}
        self.full_places: list[tuple[str, list[int]]] = []
        """Full rows of places: a key, and the positions of `PLACES_IN_A_ROW` of its events."""
        self.skipped = 0
        self.unkeyed = 0
        """The number of values that the events gave as keys and that can't be keys."""
        self.unkeyed_position: int | None = None
        """The position of the last event that gave such a value."""
        self.failure: Failure | None = None
        """The last failure."""
        self.stopped_at: int | None = None
        """The position of the event before which the batch ended."""
        self._projection = projection
        self._policy = policy
        self._room = room
        self._with_places = with_places
        self._only = only
        self._key_states: dict[str, KeyState] = {}
        self._parked_keys: set[str] = set()
        self._checks_each_event = False

    def fold(self, events: Sequence[Decoded], load: Load) -> None:
        self._checks_each_event = len(events) == 1 or self._only is not None
        events_with_keys = list(self._with_keys(events))
        self._key_states, self._parked_keys = load({key for _, keys, _ in events_with_keys for key in keys})
        for happened, keys, unkeyed in events_with_keys:
            try:
                self._apply(happened, keys)
            except _Failed as failed:
                if self.leave_out(failed.failure):
                    return
            if unkeyed:
                self.unkeyed += unkeyed
                self.unkeyed_position = happened.event.position

    def _with_keys(self, events: Iterable[Decoded]) -> Iterator[tuple[Decoded, tuple[str, ...], int]]:
        """Yield the events with their keys, and the number of values of each that can't be keys."""
        for happened in events:
            if not self._projection.admits(happened.event):
                continue
            try:
                keys, unkeyed = self._projection.key.sorted_out(happened)
            except Exception as error:
                # An event without a key can't park one: under that policy, too, it is left out.
                if self.leave_out(Failure.of(error, happened.event.position, None)):
                    return
            else:
                own_keys = keys if self._only is None else tuple(key for key in keys if key == self._only)
                yield happened, own_keys, unkeyed

    def _apply(self, happened: Decoded, keys: tuple[str, ...]) -> None:
        """Fold one event into all of its keys, or into none."""
        new_states = []
        for key in keys:
            if key in self._parked_keys:
                continue
            try:
                new_states.append((key, self._reduced(key, happened)))
            except Exception as error:
                failure = Failure.of(error, happened.event.position, key)
                if self._policy == "park" and len(self.parked) == self._room:
                    self._policy = "stop"
                    failure = replace(failure, error=f"Too many keys are parked for one more: {failure.error}")
                if self._policy != "park":
                    raise _Failed(failure) from None
                self.parked[key] = self.failure = failure
                self._parked_keys.add(key)
        for key, state in new_states:
            self._put(key, state, happened.event.position)

    def _reduced(self, key: str, happened: Decoded) -> Json:
        before = self._key_states.get(key)
        state = self._projection.reduce(self._projection.initial if before is None else before.state, happened)
        if self._checks_each_event:
            exact_json.dumps(state)
        return state

    def _put(self, key: str, state: Json, position: int) -> None:
        key_state = self._key_states.get(key)
        if key_state is None:
            key_state = self._key_states[key] = KeyState(state, 1, position, [] if self._with_places else None)
        else:
            key_state.state, key_state.position = state, position
            key_state.events += 1
        self.states[key] = key_state
        if key_state.places is not None:
            key_state.places.append(position)
            if len(key_state.places) == PLACES_IN_A_ROW:
                self.full_places.append((key, key_state.places))
                key_state.places = []

    def leave_out(self, failure: Failure) -> bool:
        """Note an event that is left out; return True if the batch ends before it."""
        self.failure = failure
        if self._policy == "stop":
            self.stopped_at = failure.position
            return True
        self.skipped += 1
        return False


class _Failed(Exception):
    def __init__(self, failure: Failure) -> None:
        self.failure = failure
