"""What makes taking and settling dearer: a reader's open snapshot, and a key for which a million events wait."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial

import psycopg

from events.models import DeliveryState, Log, Subscription
from tests.benchmarks.consuming.ours import make_place, ours_rate, rate_of
from tests.benchmarks.measure import Table, count, interleaved, ratio
from tests.support.subscriptions import make_delivery, make_letter

_SNAPSHOT_CELLS = ((1, 10, 2_000), (8, 100, 16_000), (8, 100, 32_000))
_STUCK_CELLS = ((1, 100, 1_500), (8, 100, 4_000))
"""Consumers, the most events of a take, and events."""
_STUCK_ROUNDS = 5
_SECONDS = 5.0
_WAITING = 1_000_000
_LET_WAIT = """
    insert into waiting_event (log_id, subscription_id, chain, position)
    select %(log_id)s, %(number)s, 1, p from generate_series(%(first)s, %(last)s) p
"""
_TABLES = ("delivery", "waiting_event", "subscription")
_SIZES = "select pg_table_size('waiting_event'), pg_indexes_size('waiting_event')"


def beside_snapshot(log: Log) -> Table:
    """The rates with and without a session that holds a snapshot, so that no dead row can be removed."""
    heads = ("consumers", "a batch", "events", "alone", "beside a snapshot", "times as dear", "alone ÷ alone")
    table = Table("Beside a reader's open snapshot: events a second", heads)
    for consumers, batch, events in _SNAPSHOT_CELLS:
        alone = partial(_tidy_rate, log, consumers, batch, events)
        measures: dict[str, Callable[[], float]] = {
            "alone": alone,
            "beside": partial(_beside_snapshot, alone),
            "again": alone,
        }
        rates = interleaved(measures)
        dearer, again = ratio(rates["alone"], rates["beside"]), ratio(rates["alone"], rates["again"])
        cells = map(count, (consumers, batch, events, rates["alone"], rates["beside"]))
        table.rows.append((*cells, dearer, again))
    return table


def _tidy_rate(log: Log, consumers: int, batch: int, events: int) -> float:
    """The rate without what measurements before have left."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:
        for table in _TABLES:
            session.execute(f"vacuum {table}")
    return ours_rate(log, consumers=consumers, batch=batch, most=events, seconds=_SECONDS)


def _beside_snapshot(measure: Callable[[], float]) -> float:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as reader:
        reader.execute("begin isolation level repeatable read")
        reader.execute("select 1")
        rate = measure()
        reader.execute("commit")
        return rate


def beside_stuck_key(log: Log) -> Iterator[Table]:
    """The rates of subscriptions with and without such a key. They read on in the log from round to round."""
    size = Table("An event that waits", ("bytes of its row", "bytes in the index", "all"))
    stuck = _make_stuck(log, size)
    heads = ("consumers", "a batch", "no key is stuck", "one is", "times as dear", "none ÷ none")
    table = Table(f"{_WAITING:,} events wait for one key: events of the others a second", heads)
    places = {"none": make_place(log), "stuck": stuck, "again": make_place(log)}
    for consumers, batch, events in _STUCK_CELLS:
        rates = interleaved(
            {
                name: partial(rate_of, place, consumers=consumers, batch=batch, most=events, seconds=_SECONDS)
                for name, place in places.items()
            },
            rounds=_STUCK_ROUNDS,
        )
        dearer, again = ratio(rates["none"], rates["stuck"]), ratio(rates["none"], rates["again"])
        table.rows.append((*map(count, (consumers, batch, rates["none"], rates["stuck"])), dearer, again))
    yield table
    yield size


def _make_stuck(log: Log, sizes: Table) -> Subscription:
    """A subscription whose first event is a dead letter that holds its key, with a million events that wait for it.

    Their rows are made by SQL, as takes would leave them. Their positions come after the log, which takes would need
    minutes to fill; nothing reads an event while it waits. Later events of the key in the log wait as well.
    """
    place = make_place(log, read_to=1)
    make_delivery(place, 1, key="order-0", state=DeliveryState.HELD, consumer=None, due=None, waiting=_WAITING)
    make_letter(place, 1, key="order-0")
    log.refresh_from_db()
    positions = {"first": log.head + 1, "last": log.head + _WAITING}
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:
        before = session.execute(_SIZES).fetchone() or ()
        session.execute(_LET_WAIT, {"log_id": log.pk, "number": place.id, **positions})
        session.execute("vacuum (analyze) waiting_event")
        after = session.execute(_SIZES).fetchone() or ()
    rows, index = [(size - smaller) / _WAITING for size, smaller in zip(after, before, strict=True)]
    sizes.rows.append((count(rows), count(index), count(rows + index)))
    return place
