"""Whatever consumers do, the events of a key are delivered in order, each until it is settled, and none is lost.

The test calls the function of the database itself, with requests in any order, and keeps account of every event.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import redaction
from events.appending.flush import append_parameters
from events.appending.plan import Request, plan
from events.models import DeadLetter, Delivery, DeliveryState, FailedAttempt, Log
from events.reading.db_work import run
from events.sql import APPEND
from events.sql import subscriptions as sql
from events.subscriptions.guard import Settles
from events.subscriptions.letters import deciding, reads
from events.subscriptions.letters.deciding import Act, Decision
from events.subscriptions.letters.letter import DECIDABLE, LetterId
from events.subscriptions.subscriptions import served
from events.subscriptions.types import Settled, Settlement, Take
from events.subscriptions.unsettled import in_flight, waiting_keys
from events.subscriptions.work import Answer, Found, Range, Taken, WaitingTake, parameters
from tests.support.factories import make_append, make_event, make_log
from tests.support.subscription_account import MAX_ATTEMPTS, Account
from tests.support.subscriptions import FAILURE, expire, make_subscription

KEYS = ("a", "b", "c", None)
CONSUMERS = ("one", "two")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OUTCOMES = ("ack", "ack", "ack", "fail", "fail", "poison", "release")

steps = st.one_of(
    st.tuples(st.just("append"), st.lists(st.sampled_from(KEYS), min_size=1, max_size=6)),
    st.tuples(st.just("take"), st.sampled_from(CONSUMERS), st.integers(1, 4)),
    st.tuples(st.sampled_from(["settle", "settle", "settle again"]), st.integers(0, 50), st.sampled_from(OUTCOMES)),
    st.tuples(st.just("settle by append"), st.lists(st.integers(0, 50), min_size=1, max_size=3)),
    st.tuples(st.just("expire"), st.integers(0, 50)),
    st.tuples(st.just("decide"), st.integers(0, 50), st.sampled_from(["retry", "retry", "retry", "skip", "escalate"])),
    st.tuples(st.just("rewind"), st.integers(0, 50)),
    st.tuples(st.just("pause"), st.booleans()),
    st.tuples(st.just("redact"), st.integers(0, 50)),
)


def execute(statement: str, values: Any) -> Any:
    connection.ensure_connection()
    session: psycopg.Connection[Any] = connection.connection
    row = session.execute(statement, values).fetchone()
    assert row
    return row


@dataclass
class Result:
    """What was delivered, and the answers to settlements."""

    deliveries: list[Taken]
    verdicts: list[Settled]


def serve(account: Account, takes: list[Take], settlements: list[Settlement]) -> Result:
    """Call the function as a server does that has searched the log to its end."""
    subscription = account.subscription
    known = served(
        subscription.log_id, subscription.id, "work", account.version, account.generation, "", "none", False, ""
    )
    found = [
        Found(key, make_event().recorded("a-1", position=place, version=1, recorded_at=NOW))
        for place, key in enumerate(account.keys, 1)
        if place > account.read_to and place not in account.markers
    ]
    part = Range(account.read_to, len(account.keys))
    part.found.extend(found)
    waiting: list[Any] = [WaitingTake(take, 0, None) for take in takes]  # type: ignore[arg-type]
    values = parameters(known, waiting, settlements, part)
    row = execute(sql.SERVE, values)
    answer = Answer(*row)
    assert answer.served
    assert answer.read_to >= account.read_to
    account.read_to = answer.read_to
    return Result(
        answer.deliveries(part),
        [answer.verdicts.get(n, Settled("settled")) for n in range(len(settlements))],
    )


def step(account: Account, kind: str, *arguments: Any) -> None:
    if kind == "append":
        append(account, arguments[0])
    elif kind == "take":
        consumer, limit = arguments
        answer = serve(account, [Take(consumer, None, limit, uuid4().hex)], [])
        assert len(answer.deliveries) <= (0 if account.is_paused else limit)
        places = [taken.position for taken in answer.deliveries]
        assert places == sorted(places)
        for taken in answer.deliveries:
            account.deliver(taken, consumer)
            if taken.attempt == MAX_ATTEMPTS or taken.position in account.retried:
                assert len(answer.deliveries) == 1
    elif kind in ("settle", "settle again") and account.old:
        number, outcome = arguments
        choice = list(account.in_flight.values()) if kind == "settle" else account.old
        if not choice:
            return
        taken = choice[number % len(choice)]
        failure = FAILURE if outcome in ("fail", "poison") else None
        settlement = Settlement(
            account.id_of(taken),
            outcome,
            account.consumers[taken.token],
            failure=failure,
        )
        [verdict] = serve(account, [], [settlement]).verdicts
        account.settle(taken, outcome, verdict.result)
    elif kind == "expire" and account.in_flight:
        places = sorted(account.in_flight)
        taken = account.in_flight[places[arguments[0] % len(places)]]
        expire(account.subscription.log, token=taken.token, position=taken.position)
        serve(account, [], [])
        account.expire(taken)
    elif kind == "decide" and account.deaths:
        number, act = arguments
        places = sorted(account.deaths)
        decide(account, places[number % len(places)], act)
    elif kind in ORDERS:
        ORDERS[kind](account, *arguments)


def append(account: Account, keys: list[str | None]) -> None:
    """Append an event with each of these keys to the log."""
    events = [{"data": orjson.dumps({} if key is None else {"key": key})} for key in keys]
    flush = plan([Request([make_append("a-1", *events)])])
    execute(APPEND, append_parameters(account.subscription.log_id, flush))
    account.keys += keys


def redact(account: Account, number: int) -> None:
    """Redact an event, and look whether its key is still shown anywhere."""
    places = [place for place in range(1, len(account.keys) + 1) if place not in account.markers | account.redacted]
    if not places:
        return
    place, log_id, subscription_id = places[number % len(places)], account.subscription.log_id, account.subscription.id
    account.redact(place, redaction.redact(log_id, place, reason="a secret", by="ada").marker_position)
    rows: list[Any] = in_flight(log_id, subscription_id, limit=100).fetch()
    rows += waiting_keys(log_id, subscription_id, limit=100).fetch()
    rows += reads.letter(log_id, LetterId("work", place)).fetch()
    assert {row.key for row in rows if row.position in account.redacted} <= {None}


def settle_by_append(account: Account, numbers: list[int]) -> None:
    """Settle deliveries as an append does: all of them, or none if one is not with its consumer any more."""
    if not account.old:
        return
    deliveries = [account.old[-1 - number % len(account.old)] for number in numbers]
    guards = [Settles("work", account.id_of(taken)).parameters(1, 1, None) for taken in deliveries]
    settlements = orjson.dumps([{"append": 0, "guard": n, **guard} for n, guard in enumerate(guards) if guard])
    [refusals] = execute("select settle_by_append(%s, %s::json)", [account.subscription.log_id, settlements.decode()])
    lost = {n for n, taken in enumerate(deliveries) if account.in_flight.get(taken.position) != taken}
    assert {refusal["guard"] for refusal in refusals or []} == lost
    if not lost:
        for taken in {taken.position: taken for taken in deliveries}.values():
            account.settle(taken, "ack", "settled")


def rewind(account: Account, number: int) -> None:
    position = number % (len(account.keys) + 1)
    keys = {"log_id": account.subscription.log_id, "number": account.subscription.id, "position": position}
    execute(sql.REWIND, {**keys, "after": position if position < account.read_to else 0})
    account.rewind(position)


def pause(account: Account, is_paused: bool) -> None:
    account.is_paused = is_paused
    keys = {"log_id": account.subscription.log_id, "number": account.subscription.id}
    [account.version] = execute(sql.PAUSE, {**keys, "is_paused": is_paused, "reason": None})


ORDERS: dict[str, Any] = {"settle by append": settle_by_append, "rewind": rewind, "pause": pause, "redact": redact}


def decide(account: Account, place: int, act: Act) -> None:
    """Decide about a letter: an open one is decided, and whatever became of it before is left as it is."""
    subscription = account.subscription
    decision = Decision(act, "ada", "bo" if act == "escalate" else None, uuid4().hex)
    [result] = run(deciding.decide(subscription.log_id, [LetterId(subscription.name, place)], decision))
    assert result.result == ("decided" if place in account.dead else "unchanged")
    if result.result == "decided":
        account.decide(place, act)


def floor(account: Account) -> int:
    """The floor, as the list of subscriptions shows it."""
    params = {"log_id": account.subscription.log_id, "name": None}
    row = connection.connection.execute(sql.STATUS, params).fetchone()
    return int(row[10])


def check(account: Account) -> None:
    """The rows that there are tell the same as the account."""
    rows = Delivery.objects.filter(log_id=account.subscription.log_id, subscription_id=account.subscription.id)
    assert {row.position for row in rows if row.state == DeliveryState.IN_FLIGHT} == set(account.in_flight)
    held = {row.position for row in rows if row.state == DeliveryState.HELD}
    assert held == {place for place in account.dead if account.holds(place)}
    read = set(range(1, account.read_to + 1)) - account.done
    assert sum(1 + row.waiting for row in rows) == len(read)
    assert floor(account) == min(read, default=account.read_to + 1) - 1
    letters = DeadLetter.objects.filter(log_id=account.subscription.log_id, subscription_id=account.subscription.id)
    assert {letter.position: letter.deaths for letter in letters} == account.deaths
    undone = {letter.position for letter in letters if letter.state in DECIDABLE}
    assert undone == account.dead


@pytest.mark.parametrize("passes", [False, True])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(steps, min_size=20, max_size=40))
def test_the_order_of_a_key_holds_and_nothing_is_lost(database: None, passes: bool, script: list[Any]) -> None:
    log: Log = make_log()
    subscription = make_subscription(log, order_by="/key", max_attempts=MAX_ATTEMPTS, passes_dead_letters=passes)
    account = Account(subscription, passes)
    append(account, ["a", "b", "a"])
    for kind, *arguments in script:
        step(account, kind, *arguments)
        check(account)

    pause(account, False)
    finish(account)
    for place in list(account.dead):
        decide(account, place, "retry")
    finish(account)
    assert account.settled | account.skipped | account.markers == set(range(1, len(account.keys) + 1))
    failures = FailedAttempt.objects.filter(log=log, position__in=account.redacted)
    assert not failures.exclude(message=None).exists()


def finish(account: Account) -> None:
    """Acknowledge what is in flight, and whatever can be taken after it."""
    for taken in list(account.in_flight.values()):
        settlement = Settlement(account.id_of(taken), "ack", None)
        [verdict] = serve(account, [], [settlement]).verdicts
        account.settle(taken, "ack", verdict.result)
    while deliveries := serve(account, [Take("three", None, 100, uuid4().hex)], []).deliveries:
        for taken in deliveries:
            account.deliver(taken, "three")
        acks = [Settlement(account.id_of(taken), "ack", "three") for taken in deliveries]
        for taken, verdict in zip(deliveries, serve(account, [], acks).verdicts, strict=True):
            account.settle(taken, "ack", verdict.result)
    check(account)
    undone = set(range(1, len(account.keys) + 1)) - account.done
    blocked = {
        place
        for place in undone
        if account.holds(place) and account.first(str(account.keys[place - 1])) in account.dead
    }
    assert undone == blocked
