"""A follower gets each event once, in order, whatever happens to its connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import httpx2
import pytest
from django.utils import timezone

from events.access import tokens
from events.models import Log, Scope, Token
from eventsite_client import Client, InvalidQuery, NewEvent, NoAnswer, TimedOut, Unauthorized, UnexpectedAnswer
from eventsite_client._core import following
from tests.support.relay import Relay
from tests.support.running import append
from tests.support.server import Server, database_variables, free_port
from tests.support.transports import Through
from tests.support.twins import EVERYWHERE, MakeClient

SSE = "text/event-stream"


@pytest.fixture
def own_server(database: None, tmp_path: Path) -> Iterator[Server]:
    environment = {**database_variables(), "SECRET_KEY": "of-the-server-to-kill"}
    with Server(environment, log=tmp_path / "log", options=("--web-only",)) as server:
        server.start()
        yield server


def count(client: Client, *numbers: int) -> None:
    client.append("s", *(NewEvent(f"T{n % 2}", n) for n in numbers))


def write(log: Log, *numbers: int) -> None:
    append(log, [("s", {"type": f"T{n % 2}", "data": b"%d" % n}) for n in numbers])


@EVERYWHERE
def test_events_that_were_and_events_that_come_are_followed(client: Client) -> None:
    for first in range(1, 1_501, 300):
        count(client, *range(first, first + 300))
    with client.follow("type:T1", after=2) as follower:
        assert follower.position == 2
        assert [event.data for event in islice(follower, 749)] == list(range(3, 1_500, 2))
        client.append("s", NewEvent("T1", "new"))
        event = next(follower)
        assert (event.data, follower.position) == ("new", 1_501)


@EVERYWHERE
def test_the_position_moves_past_events_that_do_not_fit(
    make_client: MakeClient, client: Client, address: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_POLL_SECONDS", 0.2)
    count(client, 1, 2)
    polling = Through(lambda request: httpx2.Response(200) if request.headers["accept"] == SSE else None)
    follower = make_client(*address, transport=lambda: polling).follow("type:T1")
    assert next(follower).data == 1
    waiting = threading.Thread(target=next, args=(follower,))
    waiting.start()
    while follower.position < 2:
        time.sleep(0.01)
    count(client, 4, 6, 7)
    waiting.join()
    assert follower.position == 5


@pytest.mark.parametrize("most_bytes", [100, 700, 3_000])
def test_connections_that_break_lose_and_double_nothing(
    make_client: MakeClient, server: Server, token: str, log: Log, most_bytes: int
) -> None:
    write(log, *range(1, 41))
    with Relay(server.url) as relay:
        relay.most_bytes = most_bytes + 600  # the head of an answer and one event at least
        follower = make_client(relay.url, token).follow()
        assert [event.data for event in islice(follower, 40)] == list(range(1, 41))
        assert relay.connections > 3


def test_a_server_that_is_killed_and_started_again_loses_and_doubles_nothing(
    make_client: MakeClient, own_server: Server, token: str, log: Log
) -> None:
    follower = make_client(own_server.url, token).follow()
    got: list[int] = []

    def follow() -> None:
        got.extend(event.data for event in islice(follower, 60))

    thread = threading.Thread(target=follow)
    thread.start()
    for n in range(1, 61):
        write(log, n)
        if n % 20 == 0 and n < 60:
            own_server.kill()
            write(log)
            own_server.start()
    thread.join()
    assert got == list(range(1, 61))


def test_a_follower_polls_where_streams_do_not_come_through(
    make_client: MakeClient, server: Server, token: str, log: Log
) -> None:
    accepted = []

    def hook(request: httpx2.Request) -> httpx2.Response | None:
        accepted.append(request.headers["accept"])
        if accepted[-1] == SSE:
            raise httpx2.ReadTimeout("held back")
        return None

    write(log, *range(1, 1_201))
    follower = make_client(server.url, token, transport=lambda: Through(hook)).follow()
    assert [event.data for event in islice(follower, 1_200)] == list(range(1, 1_201))
    writing = threading.Timer(0.3, write, (log, 7))
    writing.start()
    assert next(follower).data == 7
    writing.join()
    assert accepted.count(SSE) == 1


def test_a_follower_stops_when_its_token_is_revoked(make_client: MakeClient, server: Server, log: Log) -> None:
    write(log, 1)
    token = tokens.create_token(log, name="short", scopes=[Scope.READ])
    follower = make_client(server.url, token).follow()
    next(follower)
    Token.objects.filter(log=log, name="short").update(revoked_at=timezone.now())
    with pytest.raises(Unauthorized):
        next(follower)


@EVERYWHERE
def test_what_the_server_refuses_is_raised(client: Client) -> None:
    with pytest.raises(InvalidQuery) as caught:
        next(client.follow("type:A agnet:router"))
    assert caught.value.column == 8


@EVERYWHERE
def test_a_follower_that_begins_after_another_one_goes_on_there(client: Client) -> None:
    count(client, *range(1, 11))
    with client.follow() as follower:
        assert [next(follower).data for _ in range(4)] == [1, 2, 3, 4]
    with client.follow("type:T0", after=follower.position) as other:
        assert [next(other).data for _ in range(3)] == [6, 8, 10]


def test_a_follower_gives_up_if_nobody_answers_at_all(make_client: MakeClient, token: str) -> None:
    nobody = make_client(f"http://127.0.0.1:{free_port()}", token, timeout=1)
    begin = time.monotonic()
    with pytest.raises(NoAnswer):
        next(nobody.follow())
    assert time.monotonic() - begin < 5


def test_an_address_that_is_not_eventsites_is_an_error(make_client: MakeClient, server: Server, token: str) -> None:
    page = Through(lambda request: httpx2.Response(200, text="<html>"))
    with pytest.raises(UnexpectedAnswer, match="<html>"):
        next(make_client(server.url, token, transport=lambda: page).follow())


@EVERYWHERE
def test_an_event_is_waited_for(client: Client) -> None:
    count(client, 1, 2)
    assert client.wait_for("type:T0").position == 2
    with pytest.raises(TimedOut, match="type:T9"):
        client.wait_for("type:T9", timeout=0.2)
    writing = threading.Timer(0.3, count, (client, 3, 4))
    writing.start()
    assert client.wait_for("type:T0", after=2).position == 4
    writing.join()
