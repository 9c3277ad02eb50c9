"""The plan of the next flush: the waiting appends that go into it, and the answers of the others.

Pure: no I/O, no clock. `plan()` goes through the requests in order. Without knowledge of the log it is optimistic: it
takes every append whose conditions don't contradict another's, and `append_events()` may refuse the flush as a whole.
Then the writer makes a `LookUp` in the log, and the plan is made again with it: replays and conflicts get their
answers, and the others are tried again.

An append that depends on an earlier one of the same flush is never answered by a guess: its request waits for the next
flush, when the outcome of the first one is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from events.commitment import salted
from events.errors import EventsError, IdConflict, KeyReused, WrongExpectedVersion
from events.types import STREAM_EXISTS, Append, Appended, NewEvent

Outcome = Appended | EventsError


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """The place of an event whose id is known, with what is left to compare: a redacted event has no digest."""

    position: int
    version: int
    stream: str
    type: str
    salt: bytes | None
    digest: bytes | None

    def is_same(self, stream: str, event: NewEvent) -> bool:
        """Whether a new event has the same content. After a redaction, stream and type decide: nothing else is left."""
        if self.salt is None:
            return (self.stream, self.type) == (stream, event.type)
        return self.digest == salted(self.salt, event.digest)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """The append of a known idempotency key. Its fingerprint is gone if one of its events was redacted."""

    stream: str
    salt: bytes | None
    fingerprint: bytes | None
    ids: Sequence[str]
    events: Sequence[KnownEvent]

    def is_same(self, append: Append) -> bool:
        """Whether an append has the same content; after a redaction, each event that is left decides."""
        if self.salt is not None and append.fingerprint is not None:
            return self.fingerprint == salted(self.salt, append.fingerprint)
        return (self.stream, len(self.events)) == (append.stream, len(append.events)) and all(
            known_event.is_same(append.stream, event)
            for known_event, event in zip(self.events, append.events, strict=True)
        )


@dataclass(slots=True)
class LookUp:
    """The result of one look-up in the log: versions of streams (absent: 0), events by id, keys."""

    versions: dict[str, int] = field(default_factory=dict)
    events: dict[str, KnownEvent] = field(default_factory=dict)
    keys: dict[str, KnownKey] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Request:
    """Appends of one caller, and the outcome of each: None while it waits."""

    appends: Sequence[Append]
    atomic: bool = False
    in_doubt: bool = False
    """A flush with this request may or may not have been committed."""
    outcomes: list[Outcome | None] = field(init=False)

    def __post_init__(self) -> None:
        self.outcomes = [None] * len(self.appends)

    def fail(self, error: EventsError) -> None:
        """Give this error to every append that still waits."""
        self.outcomes = [error if outcome is None else outcome for outcome in self.outcomes]

    @property
    def is_done(self) -> bool:
        return None not in self.outcomes


@dataclass(slots=True)
class _StreamPlan:
    """The version that a stream must have before the flush (None: any), and the number of events that it gets."""

    needed_version: int | None = None
    count: int = 0


@dataclass(slots=True)
class Plan:
    """The appends of one flush, in order, and their conditions on each stream."""

    accepted: list[tuple[Request, int]] = field(default_factory=list)
    """Each append as its request and its index there."""
    streams: dict[str, _StreamPlan] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


class _Later(Exception):
    """The append depends on one that is planned but not written."""


def plan(requests: Sequence[Request], look_up: LookUp | None = None) -> Plan:
    """Plan one flush; an append that can be answered already gets its outcome on the request."""
    flush = Plan()
    for request in requests:
        if request.atomic:
            _plan_atomic(flush, request, look_up)
        else:
            _plan_one_by_one(flush, request, look_up)
    return flush


def _plan_one_by_one(flush: Plan, request: Request, look_up: LookUp | None) -> None:
    """Take or answer each append. If one must wait, the later ones wait too, so that they keep their order."""
    for index, append in enumerate(request.appends):
        if request.outcomes[index] is not None:
            continue
        try:
            _wait_for_planned(flush, append)
            answer = _answer(append, look_up, request) if look_up else None
            if answer is None:
                _take(flush, append, look_up)
                flush.accepted.append((request, index))
            request.outcomes[index] = answer
        except _Later:
            return
        except EventsError as error:
            request.outcomes[index] = error


def _plan_atomic(flush: Plan, request: Request, look_up: LookUp | None) -> None:
    """Take all appends or none: first into a copy of the flush, then into the flush."""
    try:
        _refuse_repeats(request.appends)
        for append in request.appends:
            _wait_for_planned(flush, append)
        answers = [_answer(append, look_up, request) if look_up else None for append in request.appends]
        new_appends = [append for append, answer in zip(request.appends, answers, strict=True) if answer is None]
        if not new_appends:
            request.outcomes = list(answers)
            return
        if len(new_appends) < len(answers):
            raise IdConflict("Some of these appends are in the log already, others are not.")
        trial = Plan(
            streams={name: _StreamPlan(s.needed_version, s.count) for name, s in flush.streams.items()},
            ids=set(flush.ids),
            keys=set(flush.keys),
        )
        for append in request.appends:
            _take(trial, append, look_up, own=_events_before(request.appends, append))
    except _Later:
        return
    except EventsError as error:
        request.fail(error)
        return
    flush.streams, flush.ids, flush.keys = trial.streams, trial.ids, trial.keys
    flush.accepted.extend((request, index) for index in range(len(request.appends)))


def _events_before(appends: Sequence[Append], upto: Append) -> int:
    """Return how many events the request itself adds to this append's stream before it."""
    count = 0
    for append in appends:
        if append is upto:
            break
        count += len(append.events) if append.stream == upto.stream else 0
    return count


