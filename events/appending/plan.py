"""The plan of the next flush: the waiting appends that go into it, and the answers of the others.

An append is judged in this order: is it in the log already, by its ids or its key; has its stream the expected version;
do the log's rules and its own guards allow it?

Pure: no I/O, no clock. `plan()` goes through the requests in order. Without knowledge of the log it is optimistic: it
takes every append whose conditions don't contradict another's, and `append_events()` may refuse the flush as a whole.
Then the writer makes a `LookUp` in the log, and the plan is made again with it: replays and conflicts get their
answers, and the others are tried again.

An append that depends on an earlier one of the same flush is never answered by a guess: its request waits for the next
flush, when the outcome of the first one is known. The events of one atomic request never stand against its own guards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from events.appending.names import LatestNames
from events.commitment import salted
from events.errors import EventsError, IdConflict, KeyReused, WrongExpectedVersion
from events.query.match import Subject
from events.types import STREAM_EXISTS, Append, Appended, NewEvent

Outcome = Appended | EventsError
Refusal = Callable[[Append], EventsError | None]
"""Returns the error of an append that a rule forbids."""
_MAX_COMPARISONS = 20_000
"""Planned events that the guards of one flush are asked about: the others wait for the next flush."""
_MAX_READ_BYTES = 8 * 2**20
"""Bytes of planned events that the guards of one flush read: on the event loop, this many take some 20 ms."""
_MAX_TERMS = 200
"""Terms of the guards of one flush, as the database plans all of them under the log's lock. The others wait, too."""


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


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a log, as they are from the event at `position` on. Other rules may have come since.

    `refusal` returns the error of an append that they forbid.
    """

    position: int = 0
    refusal: Refusal = lambda append: None


@dataclass(slots=True)
class LookUp:
    """The result of one look-up in the log: versions of streams (absent: 0), events by id, keys.

    `rules_at` is the position of the last event that set a rule.
    """

    versions: dict[str, int] = field(default_factory=dict)
    events: dict[str, KnownEvent] = field(default_factory=dict)
    keys: dict[str, KnownKey] = field(default_factory=dict)
    rules_at: int = 0


@dataclass(slots=True, eq=False)
class Request:
    """Appends of one caller, and the outcome of each: None while it waits.

    `needs_check`: before it can go on, the log must be looked at for what stands against its guards.
    """

    appends: Sequence[Append]
    atomic: bool = False
    needs_check: bool = False
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
    claims: set[str] = field(default_factory=set)
    """The names that guards claim for their append alone."""
    sets_rules: bool = False
    """The last append sets a rule: whoever comes after it is planned by that rule."""
    comparisons: int = 0
    """Planned events that guards were asked about."""
    terms: int = 0
    """Terms of guards."""
    read_bytes: int = 0
    """Bytes of planned events that guards have read, counted once for each term that reads them."""

    _names: LatestNames = field(default_factory=LatestNames)
    _named_appends: int = 0
    _subjects: list[Subject] = field(default_factory=list)
    _subject_appends: int = 0
    _subject_bytes: int = 0

    def names(self) -> LatestNames:
        """Return the names of the accepted appends' events."""
        for request, index in self.accepted[self._named_appends :]:
            append = request.appends[index]
            self._names.add(append.stream, append.events)
        self._named_appends = len(self.accepted)
        return self._names

    def subjects(self, reads: int) -> list[Subject]:
        """Return the events of the accepted appends for a guard with so many terms that read payloads.

        Their places and times mean nothing.

        Raises:
            _Later: the guards of this flush would be asked too much.
        """
        for request, index in self.accepted[self._subject_appends :]:
            append = request.appends[index]
            events = [
                event.recorded(append.stream, position=0, version=0, recorded_at=_NO_TIME) for event in append.events
            ]
            self._subjects += map(Subject, events)
            self._subject_bytes += sum(event.size for event in events)
        self._subject_appends = len(self.accepted)
        self.comparisons += len(self._subjects)
        self.read_bytes += reads * self._subject_bytes
        if self.comparisons > _MAX_COMPARISONS or self.read_bytes > _MAX_READ_BYTES:
            raise _Later
        return self._subjects


class _Later(Exception):
    """The append depends on one that is planned but not written."""


