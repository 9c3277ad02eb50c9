"""A redaction empties what failures say of the event, now and later. The failure of a record makes no other record."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from events import redaction
from events.models import DeadLetter, FailedAttempt
from events.query.tree import Pattern
from events.reading.db_work import run_async
from events.subscriptions import faults
from events.subscriptions.letters import reads
from events.subscriptions.letters.asking import LetterTerms
from events.subscriptions.letters.letter import STATES, LetterId, Selection
from events.subscriptions.open_deliveries import open_deliveries
from events.subscriptions.orders import Order
from events.subscriptions.rewinding import rewind
from events.subscriptions.unsettled import in_flight, waiting_keys
from tests.support.letters import Work, until_waiting

SECRET = faults.failure("Refused", "secret refused", 'File "/app/pay.py", line 3, in charge\n    charge("secret")')


async def redact(work: Work, position: int) -> None:
    await sync_to_async(redaction.redact)(work.log.pk, position, reason="a secret", by="ada")


async def texts(work: Work) -> str:
    """All that is kept of failures and letters."""
    rows: list[Any] = [row async for row in FailedAttempt.objects.filter(log=work.log).values()]
    rows += [row async for row in DeadLetter.objects.filter(log=work.log).values()]
    return repr(rows)


async def test_a_redaction_empties_messages_and_tracebacks_and_what_quotes_them(work: Work) -> None:
    await work.subscribe()
    await work.placed("a-1", "b-1")
    await work.bury(SECRET)
    await work.decide("escalate", 1, to="bo", note="the secret was refused")
    await redact(work, 1)
    letter, other = await work.letter(1), await work.letter(2)
    assert (letter.plain_message, letter.note, letter.state) == ("", None, "escalated")
    assert (letter.error_type, letter.frame) == ("Refused", SECRET.frame)
    assert letter.fault != other.fault == SECRET.fault
    attempt = await FailedAttempt.objects.aget(log=work.log, position=1)
    assert (attempt.message, attempt.traceback, attempt.plain_message) == (None, None, "")
    assert other.plain_message == "secret refused"
    await redact(work, 2)
    assert "secret" not in await texts(work)


async def test_a_failure_that_is_told_after_the_redaction_is_emptied(work: Work) -> None:
    await work.subscribe()
    await work.placed("a-1")
    [delivery] = await work.take()
    await redact(work, 1)
    await work.settle("poison", delivery, failure=SECRET)
    assert (await work.letter(1)).state == "open"
    assert "secret" not in await texts(work)


async def test_a_failure_that_is_told_beside_the_redaction_is_emptied(work: Work) -> None:
    subscription = await work.subscribe()
    await work.placed("a-1")
    await work.take()
    failure = [SECRET.error_type, SECRET.message, SECRET.traceback, SECRET.plain_message, SECRET.frame, SECRET.fault]
    async with work.engine.pool.connection() as server:
        async with server.transaction():
            await server.execute("select from delivery where log_id = %s for update", [work.log.pk])
            await server.execute(
                "select fail_deliveries(%s, %s, now(), '{1}', 'poison', null, %s, %s, %s, %s, %s, %s)",
                [work.log.pk, subscription.id, *failure],
            )
            redacting = asyncio.create_task(redact(work, 1))
            await until_waiting(work, "redact_event")
        await redacting
    assert (await work.letter(1)).state == "open"
    assert "secret" not in await texts(work)


async def test_the_redaction_of_a_decision_empties_its_note(work: Work) -> None:
    await work.subscribe()
    await work.placed("a-1", "b-1")
    await work.bury()
    await work.decide("escalate", 1, to="bo", note="a secret")
    await work.decide("escalate", 2, to="bo", note="another")
    first, _ = await work.events("dead-letter.escalated")
    await redact(work, first.position)
    assert ((await work.letter(1)).note, (await work.letter(2)).note) == (None, "another")


async def test_a_key_that_is_a_value_of_data_goes_with_the_redaction_and_keeps_the_order(work: Work) -> None:
    subscription = await work.subscribe(order_by="/mail")
    data = b'{"mail": "secret@example.org"}'
    await work.placed("a-1", "b-1", data=data, correlation_id="w")
    await work.bury()
    pool, log_id = work.engine.pool, work.log.pk

    async def shown_keys() -> list[str | None]:
        letter = await reads.letter(log_id, LetterId("work", 1)).afirst(pool)
        [key] = await waiting_keys(log_id, subscription.id, limit=10).afetch(pool)
        assert letter
        return [letter.key, key.key]

    async def found_by_key() -> list[int]:
        by_key = Selection(terms=LetterTerms(key=Pattern(("secret", ""))))
        page = await run_async(reads.letters(log_id, by_key, limit=1), pool)
        return [letter.position for letter in page.letters]

    assert await shown_keys() == ["secret@example.org"] * 2
    assert await found_by_key() == [1]
    await redact(work, 1)
    assert await shown_keys() == [None] * 2
    assert await found_by_key() == []
    [record] = await work.events("EventFailed")
    assert orjson.loads(record.data)["key"] is None
    await work.placed("c-1", data=data)
    await work.decide("retry", 1)
    [again] = await work.take()
    assert (again.event.position, again.key) == (1, None)
    [held] = await in_flight(log_id, subscription.id, limit=10).afetch(pool)
    [first] = await open_deliveries(log_id, "w", agent=None, room=1_000, limit=10).afetch(pool)
    assert [held.key, first.key] == [None] * 2
    assert held.is_redacted
    await work.settle("ack", again)
    for position in (2, 5):
        [later] = await work.take()
        assert (later.event.position, later.key) == (position, "secret@example.org")
        await work.settle("ack", later)


async def test_a_key_that_is_a_value_of_data_is_hidden_in_a_take_that_is_asked_again(work: Work) -> None:
    await work.subscribe(order_by="/mail")
    await work.placed("a-1", data=b'{"mail": "secret@example.org"}')
    [delivery] = await work.take(request="r")
    assert delivery.key == "secret@example.org"
    await redact(work, 1)
    [again] = await work.take(request="r")
    assert (again.id, again.key) == (delivery.id, None)


@pytest.mark.parametrize("end", ["skipped", "done", "closed", "skipped before"])
async def test_a_key_that_is_a_value_of_data_is_forgotten_when_its_letter_has_come_to_its_end(
    work: Work, end: str
) -> None:
    await work.subscribe(order_by="/mail")
    for stream in ("a-1", "b-1"):
        await work.placed(stream, data=b'{"mail": "secret of %s"}' % stream.encode())
    await work.bury()
    if end == "skipped before":
        await work.decide("skip", 1, 2)
    await redact(work, 1)
    if end == "skipped":
        await work.decide("skip", 1, 2)
    elif end == "done":
        await work.decide("retry", 1, 2)
        for _ in range(2):
            await work.settle("ack", *await work.take())
    elif end == "closed":
        await rewind(Order(work.engine.pool, work.log.pk, "work", None, "ada"), to=0)
    assert [(await work.letter(position)).key for position in (1, 2)] == [None, "secret of b-1"]


async def test_a_letter_has_the_key_with_which_its_event_died_last(work: Work) -> None:
    await work.subscribe(order_by="/mail")
    await work.placed("a-1", data=b'{"mail": "secret@example.org"}')
    await work.bury()
    await redact(work, 1)
    await rewind(Order(work.engine.pool, work.log.pk, "work", None, "ada"), to=0)
    await work.bury()
    letter = await work.letter(1)
    assert (letter.state, letter.deaths, letter.key, letter.holds) == ("open", 2, None, False)


async def test_a_key_that_is_a_name_of_a_redacted_event_is_shown(work: Work) -> None:
    await work.subscribe()
    await work.placed("a-1")
    await work.bury()
    await redact(work, 1)
    letter = await reads.letter(work.log.pk, LetterId("work", 1)).afirst(work.engine.pool)
    [record] = await work.events("EventFailed")
    assert letter
    assert (letter.key, orjson.loads(record.data)["key"]) == ("a-1", "a-1")


async def test_the_record_of_a_failure_that_fails_is_a_letter_and_makes_no_record(work: Work) -> None:
    await work.subscribe(with_system_events=True, query="type:Placed OR type:EventFailed", order_by="none")
    await work.placed("a-1")
    await work.bury()
    [record] = await work.events("EventFailed")
    await work.bury()
    letter = await work.letter(record.position)
    assert letter.state in STATES
    assert [orjson.loads(event.data)["position"] for event in await work.events("EventFailed")] == [1]
    assert await work.taken(wait=0) == []


def test_postgres_keeps_no_samples_of_what_failures_say(database: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select attname from pg_attribute where attstattarget = 0"
            " and attrelid in ('failed_attempt'::regclass, 'dead_letter'::regclass, 'delivery'::regclass)"
        )
        columns = [name for (name,) in cursor.fetchall()]
    assert sorted(columns) == ["key", "key", "message", "note", "plain_message", "plain_message", "traceback"]
