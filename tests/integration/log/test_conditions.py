"""An append with conditions is written only if no event came that one of them forbids."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from events import conditions, redaction
from events.appending import flush
from events.appending import plan as plan_module
from events.appending.guards import Condition, guards_parameter
from events.appending.names import LatestNames
from events.appending.plan import Plan
from events.engine import Engine
from events.errors import (
    ConditionFailed,
    ConditionTooWide,
    IdConflict,
    KeyReused,
    TooManyRequests,
    Unavailable,
    WrongExpectedVersion,
)
from events.models import Log
from events.reading import scan
from events.types import Append, Appended
from tests.support.conditions import make_condition
from tests.support.factories import make_append
from tests.support.fixture_types import AppendTo, Read
from tests.support.locks import append_in, holding_lock
from tests.support.patience import until

FITTING = [
    *("type:Placed", "type:Pl*", "stream:a-1", "category:a", "agent:picker", "correlation:run-1", "cause:c", "id:one"),
    *("position:1..9", "version:1", "since:2020-01-01", "until:2100-01-01", "system:false", "has:agent"),
    *("has:data.n", "data.n:1", "data.n>0", 'data.text:"it\'s \\\\ a 100% %s {text}"', "data.text:*%*", '"100% %s"'),
    *("metadata.m:true", "-type:Other", "type:Other OR stream:a-1", ""),
]
OTHERS = [
    *("type:Other", "stream:a", "agent:picker-1", "position:2..", "version:2", "since:2100-01-01", "system:true"),
    *("data.n:2", "has:data.m", '"another text"', "-type:Placed", "type:Placed stream:b-1", "-(stream:a-1 OR id:one)"),
]


def conditional(*queries: str, after: int = 0, stream: str = "b-1", **fields: Any) -> Append:
    """An append of one event to a stream, if nothing that fits one of the queries came after a position."""
    guards = tuple(make_condition(text, after) for text in queries)
    return make_append(stream, {"type": "Other"}, guards=guards, **fields)


@pytest.fixture(params=["checked before the lock", "checked under the lock", "told by names"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Payloads are read before the lock, and under it only as far as events came meanwhile; names under it alone.

    The writer's own memory of the last names makes both unnecessary, if it tells that nothing fits.
    """
    monkeypatch.setattr(Condition, "needs_check", request.param == "checked before the lock")
    if request.param != "told by names":
        monkeypatch.setattr(LatestNames, "exclude", lambda names, query, after: False)


@pytest.fixture
async def placed(append: AppendTo) -> None:
    """One event with every field set, at position 1."""
    data = b'{"n": 1, "text": "it\'s \\\\ a 100% %s {text}"}'
    fields = {"id": "one", "agent": "picker", "correlation_id": "run-1", "causation_id": "c"}
    event = {"data": data, "metadata": b'{"m": true}', **fields}
    await append(make_append("a-1", event, guards=(make_condition("type:Nothing"),)))


@pytest.mark.parametrize("text", FITTING)
@pytest.mark.usefixtures("placed", "way")
async def test_an_event_that_fits_stands_against_an_append(append: AppendTo, read: Read, text: str) -> None:
    [outcome] = await append(conditional(text))
    assert isinstance(outcome, ConditionFailed)
    event = {"position": 1, "stream": "a-1", "type": "Placed", "id": "one"}
    assert outcome.fields == {"none_after": 0, "event": event}
    assert len(await read()) == 1


@pytest.mark.parametrize("text", OTHERS)
@pytest.mark.usefixtures("placed", "way")
async def test_an_event_that_does_not_fit_stands_against_nothing(append: AppendTo, text: str) -> None:
    [outcome] = await append(conditional(text))
    assert isinstance(outcome, Appended)


@pytest.mark.usefixtures("way")
async def test_the_first_event_after_the_position_is_named(append: AppendTo) -> None:
    await append(*(make_append("a-1", {"id": f"a{n}"}) for n in range(1, 6)))
    for after in range(5):
        [outcome] = await append(conditional("type:Placed", after=after))
        assert isinstance(outcome, ConditionFailed)
        assert outcome.fields["event"]["position"] == after + 1
    for after in (5, 6, 2**63 - 1):
        [outcome] = await append(conditional("type:Placed", after=after))
        assert isinstance(outcome, Appended)


@pytest.mark.usefixtures("placed", "way")
async def test_every_condition_must_be_met(append: AppendTo) -> None:
    [outcome] = await append(conditional("type:Nothing", "type:Placed", "stream:nothing"))
    assert isinstance(outcome, ConditionFailed)
    [outcome] = await append(conditional("type:Nothing", "stream:nothing"))
    assert isinstance(outcome, Appended)


