"""Dead letters are listed, grouped by fault and counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from events.engine import Engine
from events.models import DeadLetter, Log
from events.query.parse import parse
from events.query.tree import Pattern
from events.reading.db_work import DbWork, T, run_async
from events.reading.statement import Statement
from events.subscriptions import faults
from events.subscriptions.letters import reads
from events.subscriptions.letters.asking import LetterTerms
from events.subscriptions.letters.letter import DECIDABLE, STATES, Counts, LetterId, Selection
from events.subscriptions.types import Failure
from tests.support.subscriptions import Settle, Subscribe, TakeFrom

TRACEBACK = 'File "/app/pay.py", line 3, in charge\nFile "/usr/lib/python3.12/ssl.py", line 9, in read'
REFUSED = faults.failure("Refused", "card 4711 refused", TRACEBACK)
REFUSED_TOO = faults.failure("Refused", "card 12 refused", TRACEBACK)


@pytest.fixture
def ask(engine: Engine) -> Callable[[DbWork[T]], Any]:
    return lambda work: run_async(work, engine.pool)


async def test_letters_are_listed_from_the_last_event_on_page_by_page(
    log: Log, subscribe: Subscribe, placed: Callable[..., Any], bury: Callable[..., Any], ask: Callable[..., Any]
) -> None:
    await subscribe()
    await placed("a-1", "b-1", "c-1")
    await bury()
    page = await ask(reads.letters(log.pk, Selection(), limit=2))
    assert [each.position for each in page.letters] == [3, 2]
    assert page.next == LetterId("work", 2)
    rest = await ask(reads.letters(log.pk, Selection(), after=page.next, limit=2))
    assert ([each.position for each in rest.letters], rest.next) == ([1], None)
    forward = await ask(reads.letters(log.pk, Selection(), limit=2, forward=True))
    assert [each.position for each in forward.letters] == [1, 2]


async def test_a_selection_is_by_subscription_query_fault_state_and_prefix(
    log: Log, subscribe: Subscribe, placed: Callable[..., Any], bury: Callable[..., Any], ask: Callable[..., Any]
) -> None:
    await subscribe()
    await placed("a-1", "b-1")
    await bury(limit=1)
    await bury(REFUSED)

    async def positions(**fields: Any) -> list[int]:
        page = await ask(reads.letters(log.pk, Selection(**fields), limit=10))
        return [each.position for each in page.letters]

    assert await positions() == [2, 1]
    assert await positions(query=parse("stream:a-1")) == [1]
    assert await positions(query=parse("data.missing:1")) == []
    assert await positions(fault=REFUSED.fault) == [2]
    assert await positions(terms=LetterTerms(error=Pattern(("Ref", "")))) == [2]
    assert await positions(terms=LetterTerms(error=Pattern(("Ref",)))) == []
    assert await positions(terms=LetterTerms(key=Pattern(("a-1",)))) == [1]
    assert await positions(terms=LetterTerms(attempts=(None, 1))) == [2, 1]
    assert await positions(terms=LetterTerms(attempts=(2, None))) == []
    assert await positions(subscription="work") == [2, 1]
    assert await positions(subscription="other") == []
    assert await positions(states=("skipped", "done")) == []
    assert await positions(states=STATES) == await positions(states=DECIDABLE) == [2, 1]
    assert await positions(stream_prefix="a-") == []
    assert await positions(stream_prefix="") == [2, 1]
    counted = await ask(reads.counts(log.pk, Selection(query=parse("stream:a-1"))))
    assert (counted.letters, counted.keys) == (1, 1)


@pytest.mark.parametrize(
    "query",
    ['"50%"', '"50% off" OR data.n>1', "type:P* stream:*-1", "tag:50% OR tag:7*", "-data.text:*%* data.n:1..2"],
)
async def test_letters_are_counted_by_a_query_as_they_are_listed(
    engine: Engine,
    log: Log,
    subscribe: Subscribe,
    placed: Callable[..., Any],
    bury: Callable[..., Any],
    ask: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    query: str,
) -> None:
    """One statement asks the query of all letters."""
    await subscribe()
    await placed("a-1", data=b'{"text": "50% off", "n": 1}', tags=["50%"])
    await placed("b-1", data=b'{"text": "75%s", "n": 2}', tags=["75%s"])
    await placed("c-%(q0)s", data=b'{"text": "all", "n": 2}')
    await bury()
    selection = Selection(query=parse(query))
    listed = (await ask(reads.letters(log.pk, selection, limit=10))).letters
    monkeypatch.setattr(reads, "_PAGE_LETTERS", 1)
    counts = reads.counts(log.pk, selection)
    positions = await cast("Statement[int]", next(counts)).afetch(engine.pool)
    assert sorted(positions) == sorted(each.position for each in listed) != []
    [counted] = await cast("Statement[Counts]", counts.send(positions)).afetch(engine.pool)
    assert counted.letters == len(listed)
    with pytest.raises(StopIteration):
        counts.send([counted])


async def test_letters_of_one_fault_are_a_group_with_what_waits_for_them(
    log: Log, subscribe: Subscribe, placed: Callable[..., Any], bury: Callable[..., Any], ask: Callable[..., Any]
) -> None:
    await subscribe()
    await placed("a-1", "b-1", "c-1", "a-1", "a-1", "b-1")
    await bury(REFUSED, limit=1)
    await bury(REFUSED_TOO, limit=1)
    await bury()
    [refused, boom] = await ask(reads.faults(log.pk, Selection()))
    assert (refused.subscription, refused.error_type, refused.plain_message) == ("work", "Refused", "card # refused")
    assert refused.frame == "/app/pay.py in charge"
    assert (refused.letters, refused.keys, refused.held, refused.waiting) == (2, 2, 2, 3)
    assert (refused.first, refused.last) == (1, 2)
    assert refused.first_at < refused.last_at < boom.first_at
    assert (boom.error_type, boom.letters, boom.waiting) == ("Boom", 1, 0)
    [of_refused, of_boom] = await ask(reads.deaths(log.pk, Selection(query=parse("a OR -a"))))
    assert {(each.hours_ago, each.letters) for each in (of_refused, of_boom)} == {(0, 2), (0, 1)}


async def test_a_letter_has_all_its_attempts(
    engine: Engine, log: Log, subscribe: Subscribe, placed: Callable[..., Any], take: TakeFrom, settle: Settle
) -> None:
    await subscribe(query="stream:a-1")
    await placed("a-1", correlation_id="run-1")
    failures: list[Failure] = [REFUSED, REFUSED_TOO, REFUSED]
    for failure in failures:
        await settle("fail", *await take(), failure=failure)
        await placed("b-1")
    letter = await reads.letter(log.pk, LetterId.parse("work:1")).afirst(engine.pool)
    assert letter
    assert (letter.state, letter.attempts, letter.deaths, letter.holds) == ("open", 3, 1, True)
    assert (letter.stream, letter.correlation_id, letter.consumer) == ("a-1", "run-1", "one")
    attempts = await reads.attempts(log.pk, letter).afetch(engine.pool)
    assert [(each.attempt, each.message) for each in attempts] == [
        (n, failure.message) for n, failure in enumerate(failures, 1)
    ]
    assert [each.head for each in attempts] == [1, 2, 3]
    assert await reads.letter(log.pk, LetterId("work", 2)).afirst(engine.pool) is None


async def test_letters_of_one_event_in_several_subscriptions_are_listed_once_each(
    log: Log, subscribe: Subscribe, placed: Callable[..., Any], bury: Callable[..., Any], ask: Callable[..., Any]
) -> None:
    first = await subscribe()
    await placed("a-1", "b-1")
    await bury()
    other = await subscribe(name="another")
    names = [each.name for each in sorted((first, other), key=lambda each: each.id)]
    rows = [row async for row in DeadLetter.objects.filter(log=log)]
    for row in rows:
        row.subscription_id = other.id
    await DeadLetter.objects.abulk_create([DeadLetter(**_fields(row)) for row in rows])
    for forward in (False, True):
        listed: list[str] = []
        page = reads.Page((), None)
        while page.next is not None or not listed:
            page = await ask(reads.letters(log.pk, Selection(), after=page.next, limit=1, forward=forward))
            listed += [str(each.id) for each in page.letters]
        ids = [f"{name}:{position}" for position in (1, 2) for name in names]
        assert listed == (ids if forward else ids[::-1])


def _fields(row: DeadLetter) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in DeadLetter._meta.concrete_fields}
