"""Plans of flushes: each append ends as if the appends were made one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.appending.flush import settle, settle_refusals
from events.appending.plan import LookUp, Plan, Request, plan
from events.errors import ConditionFailed, EventsError, IdConflict, KeyReused, WrongExpectedVersion
from events.types import STREAM_EXISTS, Append, Appended
from tests.support.conditions import maybe_guards
from tests.support.factories import make_append
from tests.support.oracle import MemoryLog, visible_parts

STREAMS = ("a-1", "b-1")
TYPES = ("Placed", "Placed", "Moved")


@st.composite
def appends(draw: st.DrawFn) -> Append:
    """Appends that collide: two streams, six ids, two keys, two contents."""
    ids = draw(st.lists(st.sampled_from("123456"), min_size=1, max_size=3, unique=True))
    return make_append(
        draw(st.sampled_from(STREAMS)),
        *(
            {"id": each, "data": draw(st.sampled_from([b"0", b"0", b"1"])), "type": draw(st.sampled_from(TYPES))}
            for each in ids
        ),
        expected_version=draw(st.sampled_from([None, None, 0, STREAM_EXISTS, 1, 2, 3, 4])),
        idempotency_key=draw(st.sampled_from([None, None, None, "k", "l"])),
        guards=draw(maybe_guards),
    )


requests = st.builds(Request, st.lists(appends(), min_size=1, max_size=4), st.booleans())


@dataclass
class Database:
    """A log that takes flushes as `append_events()` does, while other processes append in between."""

    others: list[Append] = field(default_factory=list)
    log: MemoryLog = field(default_factory=MemoryLog)
    rounds: int = 0

    def look_up(self) -> LookUp:
        copy_of_look_up = deepcopy(self.log.look_up)
        if self.others:
            self.log.append([self.others.pop()])
        return copy_of_look_up

    def take(self, flush: Plan) -> Literal["written", "refused", "other than planned"]:
        """Write the flush and settle it, unless the log has changed since the look-up, or a guard refuses."""
        look_up = self.log.look_up
        bases = [look_up.versions.get(name, 0) for name in flush.streams]
        appends = [request.appends[index] for request, index in flush.accepted]
        if (
            not all(
                needed is None or (base > 0 if needed == STREAM_EXISTS else base == needed)
                for base, needed in zip(bases, (s.needed_version for s in flush.streams.values()), strict=True)
            )
            or any(event.id in look_up.events for append in appends for event in append.events)
            or any(append.idempotency_key in look_up.keys for append in appends)
        ):
            return "other than planned"
        if refusals := [refusal for number, append in enumerate(appends) if (refusal := self._refusal(number, append))]:
            settle_refusals(flush, refusals)
            return "refused"
        first = len(self.log.ids) + 1
        settle(flush, first, bases)
        return "written"

    def _refusal(self, number: int, append: Append) -> dict[str, Any] | None:
        """The refusal of an append as the database gives it: the first event that stands against one of its guards."""
        try:
            self.log.check_conditions(append)
        except ConditionFailed as error:
            event = dict.fromkeys(("stream", "type", "id")) | error.fields["event"]
            return {"append": number, "guard": 0, **event}
        return None


def decided(pending: Sequence[Request], before: Mapping[int, Sequence[object]]) -> list[tuple[Request, int]]:
    """The appends that have got their outcome since."""
    return [
        (request, index)
        for request in pending
        for index, outcome in enumerate(request.outcomes)
        if outcome is not None and before[id(request)][index] is None
    ]


def run(pending: Sequence[Request], database: Database) -> None:
    """Plan and flush until every append is answered, as the writer does; check each step against the oracle."""
    look_up: LookUp | None = None
    while waiting := [request for request in pending if not request.is_done]:
        database.rounds += 1
        assert database.rounds < 100, "no progress"
        at_look_up = MemoryLog(deepcopy(look_up), list(database.log.events)) if look_up else database.log
        before = {id(request): list(request.outcomes) for request in pending}
        flush = plan(waiting, look_up)
        check_answers(decided(pending, before), at_look_up)
        before = {id(request): list(request.outcomes) for request in pending}
        answer = database.take(flush) if flush.accepted else "other than planned"
        if answer == "written":
            check_written(flush, database.log)
        if answer == "refused":
            check_answers(decided(pending, before), database.log)
        look_up = database.look_up() if answer == "other than planned" else None


def check_answers(answered_appends: Sequence[tuple[Request, int]], log: MemoryLog) -> None:
    """An append that is answered without a write gets the answer that the log would give."""
    for request, index in answered_appends:
        trial = deepcopy(log)
        if request.atomic:
            outcome = trial.append(request.appends, atomic=True)[index]
            # If several errors apply, any of them may be named.
            assert visible_parts(outcome) == visible_parts(request.outcomes[index]) or isinstance(outcome, EventsError)
        else:
            [outcome] = trial.append([request.appends[index]])
            assert visible_parts(outcome) == visible_parts(request.outcomes[index])
        assert trial.ids == log.ids, "answered, but it could have been written"


def check_written(flush: Plan, log: MemoryLog) -> None:
    """The outcomes of one flush are those of its appends one after the other."""
    groups: dict[tuple[int, int], list[tuple[Request, int]]] = {}
    for request, index in flush.accepted:
        groups.setdefault((id(request), 0 if request.atomic else index), []).append((request, index))
    for group in groups.values():
        request = group[0][0]
        outcomes = log.append([request.appends[index] for _, index in group], atomic=request.atomic)
        assert list(map(visible_parts, outcomes)) == [visible_parts(request.outcomes[index]) for _, index in group]


@given(st.lists(requests, min_size=1, max_size=5), st.lists(appends(), max_size=4), st.lists(appends(), max_size=3))
@settings(max_examples=150)
def test_every_plan_agrees_with_appending_one_by_one(
    pending: list[Request], before: list[Append], others: list[Append]
) -> None:
    database = Database(others)
    database.log.append(before)
    run(pending, database)
    for request in pending:
        new = [o for o in request.outcomes if isinstance(o, Appended) and not o.replayed]
        assert [o.first_position for o in new] == sorted(o.first_position for o in new), "order inside a request"


@given(st.lists(appends(), min_size=1, max_size=6), st.lists(appends(), max_size=4), st.booleans())
@settings(max_examples=150)
def test_one_request_ends_exactly_as_one_by_one(sent: list[Append], before: list[Append], atomic: bool) -> None:
    database, oracle = Database(), MemoryLog()
    database.log.append(before)
    oracle.append(before)
    request = Request(sent, atomic)
    run([request], database)
    expected = oracle.append(sent, atomic=atomic)
    assert list(map(visible_parts, request.outcomes)) == list(map(visible_parts, expected))
    assert database.log.ids == oracle.ids


@pytest.mark.parametrize("first", [0, 1, 5])
def test_an_expectation_that_others_in_the_flush_have_broken_is_never_planned(first: int) -> None:
    """The second append expects the version before the events of the first."""
    adds = [{"id": str(n)} for n in range(first + 1)]
    met = Request([make_append("a-1", *adds, expected_version=first)])
    broken = Request([make_append("a-1", {"id": "late"}, expected_version=first)])
    flush = plan([met, broken])
    assert flush.accepted == [(met, 0)]
    assert flush.streams["a-1"].needed_version == first


def test_events_that_no_log_can_precede_are_not_planned() -> None:
    """No version is before no_stream: the event of the first append can't be in the log yet."""
    exact = Request([make_append("a-1", {"id": "1"}, expected_version=5)])
    none = Request([make_append("a-1", {"id": "2"}, expected_version=0)])
    assert plan([exact, none]).accepted == [(exact, 0)]