@pytest.mark.usefixtures("way")
async def test_replays_come_before_versions_and_versions_before_conditions(append: AppendTo) -> None:
    first = conditional("type:Other", idempotency_key="k")
    [written] = await append(first)
    assert isinstance(written, Appended)

    by_id = make_append("b-1", {"id": written.ids[0], "type": "Other"}, guards=first.guards, expected_version=7)
    for retry in (first, by_id):
        [outcome] = await append(retry)
        assert outcome == Appended("b-1", written.ids, 1, 1, replayed=True)
    [outcome] = await append(conditional("type:Other", idempotency_key="k", stream="c-1"))
    assert isinstance(outcome, KeyReused)
    [outcome] = await append(make_append("b-1", {"id": written.ids[0], "data": b"2"}, guards=first.guards))
    assert isinstance(outcome, IdConflict)
    [outcome] = await append(conditional("type:Other", expected_version=2))
    assert isinstance(outcome, WrongExpectedVersion)
    [outcome] = await append(conditional("type:Other", expected_version=1))
    assert isinstance(outcome, ConditionFailed)


async def test_one_of_many_with_the_same_condition_is_written(append: AppendTo, engine: Engine, log: Log) -> None:
    """They wait for the lock together, so they are in one flush."""
    async with holding_lock(engine.pool, log.pk):
        racers = [asyncio.create_task(append(conditional("type:Other", stream=f"b-{n}"))) for n in range(30)]
        await asyncio.sleep(0)
    outcomes = [outcome for [outcome] in await asyncio.gather(*racers)]
    assert [type(outcome) for outcome in outcomes].count(Appended) == 1
    refusals = [outcome for outcome in outcomes if isinstance(outcome, ConditionFailed)]
    assert {refusal.fields["event"]["position"] for refusal in refusals} == {1}
    assert len(refusals) == 29


async def test_a_refused_append_harms_no_neighbour(append: AppendTo, engine: Engine, log: Log, read: Read) -> None:
    await append(make_append("a-1"))
    async with holding_lock(engine.pool, log.pk):
        neighbours = [asyncio.create_task(append(make_append(f"c-{n}", {}, {}))) for n in range(10)]
        refused = [asyncio.create_task(append(conditional("stream:a-1"))) for _ in range(5)]
        others = [asyncio.create_task(append(conditional("stream:nothing", stream=f"d-{n}"))) for n in range(10)]
        await asyncio.sleep(0)
    for task in (*neighbours, *others):
        assert isinstance((await task)[0], Appended)
    for task in refused:
        assert isinstance((await task)[0], ConditionFailed)
    assert len(await read()) == 1 + 20 + 10


