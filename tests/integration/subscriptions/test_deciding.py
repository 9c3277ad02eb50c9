"""Dead letters are retried, skipped and escalated, and the order of their keys holds."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any
from uuid import uuid4

import orjson
import pytest

from events.errors import Invalid
from events.models import FailedAttempt
from events.reading import store
from events.reading.db_work import run_async
from events.sql import dead_letters
from events.sql import subscriptions as sql
from events.subscriptions.letters.deciding import Act, Decision, decide
from events.subscriptions.letters.letter import LetterId
from events.subscriptions.types import DeliveryId, Settlement, Take
from events.subscriptions.work import Answer, Found, Range, WaitingTake, parameters
from tests.support.letters import Work, places, until_waiting
from tests.support.subscriptions import FAILURE


async def test_a_retry_gives_one_more_attempt_alone_while_the_key_is_held(work: Work) -> None:
    await work.subscribe()
    await work.placed("a-1", "a-1", "b-1", "c-1")
    await work.bury(limit=1)
    assert await work.decide("retry", 1) == [("decided", "retrying")]
    [again] = await work.take()
    assert places([again]) == [(1, 2)]
    assert await work.taken() == [(3, 1), (4, 1)]
    await work.settle("fail", again, failure=FAILURE)
    assert await work.taken(wait=0) == []
    letter = await work.letter(1)
    assert (letter.state, letter.deaths, letter.attempts) == ("open", 2, 2)


async def test_an_acknowledged_retry_frees_its_key_and_keeps_the_attempts_before(work: Work) -> None:
    await work.subscribe()
    await work.placed("a-1", "a-1")
    await work.bury()
    await work.decide("retry", 1)
    await work.settle("ack", *await work.take())
    assert await work.taken() == [(2, 1)]
    assert (await work.letter(1)).state == "done"
    assert await FailedAttempt.objects.filter(log=work.log).acount() == 1


async def test_a_skip_frees_the_key(work: Work) -> None:
    await work.subscribe()
    await work.placed("a-1", "a-1", "b-1")
    await work.bury()
    assert await work.decide("skip", 1, 3) == [("decided", "skipped")] * 2
    assert await work.taken() == [(2, 1)]


async def test_an_escalated_letter_stays_held_and_is_assigned(work: Work) -> None:
    await work.subscribe()
    await work.placed("a-1", "a-1")
    await work.bury()
    assert await work.decide("escalate", 1, to="bo", note="ask the bank") == [("decided", "escalated")]
    assert await work.taken(wait=0) == []
    letter = await work.letter(1)
    assert (letter.assigned_to, letter.note, letter.decided_by) == ("bo", "ask the bank", "ada")
    assert await work.decide("escalate", 1, to="cy") == [("decided", "escalated")]
    assert await work.decide("retry", 1) == [("decided", "retrying")]


async def test_to_decide_twice_changes_nothing(work: Work) -> None:
    await work.subscribe()
    await work.placed("a-1", "b-1", "c-1")
    await work.bury()
    acts: list[tuple[Act, int, str, dict[str, str]]] = [
        ("retry", 1, "retrying", {}),
        ("skip", 2, "skipped", {}),
        ("escalate", 3, "escalated", {"to": "bo"}),
    ]
    for act, position, state, fields in acts:
        assert await work.decide(act, position, **fields) == [("decided", state)]
        assert await work.decide(act, position, **fields) == [("unchanged", state)]
    assert await work.decide("skip", 1, 7) == [("unchanged", "retrying"), ("no-such-letter", None)]
    for type in ("retried", "skipped", "escalated"):
        assert len(await work.events(f"dead-letter.{type}")) == 1


async def test_retried_letters_that_passed_come_after_the_event_in_flight_and_before_later_ones(work: Work) -> None:
    await work.subscribe(passes_dead_letters=True)
    await work.placed("a-1", "a-1", "a-1", "a-1")
    await work.bury()
    await work.bury()
    [third] = await work.take()
    assert places([third]) == [(3, 1)]
    await work.decide("retry", 2)
    await work.decide("retry", 1)
    assert await work.taken(wait=0) == []
    await work.settle("ack", third)
    [first] = await work.take()
    assert places([first]) == [(1, 2)]
    await work.settle("release", first)
    [first] = await work.take()
    assert places([first]) == [(1, 2)]
    await work.settle("ack", first)
    [second] = await work.take()
    assert places([second]) == [(2, 2)]
    await work.settle("fail", second, failure=FAILURE)
    assert await work.taken() == [(4, 1)]
    assert ((await work.letter(1)).state, (await work.letter(2)).state) == ("done", "open")


async def test_a_retried_letter_without_a_key_is_delivered_again(work: Work) -> None:
    await work.subscribe(order_by="none")
    await work.placed("a-1", "a-1")
    await work.bury(limit=1)
    await work.settle("ack", *await work.take())
    await work.decide("retry", 1)
    assert await work.taken() == [(1, 2)]


async def test_a_decision_is_an_event_of_the_server(work: Work) -> None:
    await work.subscribe()
    await work.placed("a-1", "b-1", correlation_id="run-1")
    await work.bury()
    original = await store.event(work.log.pk, 1).afirst(work.engine.pool)
    await work.decide("escalate", 1, to="bo", note="ask the bank")
    await work.decide("skip", 2, 1)
    [escalated] = await work.events("dead-letter.escalated")
    assert original
    assert (escalated.stream, escalated.agent) == ("eventsite-subscription-work", "ada")
    assert (escalated.causation_id, escalated.correlation_id) == (original.id, "run-1")
    facts = {"subscription": "work", "count": 1, "positions": [1], "to": "bo", "note": "ask the bank"}
    assert orjson.loads(escalated.data) == facts
    [skipped] = await work.events("dead-letter.skipped")
    assert orjson.loads(skipped.data) == {"subscription": "work", "count": 2, "positions": [1, 2]}
    assert skipped.causation_id is None


async def test_each_death_is_one_event(work: Work) -> None:
    await work.subscribe()
    await work.placed("a-1")
    await work.bury()
    await work.decide("retry", 1)
    await work.bury()
    deaths = [orjson.loads(event.data) for event in await work.events("EventFailed")]
    assert [(facts["death"], facts["attempts"]) for facts in deaths] == [(1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("decision", "field"),
    [
        (Decision("escalate", "ada"), "to"),
        (Decision("retry", "ada", to="bo"), "to"),
        (Decision("escalate", "ada", to="b\n"), "to"),
        (Decision("skip", "ada", note=""), "note"),
        (Decision("skip", "ada", note="n" * 1_001), "note"),
        (Decision("skip", ""), "by"),
    ],
)
def test_a_decision_is_checked(decision: Decision, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        decision.checked()
    assert refusal.value.fields["field"] == field


async def test_only_letters_of_the_stream_prefix_are_decided(work: Work) -> None:
    await work.subscribe(stream_prefix="a-")
    await work.placed("a-1")
    await work.bury()
    ids = [LetterId("work", 1)]
    prefixes = (("", False), ("a", False), ("a-1", False), ("b-", False), (None, True), ("a-", True))
    for prefix, is_decided in prefixes:
        decision = Decision("escalate", "ada", to=f"owner of {prefix}")
        [decided] = await run_async(decide(work.log.pk, ids, decision, stream_prefix=prefix), work.engine.pool)
        assert decided.result == ("decided" if is_decided else "no-such-letter")


async def test_a_retry_beside_a_take_in_another_process_comes_after_what_was_taken(work: Work) -> None:
    subscription = await work.subscribe(passes_dead_letters=True)
    await work.placed("a-1", "a-1")
    await work.bury(limit=1)
    event = await store.event(work.log.pk, 2).afirst(work.engine.pool)
    assert event
    waiting: Any = WaitingTake(Take("two", None, 10, uuid4().hex), 0, None)  # type: ignore[arg-type]
    range = Range(1, 2, found=deque([Found("a-1", event)]))
    server = await work.engine.subscriptions.of(work.log.pk, "work")
    async with work.engine.pool.connection() as other:
        async with other.transaction():
            cursor = await other.execute(sql.SERVE, parameters(server.served, [waiting], [], range))
            [taken] = Answer(*(await cursor.fetchone() or ())).deliveries(range)
            decision = asyncio.create_task(work.decide("retry", 1))
            await until_waiting(work, "decide_letters")
        assert await decision == [("decided", "retrying")]
    assert await work.taken(wait=0) == []
    await server.settle([Settlement(DeliveryId(subscription.id, 1, taken.position, taken.token), "ack")])
    assert await work.taken() == [(1, 2)]


async def test_a_take_beside_a_retry_in_another_process_gets_the_retried_event_first(work: Work) -> None:
    await work.subscribe(passes_dead_letters=True)
    await work.placed("a-1", "a-1")
    await work.bury(limit=1)
    decision = {"decision": "retry", "by": "ada", "to": None, "note": None}
    params = {"log_id": work.log.pk, "subscription": "work", "stream_prefix": "", "positions": [1], **decision}
    async with work.engine.pool.connection() as other:
        async with other.transaction():
            await other.execute(dead_letters.DECIDE, params)
            take = asyncio.create_task(work.taken(wait=20))
            await until_waiting(work, "serve_subscription")
        assert await take == [(1, 2)]
    assert await work.taken(wait=0) == []


async def test_a_decision_and_an_append_that_settles_wait_for_each_other_in_one_order(work: Work) -> None:
    await work.subscribe(passes_dead_letters=True)
    await work.placed("z-1", "a-1", "z-1", "a-1")
    await work.bury()
    assert await work.taken() == [(3, 1), (4, 1)]
    lock = "select from delivery where log_id = %s and position = %s for update"
    async with work.engine.pool.connection() as append:
        async with append.transaction():
            await append.execute(lock, [work.log.pk, 3])
            decision = asyncio.create_task(work.decide("retry", 1, 2))
            await until_waiting(work, "decide_letters")
            await append.execute(lock, [work.log.pk, 4])
        assert await decision == [("decided", "retrying")] * 2


async def test_a_decision_beside_an_append_that_settles_finds_the_next_event_of_the_key(work: Work) -> None:
    subscription = await work.subscribe(passes_dead_letters=True)
    await work.placed("a-1", "a-1", "a-1", "a-1")
    await work.bury(limit=1)
    assert await work.taken() == [(2, 1)]
    async with work.engine.pool.connection() as append:
        async with append.transaction():
            await append.execute("select settle_done(%s, %s, '{2}')", [work.log.pk, subscription.id])
            decision = asyncio.create_task(work.decide("retry", 1))
            await until_waiting(work, "decide_letters")
        assert await decision == [("decided", "retrying")]
    [third] = await work.take()
    assert places([third]) == [(3, 1)]
    await work.settle("ack", third)
    assert await work.taken() == [(1, 2)]