_NO_RULES = Rules()
_NO_TIME = datetime.min.replace(tzinfo=UTC)


def plan(requests: Sequence[Request], look_up: LookUp | None = None, rules: Rules = _NO_RULES) -> Plan:
    """Plan one flush; an append that can be answered already gets its outcome on the request."""
    flush = Plan()
    for request in requests:
        if request.atomic:
            _plan_atomic(flush, request, look_up, rules)
        else:
            _plan_one_by_one(flush, request, look_up, rules)
    return flush


def _plan_one_by_one(flush: Plan, request: Request, look_up: LookUp | None, rules: Rules) -> None:
    """Take or answer each append. If one must wait, the later ones wait too, so that they keep their order."""
    for index, append in enumerate(request.appends):
        if request.outcomes[index] is not None:
            continue
        try:
            _wait_for_planned(flush, append)
            answer = _answer(append, look_up, request) if look_up else None
            if answer is None:
                needed_version = _needed_version(flush, append, look_up)
                _ask_guards(flush, append, look_up, rules)
                _take(flush, append, needed_version)
                flush.accepted.append((request, index))
            request.outcomes[index] = answer
        except _Later:
            return
        except EventsError as error:
            request.outcomes[index] = error


def _plan_atomic(flush: Plan, request: Request, look_up: LookUp | None, rules: Rules) -> None:
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
            claims=set(flush.claims),
        )
        for append in request.appends:
            own = _events_before(request.appends, append)
            _take(trial, append, _needed_version(trial, append, look_up, own=own))
        for append in request.appends:
            _ask_guards(flush, append, look_up, rules)
    except _Later:
        return
    except EventsError as error:
        request.fail(error)
        return
    flush.streams, flush.ids, flush.keys, flush.claims = trial.streams, trial.ids, trial.keys, trial.claims
    flush.sets_rules = trial.sets_rules
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
    """Raise `_Later` for an append after a new rule, or that repeats an id, a key or a claim of this flush."""
    if (
        flush.sets_rules
        or not flush.claims.isdisjoint(guard.claim for guard in append.guards if guard.claim)
        or append.idempotency_key in flush.keys
        or not flush.ids.isdisjoint(event.id for event in append.events)
    ):
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


def _take(flush: Plan, append: Append, needed_version: int | None) -> None:
    """Put an append into the flush; its stream must have the needed version before the flush."""
    stream = flush.streams.setdefault(append.stream, _StreamPlan())
    stream.needed_version = needed_version
    stream.count += len(append.events)
    flush.ids.update(event.id for event in append.events)
    if append.idempotency_key is not None:
        flush.keys.add(append.idempotency_key)
    flush.claims.update(guard.claim for guard in append.guards if guard.claim)
    flush.sets_rules = flush.sets_rules or any(guard.sets_rules for guard in append.guards)


def _ask_guards(flush: Plan, append: Append, look_up: LookUp | None, rules: Rules) -> None:
    """Refuse an append that the rules or its guards don't allow.

    If a planned event may stand against it, it waits.
    """
    refusal = rules.refusal(append) or next((guard.refusal for guard in append.guards if guard.refusal), None)
    if refusal:
        raise refusal if look_up else _Later  # the append may be in the log already
    terms = flush.terms + sum(guard.terms for guard in append.guards)
    if append.guards and flush.accepted and terms > _MAX_TERMS:
        raise _Later
    flush.terms = terms
    for guard in append.guards:
        if guard.may_mind_names(flush.names) and any(map(guard.may_mind, flush.subjects(guard.reads))):
            raise _Later


def _needed_version(flush: Plan, append: Append, look_up: LookUp | None, *, own: int = 0) -> int | None:
    """Return the version that the stream must have before a flush with this append; None if it may have any.

    `own` is the number of events before it in the same atomic request: all are written together, or none.
    """
    stream = flush.streams.get(append.stream) or _StreamPlan()
    expected = append.expected_version
    if expected is None:
        return stream.needed_version
    if append.guards and stream.count > own:
        raise _Later  # versions come before guards: a guard's answer would be a guess while the version is one
    if expected == STREAM_EXISTS and stream.count > 0:
        return stream.needed_version
    if look_up is not None:
        current = look_up.versions.get(append.stream, 0) + stream.count
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
