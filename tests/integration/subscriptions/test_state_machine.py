"""Whatever consumers do, the events of a key are delivered in order, each until it is settled, and none is lost.

The test calls the function of the database itself, with requests in any order, and keeps account of every event.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.models import Delivery, DeliveryState, Log, Subscription
from events.sql import subscriptions as sql
from events.subscriptions.types import DeliveryId, Outcome, Settlement, Take
from events.subscriptions.work import Answer, Found, Range, Taken, WaitingTake, parameters
from tests.support.factories import make_event, make_log
from tests.support.subscriptions import FAILURE, make_subscription

KEYS = ("a", "b", "c", None)
CONSUMERS = ("one", "two")
MAX_ATTEMPTS = 3
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OUTCOMES = ("ack", "ack", "ack", "fail", "fail", "poison", "release")

steps = st.one_of(
    st.tuples(st.just("append"), st.lists(st.sampled_from(KEYS), min_size=1, max_size=6)),
    st.tuples(st.just("take"), st.sampled_from(CONSUMERS), st.integers(1, 4)),
    st.tuples(
        st.just("settle"),
        st.integers(0, 50),
        st.sampled_from(["ack", "ack", "ack", "fail", "fail", "poison", "release"]),
    ),
    st.tuples(st.just("expire"), st.integers(0, 50)),
    st.tuples(st.just("rewind"), st.integers(0, 50)),
    st.tuples(st.just("pause"), st.booleans()),
)


@dataclass
class Account:
    """What must hold of a subscription, told from its answers alone."""

    subscription: Subscription
    passes: bool
    keys: list[str | None] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)
    dead: set[int] = field(default_factory=set)
    attempts: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    in_flight: dict[int, Taken] = field(default_factory=dict)
    old: list[Taken] = field(default_factory=list)
    consumers: dict[UUID, str] = field(default_factory=dict)
    generations: dict[UUID, int] = field(default_factory=dict)
    read_to: int = 0
    generation: int = 1
    version: int = 1
    is_paused: bool = False

    def id_of(self, taken: Taken) -> DeliveryId:
        return DeliveryId(self.subscription.id, self.generations[taken.token], taken.position, taken.token)

    def unsettled(self, key: str, before: int) -> list[int]:
        """The events of a key before a position that are not done: those that must be delivered first."""
        done = self.settled | (self.dead if self.passes else set())
        return [place for place in range(1, before) if self.keys[place - 1] == key and place not in done]

    def deliver(self, taken: Taken, consumer: str) -> None:
        place, key = taken.position, self.keys[taken.position - 1]
        assert taken.key == key
        assert place not in self.settled
        assert place not in self.dead
        assert place not in self.in_flight
        if key is not None:
            assert not self.unsettled(key, place)
        self.attempts[place] += 1
        assert taken.attempt == self.attempts[place] <= MAX_ATTEMPTS
        self.in_flight[place] = taken
        self.old.append(taken)
        self.consumers[taken.token] = consumer
        self.generations[taken.token] = self.generation

    def settle(self, taken: Taken, outcome: Outcome, result: str) -> None:
        place = taken.position
        current = self.in_flight.get(place)
        if current is None or current.token != taken.token:
            assert result in ("already-settled", "expired")
            return
        assert result == "settled"
        del self.in_flight[place]
        if outcome == "ack":
            self.settled.add(place)
        elif outcome == "release":
            self.attempts[place] -= 1
        elif outcome == "poison" or self.attempts[place] == MAX_ATTEMPTS:
            self.dead.add(place)

    def rewind(self, position: int) -> None:
        """Back, all events after the position are unsettled again; forward, all up to it are settled."""
        is_back = position < self.read_to
        void = {place for place in range(1, len(self.keys) + 1) if not is_back or place > position}
        for place in void:
            self.in_flight.pop(place, None)
            self.attempts.pop(place, None)
        self.dead -= void
        if is_back:
            self.settled -= void
        else:
            self.settled |= set(range(1, position + 1))
        self.read_to = position
        self.generation += 1
        self.version += 1

    def expire(self, taken: Taken) -> None:
        del self.in_flight[taken.position]
        if self.attempts[taken.position] == MAX_ATTEMPTS:
            self.dead.add(taken.position)


def execute(statement: str, values: Any) -> Any:
    connection.ensure_connection()
    session: psycopg.Connection[Any] = connection.connection
    row = session.execute(statement, values).fetchone()
    assert row
    return row


def serve(account: Account, takes: list[Take], settlements: list[Settlement]) -> Answer:
    """Call the function as a server does that has searched the log to its end."""
    subscription = account.subscription
    found = [
        Found(key, make_event().recorded("a-1", position=place, version=1, recorded_at=NOW))
        for place, key in enumerate(account.keys, 1)
        if place > account.read_to
    ]
    range = Range(account.read_to, len(account.keys))
    range.found.extend(found)
    waiting: list[Any] = [WaitingTake(take, 0, None) for take in takes]  # type: ignore[arg-type]
    values = parameters(subscription.log_id, subscription.id, account.version, waiting, settlements, range)
    row = execute(sql.SERVE, values)
    answer = Answer(*row)
    assert answer.served
    assert answer.read_to >= account.read_to
    account.read_to = answer.read_to
    return answer


def step(account: Account, kind: str, *arguments: Any) -> None:
    if kind == "append":
        account.keys += arguments[0]
    elif kind == "take":
        consumer, limit = arguments
        answer = serve(account, [Take(consumer, None, limit, uuid4().hex)], [])
        assert len(answer.deliveries) <= (0 if account.is_paused else limit)
        places = [taken.position for taken in answer.deliveries]
        assert places == sorted(places)
        for taken in answer.deliveries:
            account.deliver(taken, consumer)
            if taken.attempt == MAX_ATTEMPTS:
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
        Delivery.objects.filter(token=taken.token).update(due="2020-01-01T00:00:00Z")
        serve(account, [], [])
        account.expire(taken)
    elif kind == "rewind":
        position = arguments[0] % (len(account.keys) + 1)
        keys = {"log_id": account.subscription.log_id, "number": account.subscription.id, "position": position}
        execute(sql.REWIND, {**keys, "after": position if position < account.read_to else 0})
        account.rewind(position)
    elif kind == "pause":
        [account.is_paused] = arguments
        keys = {"log_id": account.subscription.log_id, "number": account.subscription.id}
        [account.version] = execute(sql.PAUSE, {**keys, "is_paused": account.is_paused, "reason": None})


def check(account: Account) -> None:
    """The rows that there are tell the same as the account."""
    rows = Delivery.objects.filter(log_id=account.subscription.log_id, subscription_id=account.subscription.id)
    assert {row.position for row in rows if row.state == DeliveryState.IN_FLIGHT} == set(account.in_flight)
    held = {row.position for row in rows if row.state == DeliveryState.HELD}
    holding = {place for place in account.dead if account.keys[place - 1] is not None and not account.passes}
    assert held == holding
    done = account.settled | (account.dead - holding)
    read = set(range(1, account.read_to + 1)) - done
    assert sum(1 + row.waiting for row in rows) == len(read)
    assert min((row.position for row in rows), default=account.read_to + 1) == min(read, default=account.read_to + 1)


@pytest.mark.parametrize("passes", [False, True])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(steps, min_size=20, max_size=40))
def test_the_order_of_a_key_holds_and_nothing_is_lost(database: None, passes: bool, script: list[Any]) -> None:
    log: Log = make_log()
    subscription = make_subscription(log, max_attempts=MAX_ATTEMPTS, passes_dead_letters=passes)
    account = Account(subscription, passes, keys=["a", "b", "a"])
    for kind, *arguments in script:
        step(account, kind, *arguments)
        check(account)

    step(account, "pause", False)
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
    held = {
        place
        for place, key in enumerate(account.keys, 1)
        if key is not None and not passes and (place in account.dead or account.unsettled(key, place))
    }
    assert account.settled == set(range(1, len(account.keys) + 1)) - account.dead - held
    check(account)