async def test_an_event_that_comes_between_check_and_write_is_seen(append: AppendTo, engine: Engine, log: Log) -> None:
    """Another process holds the lock with an event that no check could see."""
    async with holding_lock(engine.pool, log.pk) as other:
        await append_in(other, log.pk, make_append("a-1", {"data": b'{"n": 1}'}))
        waiting = [asyncio.create_task(append(conditional(text))) for text in ("data.n:1", "stream:a-1")]
        await asyncio.sleep(0.05)
    for task in waiting:
        [outcome] = await task
        assert isinstance(outcome, ConditionFailed)
        assert outcome.fields["event"]["position"] == 1


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The guards that each flush gives to the database."""
    texts: list[str] = []

    def parameter(*arguments: Any) -> str:
        texts.append(guards_parameter(*arguments))
        return texts[-1]

    monkeypatch.setattr(flush, "guards_parameter", parameter)
    return texts


@pytest.mark.parametrize("text", ["stream:nothing", "type:Other agent:nobody", "tag:a OR correlation:run-7"])
async def test_nothing_is_asked_if_the_last_names_tell_that_nothing_fits(
    append: AppendTo, asked: list[str], text: str
) -> None:
    await append(conditional(text))
    assert '"fits"' in asked.pop()  # names are kept since the first condition
    for number in range(2, 5):
        [outcome] = await append(conditional(text, after=number - 2))
        assert isinstance(outcome, Appended)
        assert asked.pop() == f'{{"upto":{number - 1}}}'


@pytest.mark.parametrize("fits", [True, False])
async def test_what_another_process_wrote_is_seen_although_the_names_do_not_tell(
    append: AppendTo, asked: list[str], log: Log, fits: bool
) -> None:
    await append(conditional("stream:nothing"))
    async with Engine() as other:
        await other.writer.append(log.pk, [make_append("a-1" if fits else "c-1")])
    asked.clear()
    [outcome] = await append(conditional("stream:a-1", after=1))
    assert isinstance(outcome, ConditionFailed if fits else Appended)
    assert [text == '{"upto":1}' for text in asked] == [True, False]
    assert '"fits"' in asked[1]


async def test_names_are_forgotten_with_the_connection(append: AppendTo, asked: list[str], engine: Engine) -> None:
    """A server that took over may have lost the last commits, and others may have written in their place."""
    await append(conditional("stream:nothing"))
    await append(conditional("stream:nothing", after=1))
    assert asked.pop() == '{"upto":1}'
    for log in engine.writer._logs.values():
        await log._connection.close()
    [outcome] = await append(conditional("stream:nothing", after=2))
    assert isinstance(outcome, Appended)
    assert '"fits"' in asked.pop()


async def test_a_redaction_is_seen_although_the_writer_did_not_write_it(append: AppendTo, log: Log) -> None:
    await append(conditional("stream:nothing"))
    await sync_to_async(redaction.redact)(log.pk, 1, reason="a secret", by="admin")
    [outcome] = await append(conditional("type:event.redacted", after=1))
    assert isinstance(outcome, ConditionFailed)
    assert outcome.fields["event"]["position"] == 2


@pytest.mark.parametrize("atomic", [False, True])
async def test_appends_of_one_request_see_each_other_unless_they_are_one(append: AppendTo, atomic: bool) -> None:
    outcomes = await append(make_append("a-1"), conditional("stream:a-1"), atomic=atomic)
    assert isinstance(outcomes[0], Appended)
    assert isinstance(outcomes[1], Appended if atomic else ConditionFailed)


async def test_an_atomic_request_is_refused_as_a_whole(append: AppendTo, read: Read) -> None:
    await append(make_append("a-1"))
    outcomes = await append(make_append("b-1"), conditional("stream:a-1"), make_append("c-1"), atomic=True)
    assert [type(outcome) for outcome in outcomes] == [ConditionFailed] * 3
    assert len(await read()) == 1


FAR_EVENTS = 10_100


@pytest.fixture
async def far(append: AppendTo) -> None:
    """More events than are looked at under the lock; one of them, near the beginning, is rare."""
    await append(make_append("a-1", *[{}] * 5, {"type": "Rare", "data": b'{"n": 7}'}, *[{}] * (FAR_EVENTS - 1_006)))
    await append(make_append("a-1", *[{}] * 1_000))


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize(
    ("text", "after", "position"), [("type:Rare", 0, 6), ("data.n:7", 2, 6), ("type:Rare", 6, None)]
)
async def test_a_condition_may_reach_far_back(append: AppendTo, text: str, after: int, position: int | None) -> None:
    [neighbour], [outcome] = await asyncio.gather(append(make_append("c-1")), append(conditional(text, after=after)))
    assert isinstance(neighbour, Appended)
    if position is None:
        assert isinstance(outcome, Appended)
    else:
        assert isinstance(outcome, ConditionFailed)
        assert outcome.fields["event"]["position"] == position


@pytest.mark.usefixtures("far")
async def test_under_the_lock_only_a_few_events_are_looked_at(
    engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the log is not looked at first, an append with a far condition ends when its time is up."""
    checks = 0

    async def check_nothing(log_id: int, append: Append) -> Append:
        nonlocal checks
        checks += 1
        return append

    monkeypatch.setattr(engine.writer, "_check_guards", check_nothing)
    waiting = asyncio.create_task(engine.writer.append(log.pk, [conditional("type:Nothing")]))
    [outcome] = await engine.writer.append(log.pk, [make_append("b-1")])
    assert isinstance(outcome, Appended)
    await until(lambda: checks >= 3)
    waiting.cancel()


@pytest.mark.usefixtures("far")
async def test_a_condition_that_covers_too_much_is_refused_with_the_reason(
    append: AppendTo, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "_SEARCH_SECONDS", 0.0)
    monkeypatch.setattr(scan, "_FIRST_PLACES", 100)
    [outcome] = await append(conditional("data.nothing:1", idempotency_key="k"))
    assert isinstance(outcome, ConditionTooWide)
    assert outcome.fields["none_after"] == 0
    assert 0 < outcome.fields["searched_to"] < FAR_EVENTS
    assert str(outcome.fields["searched_to"]) in outcome.detail
    assert len(await read()) == FAR_EVENTS

    [written] = await append(conditional("data.nothing:1", after=FAR_EVENTS, idempotency_key="k"))
    [retried] = await append(conditional("data.nothing:1", idempotency_key="k"))
    assert isinstance(written, Appended)
    assert isinstance(retried, Appended)
    assert retried.replayed, "a retry is a retry, even if its condition could not be checked again"


