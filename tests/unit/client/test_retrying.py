"""Which errors pass by themselves, and what is sent again."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from eventsite_client import AsyncClient, Client, EventsiteError, NewEvent, NotReady, Unavailable, UnexpectedAnswer
from eventsite_client._core import deadline, retrying
from eventsite_client._core.retrying import Retrying, pause_after_conflict
from eventsite_client._sync import caller
from tests.support.transports import Scripted, problem

APPENDED = {
    "log": "main",
    "stream": "s",
    "first_position": 1,
    "last_position": 1,
    "version": 1,
    "replayed": False,
    "events": [{"id": "one", "position": 1, "version": 1}],
}
STATE = {"projection": "latest", "key": "s", "state": {}, "position": 0, "version": 0, "events": 0, "stale": None}

EVENT: dict[str, Any] = {
    **dict.fromkeys(("agent", "correlation_id", "causation_id", "occurred_at")),
    **dict.fromkeys(("position", "version", "schema_version", "data"), 1),
    **dict.fromkeys(("stream", "type", "id"), "s"),
    "metadata": {},
    "tags": [],
    "recorded_at": "2026-01-01T00:00:00Z",
}
PAGE = {"events": [EVENT], "next": 1, "head": 1, "complete": True}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "_FIRST_SECONDS", 0.001)


def client(transport: Scripted, **options: Any) -> Client:
    return Client("http://testserver/", "evt_x", transport=lambda: transport, **options)


@pytest.mark.parametrize("kind", ["append", "follow"])
def test_what_is_waited_for_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    monkeypatch.setattr(retrying, "_WARNING_SECONDS", 0.0)
    monkeypatch.setattr(retrying, "_MOST_SECONDS", 0.001)
    transport = Scripted(*[httpx2.ConnectError("refused")] * 5, APPENDED if kind == "append" else PAGE)
    if kind == "append":
        client(transport, timeout=30).append("s", NewEvent("A"))
        [warning] = caplog.messages
        assert warning.startswith("waiting for http://testserver/api, 30 s at most: no-answer: No answer from http://")
    else:
        follower = client(transport).follow()
        follower._cursor.has_begun = True
        assert next(follower).data == 1
        assert caplog.messages[-1].startswith("a follower waits for http://testserver/api: no-answer: No answer from")
    assert caplog.text.count("refused") == 1


def test_a_short_break_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    client(Scripted(*[httpx2.ConnectError("refused")] * 3, APPENDED)).append("s", NewEvent("A"))
    assert not caplog.messages


@pytest.mark.parametrize(
    "failure",
    [
        httpx2.ConnectError("refused"),
        httpx2.ReadError("reset"),
        httpx2.ReadTimeout("silent"),
        httpx2.RemoteProtocolError("cut"),
        httpx2.WriteError("reset"),
        problem("queue-full", 503, retry_after=0),
        problem("outcome-unknown", 503, retry_after=0, ids=["one"]),
        problem("too-many-requests", 429, retry_after=0),
        problem("request-timeout", 408),
        problem("error", 500),
        httpx2.Response(502, text="<html>"),
        httpx2.Response(503, text="<html>"),
        httpx2.Response(504),
    ],
)
def test_what_passes_by_itself_is_sent_again_unchanged(failure: httpx2.Response | Exception) -> None:
    transport = Scripted(failure, failure, APPENDED)
    assert client(transport).append("s", NewEvent("A")).version == 1
    bodies = [request.content for request in transport.requests]
    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    assert b'"id":' in bodies[0]


@pytest.mark.parametrize(
    "failure",
    [
        problem("query-timeout", 503),  # a second try would take as long
        problem("wrong-expected-version", 409, current_version=3),
        problem("unauthorized", 401),
        problem("paused", 423),
        httpx2.Response(200, text="<html>"),
        httpx2.UnsupportedProtocol("ftp"),
    ],
)
def test_what_does_not_pass_is_raised_at_once(failure: httpx2.Response | Exception) -> None:
    transport = Scripted(failure)
    with pytest.raises(EventsiteError):
        client(transport).append("s", NewEvent("A"))
    assert len(transport.requests) == 1


def test_a_defect_is_not_tried_for_ever() -> None:
    transport = Scripted(problem("error", 500))
    with pytest.raises(Unavailable):
        client(transport).append("s", NewEvent("A"))
    assert len(transport.requests) == 3


async def test_the_client_for_asyncio_does_the_same() -> None:
    transport = Scripted(httpx2.ConnectError("refused"), problem("queue-full", 503, retry_after=0), APPENDED)
    async with AsyncClient("http://testserver", "evt_x", transport=lambda: transport) as client:
        assert (await client.append("s", NewEvent("A"))).version == 1
    assert len(transport.requests) == 3


def test_the_last_error_is_raised_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def pass_time(seconds: float) -> None:
        nonlocal now
        now += seconds

    # Only pauses take time, so no attempt is the one that comes too late.
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(caller, "sleep", pass_time)
    transport = Scripted(httpx2.Response(502, text="<html>bad gateway"))
    with pytest.raises(Unavailable, match="bad gateway"):
        client(transport, timeout=60).append("s", NewEvent("A"))
    assert len(transport.requests) > 10
    assert now < 60


def test_pauses_grow_differ_and_are_never_shorter_than_asked() -> None:
    error = Unavailable("", status=503, retry_after=7)
    waits = Retrying()
    pauses = [waits.pause_after(error) or 0 for _ in range(20)]
    assert all(7 <= pause <= 7 + 10 / 4 for pause in pauses)
    assert len(set(pauses)) == 20
    unasked = Retrying()
    broken = UnexpectedAnswer("", status=502)
    own = [unasked.pause_after(broken) or 0 for _ in range(30)]
    assert max(own[:3]) < max(own) <= 10


def test_a_job_is_waited_for() -> None:
    job = httpx2.Response(202, json={"id": 7, "status": "running"}, headers={"Retry-After": "0"})
    assert client(Scripted(job, STATE)).state("s").events == 0
    with pytest.raises(NotReady, match="job 7") as caught:
        client(Scripted(job), timeout=3).state("s")
    assert caught.value.members["id"] == 7


def test_a_long_seek_is_the_work_of_a_job_whose_result_is_the_answer() -> None:
    running = {"id": 7, "status": "running", "result": {"rest": {}}, "error": ""}
    result = {"found": {"position": 12, "place": 3, "url": "/"}, "searched_to": 3, "failed": None}
    transport = Scripted(
        httpx2.Response(202, json=running, headers={"Retry-After": "1"}),
        running,
        {**running, "status": "done", "result": result},
    )
    found = client(transport).seek("state.n>1", "s")
    assert (found.place, found.position, found.searched_to) == (3, 12, 3)
    assert [request.url.path for request in transport.requests] == ["/api/replays/stream/seek"] + ["/api/jobs/7"] * 2
    failed = Scripted(httpx2.Response(202, json=running), {**running, "status": "failed", "error": "KeyError"})
    with pytest.raises(EventsiteError, match="KeyError"):
        client(failed).seek("state.n>1", "s")


def test_a_seek_that_lasts_longer_than_the_timeout_is_not_ready() -> None:
    running = {"id": 7, "status": "running", "result": None, "error": ""}
    begin = time.monotonic()
    with pytest.raises(NotReady):
        client(Scripted(httpx2.Response(202, json=running), running), timeout=1).seek("state.n>1", "s")
    assert time.monotonic() - begin < 20


def test_the_token_is_sent_and_a_redirect_is_not_followed() -> None:
    transport = Scripted(httpx2.Response(307, headers={"Location": "http://elsewhere/"}))
    with pytest.raises(UnexpectedAnswer):
        client(transport).append("s", NewEvent("A"))
    [request] = transport.requests
    assert request.headers["authorization"] == "Bearer evt_x"
    assert str(request.url) == "http://testserver/api/streams/s/events"


@pytest.mark.parametrize(
    "url",
    [
        "testserver",
        "ftp://x",
        "http://",
        "https:///path",
        "http://x:port",
        "http://x:99999",
        "http://x:",
        "http://[::1",
        "http://user:s3cret@x",
        "http://s3cret@x",
        "http://x?token=s3cret",
        "http://x/#s3cret",
    ],
)
def test_an_address_that_cant_be_or_holds_a_secret_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address of a server") as caught:
        Client(url, "evt_x")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://x", "https://x:8000/", "http://[::1]:8000/path", "HTTP://x"])
def test_an_address_may_have_a_port_and_a_path(url: str) -> None:
    Client(url, "evt_x").close()


def test_a_token_that_no_header_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="token"):
        Client("http://x", "evt\n")


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_transport_that_processes_or_loops_would_share_is_refused(kind: Any) -> None:
    with pytest.raises(TypeError, match="function that makes"):
        kind("http://testserver", "evt_x", transport=Scripted(APPENDED))


def test_each_event_loop_has_connections_of_its_own() -> None:
    made = []

    def make() -> Scripted:
        made.append(Scripted(APPENDED))
        return made[-1]

    client = AsyncClient("http://testserver", "evt_x", transport=make)

    async def append_twice() -> None:
        await client.append("s", NewEvent("A"))
        await client.append("s", NewEvent("A"))

    asyncio.run(append_twice())
    asyncio.run(append_twice())
    assert [len(transport.requests) for transport in made] == [2, 2]


async def test_a_cancellation_that_comes_together_with_the_answer_is_not_forgotten() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        asyncio.get_running_loop().call_soon(task.cancel)
        return httpx2.Response(201, json=APPENDED)

    client = AsyncClient("http://testserver", "evt_x", transport=lambda: httpx2.MockTransport(answer))
    task = asyncio.ensure_future(client.append("s", NewEvent("A")))
    with pytest.raises(asyncio.CancelledError):
        await task


def test_the_losers_of_a_round_wait_longer_each_time_and_not_equally_long() -> None:
    pauses = {number: [pause_after_conflict(number) for _ in range(200)] for number in (1, 5, 10, 1_000)}
    assert 0 < max(pauses[1]) <= 0.04 < max(pauses[5]) <= 0.64 < max(pauses[10]) <= 1
    assert max(pauses[1_000]) <= 1
    assert all(len(set(some)) > 100 for some in pauses.values())
