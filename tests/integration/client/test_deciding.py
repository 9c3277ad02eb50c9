"""Decisions are appended if nothing came between. Else they are made again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from events.models import Event, Log
from eventsite_client import AsyncAttempt, AsyncClient, Attempt, Client, NewEvent, WrongExpectedVersion
from tests.support.server import Server
from tests.support.transports import Scripted
from tests.support.twins import EVERYWHERE

SHIPPED = NewEvent("OrderShipped", {"carrier": "post"})


def types(client: Client, q: str = "") -> list[str]:
    return [event.type for event in client.events(q)]


def test_a_decision_carries_what_was_read(client: Client, log: Log) -> None:
    client.append("other", NewEvent("Noise"))
    client.append("order-42", NewEvent("OrderPlaced"))
    for attempt in client.decide("order-42"):
        with attempt as order:
            assert [event.type for event in order.events] == ["OrderPlaced"]
            assert (order.version, order.read_position, order.number) == (1, 2, 1)
            order.append(SHIPPED, NewEvent("Told"))
    assert [each.version for each in attempt.appended] == [3]
    row = Event.objects.get(log=log, type="OrderShipped")
    assert (row.expected_version, row.read_position) == (1, 2)


def test_a_decision_on_an_empty_stream_expects_no_stream(client: Client, log: Log) -> None:
    for attempt in client.decide("order-42"):
        with attempt as order:
            order.append(SHIPPED)
    assert Event.objects.get(log=log).expected_version == 0


@EVERYWHERE
def test_a_decision_is_made_again_after_a_conflict(client: Client) -> None:
    client.append("order-42", NewEvent("OrderPlaced"))
    seen = []
    for attempt in client.decide("order-42"):
        with attempt as order:
            seen.append([event.type for event in order.events])
            if order.number < 3:
                client.append("order-42", NewEvent(f"Change{order.number}"))
            order.append(SHIPPED)
    assert seen == [["OrderPlaced"], ["OrderPlaced", "Change1"], ["OrderPlaced", "Change1", "Change2"]]
    assert types(client) == ["OrderPlaced", "Change1", "Change2", "OrderShipped"]


@EVERYWHERE
def test_an_event_belongs_to_the_run_in_which_it_was_appended(client: Client) -> None:
    for attempt in client.decide("order-42"):
        with client.run("order-42", agent="packer"), attempt as order:
            with client.run("mail-1", agent="mailer"):
                order.append(SHIPPED)
            order.append(NewEvent("Told"))
    events = client.events().all()
    assert [(event.agent, event.correlation_id) for event in events] == [("mailer", "mail-1"), ("packer", "order-42")]


@EVERYWHERE
def test_rounds_are_bounded(client: Client) -> None:
    rounds = []

    def ship() -> None:
        for attempt in client.decide("order-42", rounds=3):
            with attempt as order:
                rounds.append(order.number)
                client.append("order-42", NewEvent("Change"))
                order.append(SHIPPED)

    with pytest.raises(WrongExpectedVersion):
        ship()
    assert rounds == [1, 2, 3]
    assert "OrderShipped" not in types(client)


@EVERYWHERE
def test_a_block_that_raises_appends_nothing(client: Client) -> None:
    def fail(order: Attempt) -> None:
        order.append(SHIPPED)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client.decide("order-42").call(fail)
    assert types(client) == []


@EVERYWHERE
def test_a_block_may_decide_to_append_nothing(client: Client) -> None:
    for attempt in client.decide("order-42"):
        with attempt:
            pass
    assert (attempt.number, attempt.appended, types(client)) == (1, [], [])


@EVERYWHERE
def test_a_decision_may_be_left_by_break(client: Client) -> None:
    for attempt in client.decide("order-42"):
        with attempt as order:
            order.append(SHIPPED)
            break
    assert types(client) == ["OrderShipped"]


@EVERYWHERE
def test_a_conflict_of_a_block_that_is_left_by_break_warns(client: Client) -> None:
    def leave() -> None:
        for attempt in client.decide("order-42"):
            with attempt as order:
                client.append("order-42", NewEvent("Change"))
                order.append(SHIPPED)
                return

    with pytest.warns(RuntimeWarning, match="wrong-expected-version"):
        leave()


@EVERYWHERE
def test_an_attempt_has_to_be_entered(client: Client) -> None:
    with pytest.raises(RuntimeError, match="context manager"):
        for _ in client.decide("order-42"):
            pass


def test_a_function_decides_and_returns(client: Client, server: Server, token: str) -> None:
    client.append("order-42", NewEvent("OrderPlaced"))

    def ship(order: Attempt) -> int:
        if order.number == 1:
            with Client(server.url, token) as other:
                other.append("order-42", NewEvent("Change"))
        order.append(SHIPPED)
        return order.number

    assert client.decide("order-42").call(ship) == 2
    assert types(client) == ["OrderPlaced", "Change", "OrderShipped"]


def test_a_decision_by_a_query_rests_on_many_streams(client: Client, log: Log) -> None:
    taken = NewEvent("OrderTaken", tags=("packer-ann",))
    client.append("order-1", taken)
    client.append("order-1", NewEvent("OrderPacked", tags=("packer-ann",)))
    read = []
    for attempt in client.decide("order-2", q="tag:packer-ann"):
        with attempt as order:
            read.append(len(order.events))
            if len(order.events) % 2:
                break
            if order.number == 1:
                client.append("order-3", taken)
            order.append(taken)
    assert read == [2, 3]
    assert not Event.objects.filter(log=log, stream="order-2").exists()


def test_a_decision_by_a_query_is_appended_if_nothing_came(client: Client, log: Log) -> None:
    client.append("order-1", NewEvent("Noise"))
    client.append("order-2", NewEvent("Noise"))
    for attempt in client.decide("order-2", q="tag:packer-ann"):
        with attempt as order:
            order.append(SHIPPED)
    row = Event.objects.get(log=log, type="OrderShipped")
    assert (row.version, row.read_position) == (2, 2)


STATE = "/api/projections/lifecycle/state?key=s"


def decide(transport: Scripted) -> int:
    with Client("http://testserver", "evt_x", transport=lambda: transport) as client:
        return client.decide("s", projection="lifecycle").call(lambda attempt: attempt.version)


def decide_async(transport: Scripted) -> int:
    async def version(attempt: AsyncAttempt) -> int:
        return attempt.version

    async def work() -> int:
        async with AsyncClient("http://testserver", "evt_x", transport=lambda: transport) as client:
            return await client.decide("s", projection="lifecycle").call(version)

    return asyncio.run(work())


@EVERYWHERE
def test_a_decision_by_a_state(client: Client) -> None:
    client.append("board", NewEvent("StopsChanged", {"stops": ["a"]}))
    seen = []
    for attempt in client.decide("board", projection="latest"):
        with attempt as board:
            seen.append(board.state["stops"])
            assert board.events == ()
            if board.number == 1:
                client.append("board", NewEvent("StopsChanged", {"stops": ["a", "b"]}))
            board.append(NewEvent("StopsChanged", {"stops": [*board.state["stops"], "c"]}))
    assert seen == [["a"], ["a", "b"]]
    assert client.state("board").value == {"stops": ["a", "b", "c"]}


@pytest.mark.parametrize("make", [decide, decide_async], ids=["threads", "asyncio"])
def test_a_projection_that_is_behind_is_waited_for(make: Callable[[Scripted], int]) -> None:
    state = {"projection": "lifecycle", "key": "s", "state": {}, "position": 7, "version": 3, "events": 3}
    stale = {"reason": "behind", "position": 7, "head": 9, "error": None, "error_position": None}
    transport = Scripted({**state, "stale": stale}, {**state, "version": 4, "stale": None})
    assert make(transport) == 4
    addresses = [request.url.raw_path.decode() for request in transport.requests]
    assert addresses == [STATE, f"{STATE}&wait_for_position=9"]


@EVERYWHERE
def test_a_decision_is_made_once(client: Client) -> None:
    decision = client.decide("order-42")
    decision.call(lambda order: order.append(SHIPPED))
    with pytest.raises(RuntimeError, match="made once"):
        decision.call(lambda order: order.append(SHIPPED))
    assert types(client) == ["OrderShipped"]


@EVERYWHERE
def test_a_decision_rests_on_a_stream_or_on_a_query(client: Client) -> None:
    with pytest.raises(ValueError, match="not on both"):
        client.decide("board", q="tag:vip", projection="latest")


def test_a_projection_without_streams_is_nothing_to_decide_by(client: Client) -> None:
    client.append("board", NewEvent("A", agent="router"))
    with pytest.raises(ValueError, match="no states of streams"):
        client.decide("router", projection="agents").call(lambda order: None)


@EVERYWHERE
@pytest.mark.parametrize("own", [False, True])
def test_events_of_several_streams_are_appended_together(client: Client, own: bool) -> None:
    """The version guards the stream that was read, also if nothing is appended to it."""
    stream = 'team/a "#2"'
    client.append(stream, NewEvent("OrderPlaced"))
    for attempt in client.decide(stream):
        with attempt as order:
            if order.number == 1:
                client.append(stream, NewEvent("Change"))
            if own:
                order.append(SHIPPED)
            order.append(NewEvent("Told"), stream="mails")
    assert attempt.number == 2
    assert types(client) == ["OrderPlaced", "Change", *(["OrderShipped"] if own else []), "Told"]


@EVERYWHERE
def test_no_update_of_eight_writers_is_lost(client: Client) -> None:
    """They share a client. Ten rounds, which is the default, do: the losers of a round don't all try again at once."""

    def count() -> None:
        for _ in range(3):
            for attempt in client.decide("counter"):
                with attempt as counter:
                    counter.append(NewEvent("Counted", {"n": len(counter.events) + 1}))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.data["n"] for event in client.stream_events("counter")] == list(range(1, 25))
