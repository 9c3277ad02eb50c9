"""The client reads logs of any length, page by page."""

from __future__ import annotations

import pytest

from eventsite_client import Append, Client, HeldLease, InvalidQuery, NewEvent, NotFound, Unauthorized
from tests.support.server import Server
from tests.support.twins import EVERYWHERE, MakeClient


def fill(client: Client, count: int) -> None:
    numbers = range(1, count + 1)
    appends = [Append(stream=f"s-{n % 2}", events=(NewEvent(f"T{n % 3}", n),)) for n in numbers]
    if appends:
        client.append_all(*appends)


@EVERYWHERE
@pytest.mark.parametrize("count", [0, 1, 999, 1_000, 1_001, 2_500])
def test_all_events_are_read_in_order(client: Client, count: int) -> None:
    fill(client, count)
    events = client.events()
    assert [event.position for event in events] == list(range(1, count + 1))
    assert events.read_position == count
    backward = client.events(backward=True)
    assert [event.position for event in backward] == list(range(count, 0, -1))
    assert backward.read_position == count


@EVERYWHERE
def test_a_reading_ends_where_the_log_ended_at_its_first_page(client: Client) -> None:
    fill(client, 1_500)
    events = client.events()
    first = next(iter(events))
    fill(client, 3_000)
    assert first.position == 1
    assert events.read_position == 1_000
    rest = events.all()
    assert [event.position for event in rest] == list(range(2, 1_501))
    assert events.read_position == 1_500


def test_who_has_read_newer_events_of_a_stream_has_read_up_to_them(client: Client) -> None:
    fill(client, 2_400)
    stream = client.stream_events("s-1")
    next(iter(stream))
    fill(client, 3_000)
    last = stream.all()[-1]
    assert last.position > 2_400
    assert (stream.read_position, stream.version) == (last.position, last.version)


@EVERYWHERE
def test_events_are_selected(client: Client) -> None:
    fill(client, 1_200)
    assert [event.position for event in client.events("type:T0 stream:s-1", limit=3)] == [3, 9, 15]
    assert [event.position for event in client.events(after=1_190, before=1_193)] == [1_191, 1_192]
    assert [event.position for event in client.events(after=2, before=6, backward=True)] == [5, 4, 3]
    assert [event.position for event in client.events(limit=1_100)] == list(range(1, 1_101))
    assert client.events(limit=0).all() == []
    rare = client.events("type:T9")
    assert (rare.all(), rare.read_position) == ([], 1_200)


@EVERYWHERE
@pytest.mark.parametrize("count", [0, 1, 1_999, 2_000, 2_001, 4_100])
def test_a_stream_is_read_in_order_to_its_version(client: Client, count: int) -> None:
    fill(client, count)
    stream = client.stream_events("s-1")
    in_stream = (count + 1) // 2
    assert [event.version for event in stream] == list(range(1, in_stream + 1))
    assert (stream.read_position, stream.version) == (count, in_stream)
    newest = client.stream_events("s-1", backward=True, limit=1)
    assert [event.version for event in newest] == [in_stream][: min(count, 1)]
    assert newest.version == in_stream


@EVERYWHERE
def test_a_part_of_a_stream_is_read(client: Client) -> None:
    fill(client, 20)
    assert [event.version for event in client.stream_events("s-1", from_version=9)] == [9, 10]
    assert [event.version for event in client.stream_events("s-1", from_version=2, backward=True)] == [2, 1]
    assert [event.version for event in client.stream_events("s-1", "type:T0", limit=2)] == [2, 5]


@EVERYWHERE
def test_there_is_no_event_after_the_end(client: Client) -> None:
    with pytest.raises(NotFound) as caught:
        client.event(1)
    assert caught.value.code == "no-such-event"


def test_a_query_that_cant_be_read_says_where(client: Client) -> None:
    with pytest.raises(InvalidQuery, match="Did you mean agent") as caught:
        client.events("agnet:router").all()
    assert caught.value.column == 1


def test_a_token_that_is_unknown_is_refused_at_once(make_client: MakeClient, server: Server) -> None:
    with pytest.raises(Unauthorized):
        make_client(server.url, "evt_wrong").events().all()


def test_the_address_and_the_token_may_stand_in_the_environment(
    make_client: MakeClient, server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="EVENTSITE_URL"):
        make_client()
    monkeypatch.setenv("EVENTSITE_URL", f"{server.url}/")
    with pytest.raises(ValueError, match="EVENTSITE_TOKEN"):
        make_client()
    monkeypatch.setenv("EVENTSITE_TOKEN", token)
    assert make_client().append("s", NewEvent("A")).version == 1


def test_any_other_request_of_the_api_can_be_made(client: Client) -> None:
    body = {"workflow": "run-7", "agent": "planner", "ttl": 60}
    grant = client.request("POST", "/leases", body, gives=HeldLease)
    assert grant.lease == "workflow:run-7"
    leases = client.request("GET", "/leases", params={"agent": "planner"}, gives=dict)["leases"]
    assert leases[0]["token"] == grant.token


def test_a_client_that_was_closed_opens_new_connections(client: Client) -> None:
    client.append("s", NewEvent("A"))
    client.close()
    assert len(client.events().all()) == 1
