"""A log in memory that does one append after the other: the real log must agree with it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import msgspec

from events.appending.plan import KnownEvent, KnownKey, LookUp
from events.commitment import salted
from events.errors import ConditionFailed, EventsError, IdConflict, KeyReused, WrongExpectedVersion
from events.query.match import event_matcher
from events.system_streams import REDACTIONS
from events.types import REDACTED, STREAM_EXISTS, Append, Appended, Event
from tests.support.factories import make_append

Outcome = Appended | EventsError
_SALT = b"0123456789abcdef"


@dataclass
class MemoryLog:
    """A log whose state is what `look_up()` finds in a real one, and its events."""

    look_up: LookUp = field(default_factory=LookUp)
    events: list[Event] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.events]

    def append(self, appends: Sequence[Append], *, atomic: bool = False) -> list[Outcome]:
        return self._append_atomically(appends) if atomic else [self._outcome(append) for append in appends]

    def _outcome(self, append: Append) -> Outcome:
        try:
            if replay := self.replay(append):
                return replay
            self._check_version(append)
            self.check_conditions(append)
            return self._write(append)
        except EventsError as error:
            return error

    def _append_atomically(self, appends: Sequence[Append]) -> list[Outcome]:
        trial = deepcopy(self)
        try:
            refuse_repeats(appends)
            replays = [replay for append in appends if (replay := self.replay(append))]
            if replays and len(replays) < len(appends):
                raise IdConflict
            outcomes = replays or [trial._write_at_its_version(append) for append in appends]
            if not replays:
                for append in appends:
                    self.check_conditions(append)  # they don't see the group's own events
        except EventsError as error:
            return [error] * len(appends)
        self.look_up, self.events = trial.look_up, trial.events
        return list(outcomes)

    def redact(self, position: int, marker_id: str) -> None:
        """Empty an event, and append the event that says so."""
        event = self.events[position - 1]
        self.events[position - 1] = msgspec.structs.replace(event, data="null", metadata="{}")
        emptied = replace(self.look_up.events[event.id], salt=None, digest=None)
        self.look_up.events[event.id] = emptied
        for name, key in self.look_up.keys.items():
            if event.id in key.ids:
                events = [emptied if known.position == position else known for known in key.events]
                self.look_up.keys[name] = replace(key, salt=None, fingerprint=None, events=events)
        self._write(make_append(REDACTIONS, {"id": marker_id, "type": REDACTED, "causation_id": event.id}))

    def replay(self, append: Append) -> Appended | None:
        """The place of an append that is already in the log. Raises if only some of its ids, or only its key, are."""
        if key := self.look_up.keys.get(append.idempotency_key or ""):
            if not key.is_same(append):
                raise KeyReused
            first = key.events[0]
            return Appended(key.stream, key.ids, first.position, first.version, replayed=True)
        there = [self.look_up.events[event.id] for event in append.events if event.id in self.look_up.events]
        if not there:
            return None
        positions = [event.position for event in there]
        is_same = len(there) == len(append.events) and all(
            known.is_same(append.stream, event) for known, event in zip(there, append.events, strict=True)
        )
        if not is_same or positions != [*range(positions[0], positions[0] + len(append.events))]:
            raise IdConflict
        ids = [event.id for event in append.events]
        return Appended(append.stream, ids, positions[0], there[0].version, replayed=True)

    def _write_at_its_version(self, append: Append) -> Appended:
        self._check_version(append)
        return self._write(append)

    def _check_version(self, append: Append) -> None:
        current = self.look_up.versions.get(append.stream, 0)
        expected = append.expected_version
        met = expected is None or (current > 0 if expected == STREAM_EXISTS else current == expected)
        if not met:
            raise WrongExpectedVersion(expected_version=expected, current_version=current)

    def check_conditions(self, append: Append) -> None:
        standing = [
            (event.position, condition)
            for condition in append.guards
            for event in self.events[condition.none_after :]
            if event_matcher(condition.query)(event)
        ]
        if standing:
            position, condition = min(standing, key=lambda pair: pair[0])
            raise ConditionFailed(none_after=condition.none_after, event={"position": position})

    def _write(self, append: Append) -> Appended:
        current = self.look_up.versions.get(append.stream, 0)
        first = len(self.events) + 1
        for place, event in enumerate(append.events):
            self.look_up.events[event.id] = KnownEvent(
                first + place, current + 1 + place, append.stream, event.type, _SALT, salted(_SALT, event.digest)
            )
            place_in_log = {"position": first + place, "version": current + 1 + place}
            self.events.append(event.recorded(append.stream, **place_in_log, recorded_at=datetime.now(UTC)))
        self.look_up.versions[append.stream] = current + len(append.events)
        ids = [event.id for event in append.events]
        if append.idempotency_key is not None and append.fingerprint is not None:
            events = [self.look_up.events[id] for id in ids]
            key = KnownKey(append.stream, _SALT, salted(_SALT, append.fingerprint), ids, events)
            self.look_up.keys[append.idempotency_key] = key
        return Appended(append.stream, ids, first, current + 1)


def refuse_repeats(appends: Sequence[Append]) -> None:
    """An atomic group may not repeat an id or a key within itself, whatever the log holds."""
    ids = [event.id for append in appends for event in append.events]
    keys = [append.idempotency_key for append in appends if append.idempotency_key is not None]
    if len(ids) > len(set(ids)):
        raise IdConflict
    if len(keys) > len(set(keys)):
        raise KeyReused


def visible_parts(outcome: Outcome | None) -> object:
    """The parts of an outcome that a caller can see, for comparison."""
    if isinstance(outcome, WrongExpectedVersion):
        return outcome.code, outcome.fields["expected_version"], outcome.fields["current_version"]
    if isinstance(outcome, ConditionFailed):
        return outcome.code, outcome.fields["event"]["position"]
    return outcome.code if isinstance(outcome, EventsError) else outcome
