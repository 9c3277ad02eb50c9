"""The SQL functions of subscriptions look at few rows, however many deliveries are unsettled, for any statistics.

The tests look at the plans of all statements that a call executes. The subscription has 1,000 deliveries in flight,
1,000 that wait for their next attempt, 1,000 dead letters that hold their keys, and 5,000 events that wait for one key.
Another one is like it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from events.appending.guards import GuardedAppend, guards_parameter
from events.models import Subscription
from events.reading.db_work import run
from events.sql import subscriptions as sql
from events.subscriptions.guard import Settles
from events.subscriptions.letters import deciding
from events.subscriptions.letters.deciding import Act, Decision
from events.subscriptions.letters.letter import LetterId
from events.subscriptions.subscriptions import served
from events.subscriptions.types import DeliveryId, Outcome, Settlement, Take
from events.subscriptions.work import Answer, Found, Range, WaitingTake, parameters
from tests.support.factories import make_append, make_event, make_log
from tests.support.full_logs import fill
from tests.support.plans import QUEUE_STATISTICS, Node, executed_plans, nodes, pretended
from tests.support.subscriptions import FAILURE, make_subscription

Call: TypeAlias = Callable[[Subscription], None]
MANY = 1_000
READ_TO = 15_000
MOST_ROWS = 200
"""A call meets a few rows for each event that it takes or settles."""
OUTER = ("select * from serve_subscription(", "select run_guards(", "update delivery set due = now() where")
"""How the statements begin that the test sends itself."""
TOKEN = UUID(int=7)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALL_IN_FLIGHT = ("group by consumer", "and request = p_request")
"""A take counts what is in flight, and looks there for what it got before: never more than the subscription's limit."""
TABLES = ("subscription", "delivery", "waiting_event", "dead_letter", "failed_attempt", "breaker")

ROWS = (
    f"""
    insert into delivery (
        log_id, subscription_id, position, chain, key, state, attempt, due, taken_at, head, token, consumer, request)
    select %(log)s, %(number)s, n, n, 'key-' || n, 1, 1, now() + interval '1 hour', now(), n, '{TOKEN}',
        'c-' || n %% 10, 'r-' || n %% 10
    from generate_series(1, {MANY}) n""",
    f"""
    insert into delivery (log_id, subscription_id, position, chain, key, state, attempt, due)
    select %(log)s, %(number)s, n, n, 'key-' || n, 2, 1, now() + interval '1 hour'
    from generate_series({MANY + 1}, {2 * MANY}) n""",
    f"""
    insert into delivery (log_id, subscription_id, position, chain, key, state, attempt)
    select %(log)s, %(number)s, n, n, 'key-' || n, 3, 3 from generate_series({2 * MANY + 1}, {3 * MANY}) n""",
    f"""
    insert into dead_letter (
        log_id, subscription_id, position, key, holds, state, attempts, died_at, fault, error_type, plain_message,
        frame)
    select %(log)s, %(number)s, n, 'key-' || n, true, 'open', 3, now(), 'f', 'E', '', ''
    from generate_series({2 * MANY + 1}, {3 * MANY}) n""",
    f"""
    insert into failed_attempt (
        log_id, subscription_id, position, attempt, outcome, consumer, taken_at, ended_at, head, error_type,
        plain_message, frame, fault)
    select %(log)s, %(number)s, n, 1, 'failed', 'c-1', now(), now(), n, 'E', '', '', 'f'
    from generate_series({MANY + 1}, {3 * MANY}) n""",
    f"""
    insert into waiting_event (log_id, subscription_id, chain, position)
    select %(log)s, %(number)s, 1, n from generate_series({5 * MANY + 1}, {10 * MANY}) n""",
    f"""
    update delivery set waiting = {5 * MANY}
    where log_id = %(log)s and subscription_id = %(number)s and position = 1""",
)


@pytest.fixture(scope="module")
def subscription(own_database: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Subscription]:
    with django_db_blocker.unblock():
        log = make_log()
        fill(log, 4)
        subscription, beside = (
            make_subscription(log, name=name, read_to=READ_TO, max_in_flight=5_000, max_in_flight_per_consumer=5_000)
            for name in ("work", "beside")
        )
        with connection.cursor() as cursor:
            for each in (subscription, beside):
                for statement in ROWS:
                    cursor.execute(statement, {"log": log.pk, "number": each.id})
            cursor.execute(f"analyze event, {', '.join(TABLES)}")
        yield subscription
        connection.close()


def _serve(
    subscription: Subscription, *, takes: list[Take] | None = None, settlements: list[Settlement] | None = None
) -> Answer:
    """Call the function as a server does that has found ten events: of the stuck key, of one in flight, and others."""
    known = served(subscription.log_id, subscription.id, "work", 1, 1, "", "stream", False, "")
    found = Range(READ_TO, READ_TO + 10)
    keys = ["key-1", "key-7", "key-7", *(f"new-{n}" for n in range(7))]
    for place, key in enumerate(keys, READ_TO + 1):
        event = make_event().recorded(key, position=place, version=1, recorded_at=NOW)
        found.found.append(Found(key, event))
    waiting: list[Any] = [WaitingTake(take, 0, None) for take in takes or []]  # type: ignore[arg-type]
    values: Any = parameters(known, waiting, settlements or [], found)
    with connection.cursor() as cursor:
        cursor.execute(sql.SERVE, values)
        answer = Answer(*cursor.fetchone())
    assert answer.served
    return answer