def _refuse_repeats(appends: Sequence[Append]) -> None:
    ids = [event.id for append in appends for event in append.events]
    keys = [append.idempotency_key for append in appends if append.idempotency_key is not None]
    if len(set(ids)) < len(ids):
        raise IdConflict("The same id is in two of these appends.")
    if len(set(keys)) < len(keys):
        raise KeyReused("The same idempotency key is in two of these appends.")


def _wait_for_planned(flush: Plan, append: Append) -> None:
    """Raise `_Later` for an append that repeats an id or a key of this flush, which must be written first."""
    if append.idempotency_key in flush.keys or not flush.ids.isdisjoint(event.id for event in append.events):
        raise _Later


def _answer(append: Append, look_up: LookUp, request: Request) -> Outcome | None:
    """Return the answer of an append that the log knows already; None if it is new."""
    if append.idempotency_key in look_up.keys:
        return _answer_by_key(append, look_up.keys[append.idempotency_key], request)
    matches = [look_up.events.get(event.id) for event in append.events]
    known_events = [event for event in matches if event is not None]
    if not known_events:
        return None
    is_same = len(known_events) == len(matches) and all(
        known_event.is_same(append.stream, event)
        for known_event, event in zip(known_events, append.events, strict=True)
    )
    is_in_order = all((b.position, b.version) == (a.position + 1, a.version + 1) for a, b in pairwise(known_events))
    if not is_same or not is_in_order:
        known_ids = [event.id for event, match in zip(append.events, matches, strict=True) if match is not None]
        raise IdConflict(f"In the log already, with other content, in another order or in part: {known_ids[0]}.")
    return Appended(
        stream=append.stream,
        ids=[event.id for event in append.events],
        first_position=known_events[0].position,
        first_version=known_events[0].version,
        replayed=not request.in_doubt,
    )


def _answer_by_key(append: Append, key: KnownKey, request: Request) -> Outcome:
    first = key.events[0]
    if not key.is_same(append):
        raise KeyReused(first_position=first.position)
    return Appended(
        stream=key.stream,
        ids=key.ids,
        first_position=first.position,
        first_version=first.version,
        replayed=not request.in_doubt,
    )


def _take(flush: Plan, append: Append, look_up: LookUp | None, *, own: int = 0) -> None:
    """Put an append into the flush, or raise.

    `own` is the number of events before it in the same atomic request: all are written together, or none.
    """
    stream = flush.streams.get(append.stream) or _StreamPlan()
    base = look_up.versions.get(append.stream, 0) if look_up else None
    stream.needed_version = _needed_version(append, stream, base, own=own)
    stream.count += len(append.events)
    flush.streams[append.stream] = stream
    flush.ids.update(event.id for event in append.events)
    if append.idempotency_key is not None:
        flush.keys.add(append.idempotency_key)


def _needed_version(append: Append, stream: _StreamPlan, base: int | None, *, own: int) -> int | None:
    """Return the version that the stream must have before a flush with this append; None if it may have any."""
    expected = append.expected_version
    if expected is None or (expected == STREAM_EXISTS and stream.count > 0):
        return stream.needed_version
    if base is not None:
        current = base + stream.count
        if not (current > 0 if expected == STREAM_EXISTS else current == expected):
            if stream.count > own:
                raise _Later
            raise WrongExpectedVersion(
                f"{append.stream!r} is at version {current}.", expected_version=expected, current_version=current
            )
    if expected == STREAM_EXISTS:
        return STREAM_EXISTS
    version, earlier = expected - stream.count, stream.needed_version
    # Below 0, no version of the stream can meet both conditions.
    if version >= 0 and (earlier in (None, version) or (earlier == STREAM_EXISTS and version > 0)):
        return version
    raise _Later