def test_appends_that_build_on_each_other_share_a_flush() -> None:
    chain = [Request([make_append("a-1", {"id": str(n)}, expected_version=n)]) for n in range(3, 8)]
    flush = plan(chain)
    assert len(flush.accepted) == 5
    assert (flush.streams["a-1"].needed_version, flush.streams["a-1"].count) == (3, 5)


def test_one_of_many_racers_is_planned_and_the_others_are_answered_once_it_is_written() -> None:
    racers = [Request([make_append("a-1", {"id": str(n)}, expected_version=0)]) for n in range(10)]
    database = Database()
    run(racers, database)
    assert [isinstance(racer.outcomes[0], Appended) for racer in racers] == [True] + [False] * 9
    assert all(isinstance(racer.outcomes[0], WrongExpectedVersion) for racer in racers[1:])
    assert database.rounds <= 4


def test_an_append_that_waits_holds_up_those_after_it_in_its_request_only() -> None:
    same = make_append("a-1", {"id": "1"})
    ordered = Request([same, same, make_append("b-1", {"id": "2"})])
    other = Request([make_append("b-1", {"id": "3"})])
    assert plan([ordered, other]).accepted == [(ordered, 0), (other, 0)]


def test_an_atomic_request_that_waits_leaves_no_trace_in_the_plan() -> None:
    first = Request([make_append("a-1", {"id": "1"})])
    atomic = Request(
        [make_append("b-1", {"id": "2"}, idempotency_key="k"), make_append("a-1", {"id": "1"})], atomic=True
    )
    flush = plan([first, atomic])
    assert flush.accepted == [(first, 0)]
    assert (set(flush.streams), flush.ids, flush.keys) == ({"a-1"}, {"1"}, set())


@pytest.mark.parametrize(("fields", "error"), [({"id": "1"}, IdConflict), ({"id": "2"}, KeyReused)])
def test_an_atomic_request_that_repeats_itself_is_refused(fields: dict[str, str], error: type[Exception]) -> None:
    request = Request(
        [make_append("a-1", {"id": "1"}, idempotency_key="k"), make_append("b-1", fields, idempotency_key="k")],
        atomic=True,
    )
    assert not plan([request]).accepted
    assert [type(outcome) for outcome in request.outcomes] == [error, error]


def test_an_append_in_doubt_that_is_found_is_not_a_replay() -> None:
    """The caller has had no answer yet, so this is the first one and not a replay."""
    log = MemoryLog()
    doubtful_append = make_append("a-1", {"id": "1"}, idempotency_key="k")
    log.append([doubtful_append])
    for append in (doubtful_append, make_append("a-1", {"id": "1"})):
        doubtful, retried = Request([append], in_doubt=True), Request([append])
        plan([doubtful, retried], log.look_up)
        assert [visible_parts(o) for o in doubtful.outcomes] == [Appended("a-1", ["1"], 1, 1)]
        assert [visible_parts(o) for o in retried.outcomes] == [Appended("a-1", ["1"], 1, 1, replayed=True)]
