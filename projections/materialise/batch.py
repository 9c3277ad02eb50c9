"""A batch of events into the states of their keys, in memory: a busy key is folded often and written once. Pure."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

from projections.definition.projection import Decoded, Policy, Projection
from projections.values import exact_json
from projections.values.change import Json

PLACES_IN_A_ROW = 128
"""A kilobyte: what stands in no full row yet is rewritten with the state."""


@dataclass(slots=True)
class KeyState:
    """The state of a key, with the number of its events and the position of the last one.

    `places` are the positions of the events that are in no full row of places yet; None: they are not noted.
    """

    state: Json
    events: int
    position: int
    places: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An event that a reducer raised for. `key` is None where the event's keys could not be told."""

    position: int
    key: str | None
    error: str
    traceback: str

    @classmethod
    def of(cls, error: Exception, position: int, key: str | None) -> Self:
        text = "".join(traceback.format_exception(error))
        return cls(position, key, _kept(f"{type(error).__name__}: {error}", 2_000), _kept(text, 20_000))


def _kept(text: str, most: int) -> str:
    """Return the text of an error in a form that Postgres can keep.

    An error may quote an event or a state, with a NUL, a lone surrogate, or a megabyte of text.
    """
    text = text.replace("\0", "\\0").encode(errors="backslashreplace").decode()
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


Load: TypeAlias = Callable[[Collection[str]], tuple[dict[str, KeyState], set[str]]]
"""The states that keys have so far, and which of the keys are parked."""


class Batch:
    """Folds events, in order, into the states of their keys; what fails is treated by the policy.

    `stop`: nothing of the failing event, nor of any after it, is in the result. `skip`: nothing of the failing event.
    `park`: its key stays as it was before it, and gets no more events; its other keys go on. Where `room` keys are
    parked, the next failure stops: what fails for so many keys is the code's fault, not an event's.

    With `only`, the events count for that key alone. Whether a state is one is seen when it becomes text, after the
    last event. A batch of one event, or for one key, looks at once: who met `NotAState` finds the event that way.
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
        """Those that changed."""
        self.parked: dict[str, Failure] = {}
        self.full_places: list[tuple[str, list[int]]] = []
        """Keys, and the positions of `PLACES_IN_A_ROW` of their events each, where they are noted."""
        self.skipped = 0
        self.unkeyed = 0
        """How many values that the events gave as keys can't be keys."""
        self.unkeyed_position: int | None = None
        """The position of the last event that gave such a value."""
        self.failure: Failure | None = None
        """The last one."""
        self.stopped_at: int | None = None
        """The position of the event that everything stops before."""
        self._projection = projection
        self._policy = policy
        self._room = room
        self._with_places = with_places
        self._only = only
        self._known: dict[str, KeyState] = {}
        self._idle: set[str] = set()
        self._checked = False

    def fold(self, events: Sequence[Decoded], load: Load) -> None:
        self._checked = len(events) == 1 or self._only is not None
        keyed = list(self._keyed(events))
        self._known, self._idle = load({key for _, keys, _ in keyed for key in keys})
        for happened, keys, unkeyed in keyed:
            try:
                self._apply(happened, keys)
            except _Failed as failed:
                if self.leave_out(failed.failure):
                    return
            if unkeyed:
                self.unkeyed += unkeyed
                self.unkeyed_position = happened.event.position

    def _keyed(self, events: Iterable[Decoded]) -> Iterator[tuple[Decoded, tuple[str, ...], int]]:
        """The events with their keys, and how many values of each can't be keys."""
        for happened in events:
            try:
                keys, unkeyed = self._projection.key.sorted_out(happened)
            except Exception as error:
                # Without a key there is nothing to park: to go on is to leave the event out.
                if self.leave_out(Failure.of(error, happened.event.position, None)):
                    return
            else:
                mine = keys if self._only is None else tuple(key for key in keys if key == self._only)
                yield happened, mine, unkeyed

    def _apply(self, happened: Decoded, keys: tuple[str, ...]) -> None:
        """Fold one event into all of its keys, or into none."""
        new = []
        for key in keys:
            if key in self._idle:
                continue
            try:
                new.append((key, self._reduced(key, happened)))
            except Exception as error:
                failure = Failure.of(error, happened.event.position, key)
                if self._policy == "park" and len(self.parked) == self._room:
                    self._policy = "stop"
                    failure = replace(failure, error=f"Too many keys are parked for one more: {failure.error}")
                if self._policy != "park":
                    raise _Failed(failure) from None
                self.parked[key] = self.failure = failure
                self._idle.add(key)
        for key, state in new:
            self._put(key, state, happened.event.position)

    def _reduced(self, key: str, happened: Decoded) -> Json:
        before = self._known.get(key)
        state = self._projection.reduce(self._projection.initial if before is None else before.state, happened)
        if self._checked:
            exact_json.dumps(state)
        return state

    def _put(self, key: str, state: Json, position: int) -> None:
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = KeyState(state, 1, position, [] if self._with_places else None)
        else:
            known.state, known.position = state, position
            known.events += 1
        self.states[key] = known
        if known.places is not None:
            known.places.append(position)
            if len(known.places) == PLACES_IN_A_ROW:
                self.full_places.append((key, known.places))
                known.places = []

    def leave_out(self, failure: Failure) -> bool:
        """Note an event that is left out; True where everything stops before it."""
        self.failure = failure
        if self._policy == "stop":
            self.stopped_at = failure.position
            return True
        self.skipped += 1
        return False


class _Failed(Exception):
    def __init__(self, failure: Failure) -> None:
        self.failure = failure
