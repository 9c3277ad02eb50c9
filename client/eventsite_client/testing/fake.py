"""A fake server: a transport of httpx2 that answers requests from a log in memory."""

from __future__ import annotations

import asyncio
import copy
import threading
import time
from typing import Any

import httpx2
import msgspec

from eventsite_client._async.client import AsyncClient
from eventsite_client._sync.client import Client
from eventsite_client.testing.api import Api
from eventsite_client.testing.memory_log import Problem
from eventsite_client.testing.query import NotInFake
from eventsite_client.testing.subscriptions import DeadLetter
from eventsite_client.types import Event

_URL, _TOKEN = "http://fake", "evt_fake"
_POLL_SECONDS = 0.005
_TAKE_SECONDS = 30.0
"""The time for which a take waits that says nothing about it."""


class FakeLog(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """A log in memory for tests of your own. Its clients are the real ones, without a server.

        log = FakeLog()
        ship(log.client(), "order-42")  # your code
        assert [event.type for event in log.events] == ["OrderShipped"]

    It knows appends with all their guards, bulk, reads, long polls, leases, subscriptions, pauses, states and replays
    of the projection `latest`, and the query language without times, system events and `changed:`. It appends no events
    of the server. What it does not know, it refuses with the code `not-in-fake`.
    """

    def __init__(self) -> None:
        self._api = Api(self._now)
        self._lock = threading.Lock()
        self._ahead = 0.0

    def client(self, **options: Any) -> Client:
        """Return a client of this log; `options` are those of `Client`."""
        return Client(_URL, _TOKEN, **{"transport": lambda: self, **options})

    def async_client(self, **options: Any) -> AsyncClient:
        """Return a client of this log for asyncio; `options` are those of `AsyncClient`."""
        return AsyncClient(_URL, _TOKEN, **{"transport": lambda: self, **options})

    @property
    def events(self) -> list[Event]:
        """All events, in order."""
        with self._lock:
            return msgspec.convert(copy.deepcopy(self._api.log.events), list[Event])

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """The events that subscriptions could not have done, in the order in which these gave up."""
        with self._lock:
            return self._api.dead_letters()

    def forward(self, seconds: float) -> None:
        """Let time pass, without waiting: leases run out, deadlines pass, and pauses before attempts end."""
        with self._lock:
            self._ahead += seconds

    def _now(self) -> float:
        return time.monotonic() + self._ahead

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        until = time.monotonic() + _wait_of(request)
        while (answer := self._answer(request, is_last=time.monotonic() >= until)) is None:
            time.sleep(_POLL_SECONDS)
        return answer

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        until = time.monotonic() + _wait_of(request)
        while (answer := self._answer(request, is_last=time.monotonic() >= until)) is None:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)
        return answer

    def _answer(self, request: httpx2.Request, *, is_last: bool) -> httpx2.Response | None:
        """Return the answer; None if a long poll has to wait."""
        try:
            with self._lock:
                status, body = self._api.answer(request)
                has_to_wait = isinstance(body, dict) and [] in (body.get("events"), body.get("deliveries"))
                return None if has_to_wait and not is_last else _response(status, body)
        except NotInFake as error:
            return _response(501, Problem(501, "not-in-fake", str(error)).body)
        except Problem as problem:
            return _response(problem.status, problem.body)


def _wait_of(request: httpx2.Request) -> float:
    wait = request.url.params.get("wait")
    if wait is None and request.url.path.endswith("/take"):
        wait = msgspec.json.decode(request.content).get("wait", _TAKE_SECONDS)
    return float(wait or 0)


def _response(status: int, body: Any) -> httpx2.Response:
    kind = "application/problem+json" if status >= 400 else "application/json"
    return httpx2.Response(status, headers={"Content-Type": kind}, content=msgspec.json.encode(body))
