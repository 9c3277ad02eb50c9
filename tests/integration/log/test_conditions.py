"""An append with conditions is written only if no event came that one of them forbids."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from events import redaction
from events.appending import flush
from events.appending.guards import Condition, guards_parameter
from events.appending.names import LatestNames
from events.engine import Engine
from events.errors import (
    ConditionFailed,
    IdConflict,
    KeyReused,
    WrongExpectedVersion,
)
from events.models import Log
from events.types import Appended
from tests.support.conditions import conditional, make_condition
from tests.support.factories import make_append
from tests.support.fixture_types import AppendTo, Read
from tests.support.locks import append_in, holding_lock

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
