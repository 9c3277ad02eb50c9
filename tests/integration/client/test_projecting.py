"""A local projection holds what the log says, and nothing twice."""

from __future__ import annotations

import threading
from itertools import islice

import pytest

from eventsite_client import Client, Event, NewEvent, TimedOut
from tests.support.twins import EVERYWHERE

pytestmark = EVERYWHERE


def add(count: int | None, event: Event) -> int:
    return (count or 0) + int(event.data)


def move(client: Client, stream: str, *changes: int) -> None:
    client.append(stream, *(NewEvent("Moved", change) for change in changes))


def move_both(client: Client) -> None:
    move(client, "a", 1)
    move(client, "b", 7)


def test_a_projection_folds_what_is_in_the_log(client: Client) -> None:
    stock = client.projection("type:Moved", add)
    assert (dict(stock), stock.position) == ({}, 0)
    for stream, change in [("a", 3), ("b", 5), ("a", -1)]:
        move(client, stream, change)
    client.append("a", NewEvent("Other", 100))
    stock.catch_up()
    assert (dict(stock), stock["a"], len(stock), stock.position) == ({"a": 2, "b": 5}, 2, 2, 4)
    stock.catch_up()
    move(client, "b", 1)
    stock.catch_up()
    assert dict(stock) == {"a": 2, "b": 6}


def test_a_projection_goes_on_as_events_come(client: Client) -> None:
    move(client, "a", *[1] * 600)
    move(client, "a", *[1] * 600)
    stock = client.projection("type:Moved", add)
    stock.catch_up()
    writing = threading.Timer(0.1, move_both, [client])
    writing.start()
    following = stock.follow()
    seen = [(event.stream, stock[event.stream]) for event in islice(following, 2)]
    following.close()
    writing.join()
    assert seen == [("a", 1_201), ("b", 7)]
    assert stock.position == 1_202


def test_no_event_is_folded_twice_by_two_readers(client: Client) -> None:
    stock = client.projection("type:Moved", add)
    following = stock.follow()
    move(client, "a", 1, 1, 1)
    assert next(following).version == 1
    stock.catch_up()
    assert (dict(stock), stock.position) == ({"a": 3}, 3)
    assert [event.version for event in islice(following, 2)] == [2, 3]
    following.close()
    assert dict(stock) == {"a": 3}


def test_threads_may_catch_up_at_once(client: Client) -> None:
    move(client, "a", *[1] * 750)
    move(client, "a", *[1] * 750)
    stock = client.projection("type:Moved", add)
    threads = [threading.Thread(target=stock.catch_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (dict(stock), stock.position) == ({"a": 1_500}, 1_500)


def test_a_key_may_be_anything_or_nothing(client: Client) -> None:
    for stream, change in [("a-1", 1), ("a-2", 2), ("b-1", 4)]:
        move(client, stream, change)
    stock = client.projection("", add, key=lambda event: event.stream[0] if event.stream < "b" else None, after=1)
    stock.catch_up()
    assert dict(stock) == {"a": 2}


def test_a_position_is_waited_for(client: Client) -> None:
    stock = client.with_timeout(0.3).projection("type:Moved", add)
    with pytest.raises(TimedOut, match="before 1"):
        stock.catch_up(1)
    stock = client.projection("type:Moved", add)
    writing = threading.Timer(0.1, move, (client, "a", 1))
    writing.start()
    stock.catch_up(1)
    writing.join()
    assert dict(stock) == {"a": 1}
