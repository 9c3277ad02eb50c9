"""The cost of tags: the time of an append with 0, 1, 4 and 16 tags an event, and the bytes of a tag on the disk."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from itertools import count as counter

import psycopg
import uuid_utils

from events import sql
from events.appending import flush
from events.appending.checks import new_append, new_event
from events.appending.plan import Request, plan
from events.types import NewEvent
from tests.benchmarks import payloads
from tests.benchmarks.logs import make_log
from tests.benchmarks.measure import Table, count, interleaved, milliseconds, ratio

_TAGS = (0, 1, 4, 16)
_CALLS = ((1, 200), (100, 20))
"""Events in each call, and calls."""
_ROUNDS = 9
_DISK_CALLS, _DISK_EVENTS = 100, 500
_NAMES = {"of 5 names": 5, "of 100 names": 100, "of 5,000 names": 5_000, "each its own": None}
_SIZE = "select pg_table_size('event'), pg_table_size('event_tag'), pg_relation_size('event_tag_pkey')"

_numbers = counter()


def run() -> Iterator[Table]:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:
        yield _disk(session)  # first: what is rolled back leaves room for rows that come later
        yield _times(session)


def _times(session: psycopg.Connection) -> Table:
    heads = ("events a call", *(f"{tags} tags" for tags in _TAGS), "1 ÷ 0", "4 ÷ 0")
    table = Table("Append: a call of the function without its commit, by tags an event", heads)
    log_id = make_log().pk
    for events, calls in _CALLS:
        costs = {str(tags): partial(_seconds, session, log_id, events, calls, tags) for tags in _TAGS}
        seconds = interleaved(costs, rounds=_ROUNDS)
        ratios = (ratio(seconds[tags], seconds["0"]) for tags in ("1", "4"))
        table.rows.append((count(events), *map(milliseconds, seconds.values()), *ratios))
    return table


def _seconds(session: psycopg.Connection, log_id: int, events: int, calls: int, tags: int) -> float:
    """Return the seconds of one call; the parameters are made before, and all calls are rolled back."""
    flushes = [_flush(log_id, [_event(tags) for _ in range(events)]) for _ in range(calls)]
    with session.transaction(force_rollback=True):
        start = time.perf_counter()
        for parameters in flushes:
            session.execute(sql.APPEND, parameters, prepare=True)
        return (time.perf_counter() - start) / calls


def _disk(session: psycopg.Connection) -> Table:
    """One tag an event, of few names and of many."""
    table = Table("Disk: bytes a tag of 14 characters", ("", "in event", "event_tag: rows", "event_tag: key", "all"))
    base = _bytes(session, names=0)[0]
    for title, names in _NAMES.items():
        in_event, rows, key = _bytes(session, names)
        sizes = (in_event - base, rows, key, in_event - base + rows + key)
        table.rows.append((title, *(f"{size:.0f}" for size in sizes)))
    return table


def _bytes(session: psycopg.Connection, names: int | None) -> list[float]:
    """Return the bytes by which the rows of events and the table of tags with its key grow for an event.

    `names` is the number of different tags; 0: no tags, None: each event has its own.
    """
    log_id = make_log().pk
    before = session.execute(_SIZE).fetchone()
    for _ in range(_DISK_CALLS):
        events = []
        for _ in range(_DISK_EVENTS):
            number = next(_numbers)
            tags = (
                () if names == 0 else (f"customer-{(number if names is None else number % names) * 7919 % 100_000:05}",)
            )
            events.append(_event(0, tags))
        session.execute(sql.APPEND, _flush(log_id, events), prepare=True)
    after = session.execute(_SIZE).fetchone()
    assert before
    assert after
    return [(new - old) / (_DISK_CALLS * _DISK_EVENTS) for old, new in zip(before, after, strict=True)]


def _event(tags: int, named: tuple[str, ...] = ()) -> NewEvent:
    """Return an event with a number of tags, each fourth of which is its own."""
    number = next(_numbers)
    names = [
        f"tag-{place}-{number if place % 4 == 3 else number * 7919 % 10 ** (place % 4 + 1)}" for place in range(tags)
    ]
    return new_event(
        "order-1", payloads.TYPE, data=payloads.data(number), id=str(uuid_utils.uuid7()), tags=[*named, *names]
    )


def _flush(log_id: int, events: list[NewEvent]) -> list[object]:
    return flush.append_parameters(log_id, plan([Request([new_append("order-1", events)])]))