def _settle(subscription: Subscription, outcome: Outcome, *positions: int) -> None:
    failure = FAILURE if outcome in ("fail", "poison") else None
    seconds = 60 if outcome == "extend" else None
    settlements = [
        Settlement(DeliveryId(subscription.id, 1, each, TOKEN), outcome, failure=failure, seconds=seconds)
        for each in positions
    ]
    assert not [
        each for each in _serve(subscription, settlements=settlements).verdicts.values() if each.result != "settled"
    ]


def _append(subscription: Subscription, *positions: int) -> None:
    appends = [
        GuardedAppend(
            make_append(f"done-{each}", guards=(Settles("work", DeliveryId(subscription.id, 1, each, TOKEN)),)), n, n
        )
        for n, each in enumerate(positions, 1)
    ]
    with connection.cursor() as cursor:
        cursor.execute("select run_guards(%s, 20000, %s)", [subscription.log_id, guards_parameter(appends, None)])
        assert cursor.fetchone() == (None,)


def take(subscription: Subscription) -> None:
    answer = _serve(subscription, takes=[Take("c-1", None, 20, uuid4().hex), Take("new", None, 20, uuid4().hex)])
    assert answer.counts == {0: 7}


def take_again(subscription: Subscription) -> None:
    answer = _serve(subscription, takes=[Take("c-1", None, 20, "r-1")])
    assert answer.counts == {0: MANY / 10}


def acknowledge(subscription: Subscription) -> None:
    _settle(subscription, "ack", 2, 3, 4)


def acknowledge_the_stuck_key(subscription: Subscription) -> None:
    _settle(subscription, "ack", 1, 2)


def fail(subscription: Subscription) -> None:
    _settle(subscription, "fail", 1, 2)


def bury(subscription: Subscription) -> None:
    _settle(subscription, "poison", 1, 2)


def release(subscription: Subscription) -> None:
    _settle(subscription, "release", 1, 2)


def extend(subscription: Subscription) -> None:
    _settle(subscription, "extend", 1, 2)


def append_one(subscription: Subscription) -> None:
    _append(subscription, 2)


def append_several(subscription: Subscription) -> None:
    _append(subscription, 2, 3, 4)


def append_for_the_stuck_key(subscription: Subscription) -> None:
    _append(subscription, 1)


def expire(subscription: Subscription) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "update delivery set due = now() where log_id = %s and subscription_id = %s and position in (1, 2, 1001)",
            [subscription.log_id, subscription.id],
        )
    _serve(subscription)


def retry(subscription: Subscription) -> None:
    _decide(subscription, "retry")


def skip(subscription: Subscription) -> None:
    _decide(subscription, "skip")


def _decide(subscription: Subscription, act: Act) -> None:
    ids = [LetterId("work", 2 * MANY + 1), LetterId("work", 2 * MANY + 2)]
    results = run(deciding.decide(subscription.log_id, ids, Decision(act, by="ann")))
    assert [each.result for each in results] == ["decided", "decided"]


CALLS: tuple[Call, ...] = (
    take,
    take_again,
    acknowledge,
    acknowledge_the_stuck_key,
    fail,
    bury,
    release,
    extend,
    append_one,
    append_several,
    append_for_the_stuck_key,
    expire,
    retry,
    skip,
)


USUAL = (take, acknowledge, acknowledge_the_stuck_key, append_one, append_several)
WITHOUT_STATISTICS = ("none", "of an empty queue")


@pytest.mark.parametrize("statistics", QUEUE_STATISTICS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.usefixtures("database")
def test_a_function_looks_at_few_rows(subscription: Subscription, call: Call, statistics: Any) -> None:
    connection.ensure_connection()
    if connection.connection.info.server_version < 170_000 and statistics in WITHOUT_STATISTICS and call not in USUAL:
        pytest.skip(
            "before Postgres 17, positions in an array are compared with all rows that are not known to be there"
        )
    with executed_plans() as plans, pretended(statistics):
        plans.clear()
        call(subscription)
    inner = [each for each in plans if not each["Query Text"].startswith(OUTER)]
    assert inner
    dear = [(_most_rows(each), each["Query Text"]) for each in inner if _most_rows(each) > MOST_ROWS]
    assert not [each for each in dear if not any(text in each[1] for text in ALL_IN_FLIGHT)]


def _most_rows(plan: Node) -> int:
    """The most rows that a node of a plan met, in all its loops."""
    kinds = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter")
    return max(int(node["Actual Loops"] * sum(node.get(kind, 0) for kind in kinds)) for node in nodes(plan["Plan"]))
