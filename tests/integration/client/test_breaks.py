"""What a client does while the server is away, slow or busy: it tries again, writes nothing twice, and ends in time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from eventsite_client import Client, NewEvent, NoAnswer, Unavailable
from tests.support.dripping import HEAD, Dripping
from tests.support.relay import Relay
from tests.support.server import Server, database_variables, free_port
from tests.support.transports import Scripted, Through, problem
from tests.support.twins import MakeClient

EVENT = NewEvent("Counted")


def test_an_append_whose_answer_is_lost_is_in_the_log_once(make_client: MakeClient, server: Server, token: str) -> None:
    with Relay(server.url) as relay:
        relay.lost_answers = 3
        client = make_client(relay.url, token)
        appended = client.append("s", EVENT, expected_version="no_stream")
        assert (appended.replayed, appended.version) == (True, 1)
        assert relay.connections >= 4
        assert len(client.events().all()) == 1


def test_a_server_that_starts_later_is_waited_for(
    make_client: MakeClient, database: None, token: str, tmp_path: Path
) -> None:
    environment = {**database_variables(), "SECRET_KEY": "of-the-server-that-is-late"}
    with Server(environment, log=tmp_path / "log", options=("--web-only",)) as server:
        client = make_client(server.url, token)
        versions: list[int] = []
        appending = threading.Thread(target=lambda: versions.append(client.append("s", EVENT).version))
        appending.start()
        time.sleep(1)
        server.start()
        appending.join()
        assert versions == [1]


@pytest.mark.parametrize(
    ("first", "rest", "kinds"),
    [
        (b"", b"", ["threads", "asyncio"]),
        (HEAD + b"\r\n", b" ", ["threads", "asyncio"]),
        (HEAD, b"X: y\r\n", ["asyncio"]),  # a thread can't look at the clock between two headers
    ],
    ids=["silent", "body", "headers"],
)
def test_a_call_ends_when_its_time_is_up_however_slow_the_answer_is(
    make_client: MakeClient, first: bytes, rest: bytes, kinds: list[str], request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["make_client"] not in kinds:
        pytest.skip("it can't")
    with Dripping(first, rest) as slow:
        begin = time.monotonic()
        with pytest.raises(NoAnswer):
            make_client(slow.url, "evt_any", timeout=1).append("s", EVENT)
        assert 0.9 < time.monotonic() - begin < 3


def test_an_append_without_an_answer_says_which_ids_it_had(make_client: MakeClient, token: str) -> None:
    client = make_client(f"http://127.0.0.1:{free_port()}", token, timeout=0.5)
    with pytest.raises(NoAnswer, match="http://127.0.0.1:.*refused|failed") as caught:
        client.append("s", NewEvent("A", id="mine"), EVENT)
    assert caught.value.ids[0] == "mine"
    assert len(caught.value.ids) == 2
    assert isinstance(caught.value.__cause__, httpx2.ConnectError)


def test_another_timeout_holds_for_one_call(make_client: MakeClient, token: str) -> None:
    client = make_client(f"http://127.0.0.1:{free_port()}", token, timeout=600)
    with pytest.raises(NoAnswer):
        client.with_timeout(0.2).append("s", EVENT)
    with pytest.raises(ValueError, match="positive"):
        client.with_timeout(0)


def test_a_server_that_is_busy_is_asked_again_when_it_says_so(
    make_client: MakeClient, server: Server, token: str
) -> None:
    answers = [problem("queue-full", 503, retry_after=1), problem("too-many-requests", 429, retry_after=1)]
    busy = Through(lambda request: answers.pop() if answers else None)
    begin = time.monotonic()
    assert make_client(server.url, token, transport=lambda: busy).append("s", EVENT).version == 1
    assert time.monotonic() - begin >= 2


def test_a_wait_beyond_the_timeout_is_not_waited_for(make_client: MakeClient, server: Server, token: str) -> None:
    busy = Through(lambda request: problem("busy", 503, retry_after=3_600))
    begin = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        make_client(server.url, token, timeout=30, transport=lambda: busy).append("s", EVENT)
    assert (caught.value.code, caught.value.retry_after) == ("busy", 3_600)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("transport", [None, httpx2.HTTPTransport])
def test_a_client_works_on_after_a_fork(
    server: Server, token: str, transport: Callable[[], httpx2.BaseTransport] | None
) -> None:
    """Parent and child must not share a connection: each would read the answers of the other."""
    with Client(server.url, token, transport=transport) as client:
        client.append("parent", EVENT)
        child = os.fork()
        if not child:
            try:
                for _ in range(50):
                    client.append("child", EVENT)
                os._exit(0)
            finally:
                os._exit(1)
        for _ in range(50):
            assert client.append("parent", EVENT).stream == "parent"
        assert os.waitpid(child, 0)[1] == 0
        assert len(client.stream_events("child").all()) == 50
        ids = [event.id for event in client.events()]
        assert len(set(ids)) == 101


@pytest.mark.parametrize("is_silent", [True, False])
def test_waiting_for_an_event_ends_in_time_also_without_a_server(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, is_silent: bool
) -> None:
    for module in ("_sync", "_async"):
        monkeypatch.setattr(f"eventsite_client.{module}.client.SLACK_SECONDS", 0.2)
    with Dripping(b"", b"") as silent:
        client = make_client(silent.url if is_silent else f"http://127.0.0.1:{free_port()}", "evt_any")
        begin = time.monotonic()
        with pytest.raises(NoAnswer):
            client.wait_for("type:A", timeout=0.3)
        assert time.monotonic() - begin < 3


def test_following_a_silent_server_ends_in_time(make_client: MakeClient) -> None:
    with Dripping(b"", b"") as silent:
        follower = make_client(silent.url, "evt_any", timeout=1).follow()
        begin = time.monotonic()
        with pytest.raises(NoAnswer):
            next(follower)
        assert 0.9 < time.monotonic() - begin < 3


def test_a_follower_waits_longer_than_its_timeout_once_the_server_has_answered(
    make_client: MakeClient, server: Server, token: str
) -> None:
    client = make_client(server.url, token)
    with client.with_timeout(0.5).follow("type:A") as follower:
        appending = threading.Timer(1, client.append, args=("s", NewEvent("A")))
        appending.start()
        assert next(follower).type == "A"
        assert not follower._cursor.polls
        appending.join()


def test_leaving_a_lease_ends_in_time_also_without_a_server(make_client: MakeClient) -> None:
    scripted = Scripted({"lease": "name:van", "token": 1}, httpx2.ConnectError("refused"))
    client = make_client("http://testserver", "evt_any", timeout=0.3, transport=lambda: scripted)
    begin = time.monotonic()
    with client.lease(name="van", agent="packer", ttl=3_600):
        pass
    assert time.monotonic() - begin < 3
    assert len(scripted.requests) > 1


def test_closing_a_client_with_another_timeout_leaves_the_first_one_open(
    make_client: MakeClient, server: Server, token: str
) -> None:
    made: list[Through] = []

    def make() -> Through:
        made.append(Through(lambda request: None))
        return made[-1]

    client = make_client(server.url, token, transport=make)
    client.append("s", EVENT)
    client.log("s", EVENT)
    assert client.flush()
    sender = client._log._sender
    with client.with_timeout(5) as impatient:
        impatient.append("s", EVENT)
    client.append("s", EVENT)
    assert len(made) == 2  # one of them is for the log
    assert client._log._sender is sender