@pytest.fixture
def flush_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of appends in the flushes that are tried."""
    sizes: list[int] = []
    write_parameters = flush.append_parameters

    def note_size(log_id: int, plan: Plan, **options: Any) -> list[object]:
        sizes.append(len(plan.accepted))
        return write_parameters(log_id, plan, **options)

    monkeypatch.setattr(flush, "append_parameters", note_size)
    return sizes


@pytest.mark.parametrize(
    ("limit", "most", "query", "sizes"),
    [
        ("_MAX_COMPARISONS", 10, "type:Noth*", [5, 5, 5]),  # with the events before each: 0 + 1 + 2 + 3 + 4
        ("_MAX_READ_BYTES", 10, "data.nothing:1", [2] * 7 + [1]),  # each event has 4 bytes: 0 + 4
        ("_MAX_READ_BYTES", 10, "type:Nothing", [15]),
        ("_MAX_TERMS", 4, "type:No OR type:Never", [2] * 7 + [1]),
    ],
)
async def test_the_work_of_the_guards_of_one_flush_is_bounded(
    append: AppendTo,
    read: Read,
    monkeypatch: pytest.MonkeyPatch,
    flush_sizes: list[int],
    limit: str,
    most: int,
    query: str,
    sizes: list[int],
) -> None:
    monkeypatch.setattr(plan_module, limit, most)
    outcomes = await append(*(conditional(query, stream=f"b-{n}") for n in range(15)))
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    assert flush_sizes == sizes
    assert [event.stream for event in await read()] == [f"b-{n}" for n in range(15)]


async def test_the_guards_of_one_atomic_request_are_asked_together(
    append: AppendTo, monkeypatch: pytest.MonkeyPatch, flush_sizes: list[int]
) -> None:
    monkeypatch.setattr(plan_module, "_MAX_TERMS", 4)
    appends = [conditional("type:No OR type:Never", stream=f"b-{n}") for n in range(5)]
    outcomes = await append(*appends, atomic=True)
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    assert flush_sizes == [5]


async def test_under_the_lock_only_a_few_bytes_are_read(
    append: AppendTo, engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each text is searched in all of them: fifty texts in sixteen megabytes would hold the log for ten seconds."""
    checks = 0

    async def check(log_id: int, append: Append) -> Append:
        nonlocal checks
        checks += 1
        return await conditions.check(engine.pool, log_id, append)

    monkeypatch.setattr(engine.writer, "_check_guards", check)
    monkeypatch.setattr(Condition, "needs_check", False)
    for expected_checks, texts in ((0, 7), (1, 9)):
        checks = 0
        await append(make_append("a-1", {"data": b'"%s"' % (b"x" * 1_000_000)}))
        [last] = await append(make_append("a-1"))
        assert isinstance(last, Appended)
        query = " ".join(f"-text-{n}" for n in range(texts))
        [outcome] = await append(conditional(f"stream:a-1 data:[] {query}", after=last.last_position - 2))
        assert isinstance(outcome, Appended)
        assert checks == expected_checks


@pytest.mark.usefixtures("far")
async def test_a_check_that_finds_no_connection_refuses_its_own_append_only(
    append: AppendTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The appends before it in the request are written, and their caller has to know where."""

    async def refuse(*_: object) -> None:
        raise TooManyRequests

    monkeypatch.setattr(scan.Search, "afetch", refuse)
    written, refused = await append(make_append("c-1"), conditional("type:Nothing"))
    assert isinstance(written, Appended)
    assert isinstance(refused, TooManyRequests)


@pytest.mark.usefixtures("far")
async def test_an_append_that_is_checked_while_the_server_stops_is_refused(
    engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch, read: Read
) -> None:
    events = len(await read())
    check, checking, go_on = engine.writer._check_guards, asyncio.Event(), asyncio.Event()

    async def wait_and_check(log_id: int, append: Append) -> Append:
        checking.set()
        await go_on.wait()
        return await check(log_id, append)

    monkeypatch.setattr(engine.writer, "_check_guards", wait_and_check)
    waiting = asyncio.create_task(engine.writer.append(log.pk, [conditional("type:Nothing")]))
    await checking.wait()
    assert engine.writer.events == 1, "what is checked takes its room in the queue"
    await engine.writer.aclose()
    go_on.set()
    [outcome] = await waiting
    assert isinstance(outcome, Unavailable)
    assert engine.writer.events == engine.writer.bytes == 0
    assert len(await read()) == events


async def test_an_append_that_was_checked_goes_before_those_that_wait(
    append: AppendTo, engine: Engine, log: Log, read: Read
) -> None:
    """Behind a few bulk writers it would come to the lock a thousand events later each time, and never be written."""
    async with holding_lock(engine.pool, log.pk):
        tasks = [asyncio.create_task(append(make_append("in-the-flush")))]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(append(make_append("waiting"))))
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(append(conditional("data.n:1", stream="checked"))))
        await until(lambda: len(engine.writer._logs[log.pk]._queue) == 2)
    await asyncio.gather(*tasks)
    assert [event.stream for event in await read()] == ["in-the-flush", "checked", "waiting"]
