"""A local projection holds what the log says, and nothing twice."""

from __future__ import annotations

import threading
from itertools import islice

import pytest

from events.models import Log
from eventsite_client import Client, Event, NewEvent, TimedOut
from tests.support.running import append


def add(count: int | None, event: Event) -> int:
    return (count or 0) + int(event.data)


def move(log: Log, *moves: tuple[str, int]) -> None:
    append(log, [(stream, {"type": "Moved", "data": b"%d" % change}) for stream, change in moves])


def test_a_projection_folds_what_is_in_the_log(client: Client, log: Log) -> None:
    stock = client.projection("type:Moved", add)
    assert (dict(stock), stock.position) == ({}, 0)
    move(log, ("a", 3), ("b", 5), ("a", -1))
    client.append("a", NewEvent("Other", 100))
    stock.catch_up()
    assert (dict(stock), stock["a"], len(stock), stock.position) == ({"a": 2, "b": 5}, 2, 2, 4)
    stock.catch_up()
    move(log, ("b", 1))
    stock.catch_up()
    assert dict(stock) == {"a": 2, "b": 6}


def test_a_projection_goes_on_as_events_come(client: Client, log: Log) -> None:
    move(log, *(("a", 1) for _ in range(1_200)))
    stock = client.projection("type:Moved", add)
    stock.catch_up()
    writing = threading.Timer(0.2, move, (log, ("a", 1), ("b", 7)))
    writing.start()
    seen = [(event.stream, stock[event.stream]) for event in islice(stock.follow(), 2)]
    writing.join()
    assert seen == [("a", 1_201), ("b", 7)]
    assert stock.position == 1_202


def test_no_event_is_folded_twice_by_two_readers(client: Client, log: Log) -> None:
    stock = client.projection("type:Moved", add)
    following = stock.follow()
    move(log, *(("a", 1) for _ in range(3)))
    assert next(following).version == 1
    stock.catch_up()
    assert (dict(stock), stock.position) == ({"a": 3}, 3)
    assert [event.version for event in islice(following, 2)] == [2, 3]
    following.close()
    assert dict(stock) == {"a": 3}


def test_threads_may_catch_up_at_once(client: Client, log: Log) -> None:
    move(log, *(("a", 1) for _ in range(1_500)))
    stock = client.projection("type:Moved", add)
    threads = [threading.Thread(target=stock.catch_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (dict(stock), stock.position) == ({"a": 1_500}, 1_500)


def test_a_key_may_be_anything_or_nothing(client: Client, log: Log) -> None:
    move(log, ("a-1", 1), ("a-2", 2), ("b-1", 4))
    stock = client.projection("", add, key=lambda event: event.stream[0] if event.stream < "b" else None, after=1)
    stock.catch_up()
    assert dict(stock) == {"a": 2}


def test_a_position_is_waited_for(client: Client, log: Log) -> None:
    stock = client.with_timeout(0.3).projection("type:Moved", add)
    with pytest.raises(TimedOut, match="before 1"):
        stock.catch_up(1)
    stock = client.projection("type:Moved", add)
    writing = threading.Timer(0.2, move, (log, ("a", 1)))
    writing.start()
    stock.catch_up(1)
    writing.join()
    assert dict(stock) == {"a": 1}
