"""A fake server: a transport of httpx2 that answers requests from a log in memory."""

from __future__ import annotations

import asyncio
import copy
import re
import threading
import time
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx2
import msgspec

from eventsite_client._async.client import AsyncClient
from eventsite_client._sync.client import Client
from eventsite_client.testing.memory_log import MemoryLog, Problem, check_stream
from eventsite_client.testing.query import NotInFake, matcher
from eventsite_client.types import Event

_URL, _TOKEN = "http://fake", "evt_fake"
_POLL_SECONDS = 0.005
_STREAM = re.compile(r"/api/streams/([^/]+)/events")
_EVENT = re.compile(r"/api/events/(\d+)")
_LATEST = re.compile(r"/api/projections/latest/(states?)")


class FakeLog(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """A log in memory for tests of your own. Its clients are the real ones, without a server.

        log = FakeLog()
        ship(log.client(), "order-42")  # your code
        assert [event.type for event in log.events] == ["OrderShipped"]

    It knows appends with all their guards but leases and deliveries, bulk, reads, long polls, states of the projection
    `latest`, and the query language without times, system events and states. What it does not know, it refuses with the
    code `not-in-fake`.
    """

    def __init__(self) -> None:
        self._log = MemoryLog()
        self._lock = threading.Lock()

    def client(self, **options: Any) -> Client:
        """Return a client of this log; `options` are those of `Client`."""
        return Client(_URL, _TOKEN, **{"transport": lambda: self, **options})

    def async_client(self, **options: Any) -> AsyncClient:
        """Return a client of this log for asyncio; `options` are those of `AsyncClient`."""
        return AsyncClient(_URL, _TOKEN, **{"transport": lambda: self, **options})

    @property
    def events(self) -> list[Event]:
        """All events, in order."""
        return msgspec.convert(copy.deepcopy(self._log.events), list[Event])

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
                status, body = self._routed(request)
        except NotInFake as error:
            return _response(501, Problem(501, "not-in-fake", str(error)).body)
        except Problem as problem:
            return _response(problem.status, problem.body)
        has_to_wait = isinstance(body, dict) and body.get("events") == [] and not is_last
        return None if has_to_wait else _response(status, body)

    def _routed(self, request: httpx2.Request) -> tuple[int, Any]:
        address = urlsplit(request.url.raw_path.decode("ascii"))
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        route = (request.method, address.path)
        if match := _STREAM.fullmatch(address.path):
            stream = unquote(match[1])
            check_stream(stream)
            return self._append(stream, request) if request.method == "POST" else self._read_stream(stream, query)
        if route == ("POST", "/api/events"):
            is_bulk = request.headers["content-type"] == "application/x-ndjson"
            return self._append_lines(request) if is_bulk else self._append_all(request)
        if route == ("GET", "/api/events") and "event-stream" not in request.headers.get("accept", ""):
            return 200, self._read(query)
        if request.method == "GET" and (match := _EVENT.fullmatch(address.path)):
            return 200, self._event(int(match[1]))
        if request.method == "GET" and (match := _LATEST.fullmatch(address.path)):
            return 200, self._latest(query) if match[1] == "state" else self._states(query)
        if route == ("GET", "/api/events"):
            return 200, None  # it has no streams of server-sent events: followers poll then
        raise NotInFake(f"The fake has no {request.method} {address.path}.")

    def _append(self, stream: str, request: httpx2.Request) -> tuple[int, Any]:
        answer = self._append_one(stream, msgspec.json.decode(request.content), [], len(self._log.events))
        return 200 if answer["replayed"] else 201, answer

    def _append_one(self, stream: str, body: dict[str, Any], conditions: list[Any], end: int) -> Any:
        if body.get("leases") or body.get("settles"):
            raise NotInFake("The fake has no leases and no deliveries.")
        return self._log.append(stream, body, [*conditions, *body.get("if", [])], end)

    def _append_all(self, request: httpx2.Request) -> tuple[int, Any]:
        body = msgspec.json.decode(request.content)
        before = copy.deepcopy(self._log.__dict__)
        end = len(self._log.events)
        try:
            answers = [self._append_in(append, body.get("if", []), end) for append in body["appends"]]
        except (Problem, NotInFake):
            self._log.__dict__.update(before)  # all or none
            raise
        return 201, {"results": [{"status": 201, "body": answer} for answer in answers]}

    def _append_in(self, append: dict[str, Any], conditions: list[Any], end: int) -> Any:
        check_stream(append["stream"])
        return self._append_one(append["stream"], append, conditions, end)

    def _append_lines(self, request: httpx2.Request) -> tuple[int, Any]:
        appended = replayed = 0
        errors = []
        for number, line in enumerate(request.content.splitlines(), 1):
            event = msgspec.json.decode(line)
            stream = event.pop("stream")
            try:
                check_stream(stream)
                answer = self._append_one(stream, {"events": [event]}, [], len(self._log.events))
            except Problem as problem:
                errors.append({"line": number, "code": problem.body["code"], "detail": str(problem)})
            else:
                appended, replayed = appended + (not answer["replayed"]), replayed + answer["replayed"]
        counts = {"appended": appended, "replayed": replayed, "failed": len(errors)}
        return 200, {**counts, "last_position": None, "errors": errors[:100]}

    def _read(self, query: dict[str, str]) -> dict[str, Any]:
        return _page(self._log.events, query, "position", query.get("after"), query.get("before"), self._head)

    def _read_stream(self, stream: str, query: dict[str, str]) -> tuple[int, Any]:
        events = [event for event in self._log.events if event["stream"] == stream]
        first = query.get("from_version")
        backward = query.get("direction") == "backward"
        after = None if first is None or backward else str(int(first) - 1)
        before = str(int(first) + 1) if first is not None and backward else None
        page = _page(events, query, "version", after, before, len(events))
        if page["next"] is not None:
            page["next"] += -1 if backward else 1
        return 200, {**page, "head": self._head, "version": len(events)}

    @property
    def _head(self) -> int:
        return len(self._log.events)

    def _event(self, position: int) -> Any:
        if not 1 <= position <= self._head:
            raise Problem(404, "no-such-event", f"There is no event at {position}.")
        return self._log.events[position - 1]

    def _latest(self, query: dict[str, str]) -> dict[str, Any]:
        if unknown := query.keys() - {"key", "at_version", "at_position", "wait_for_position"}:
            raise NotInFake(f"The fake has no {', '.join(sorted(unknown))} of states.")
        version, position = (int(query.get(name, self._head)) for name in ("at_version", "at_position"))
        events = [
            event
            for event in self._log.events[:position]
            if event["stream"] == query["key"] and event["version"] <= version
        ]
        state: dict[str, Any] = {}
        for event in events:
            state |= event["data"] if isinstance(event["data"], dict) else {}
        last = events[-1] if events else {"position": 0, "version": 0}
        place = {"position": last["position"], "version": last["version"], "events": len(events)}
        return {"projection": "latest", "key": query["key"], "state": state, **place, "stale": None}

    def _states(self, query: dict[str, str]) -> dict[str, Any]:
        if query.get("q"):
            raise NotInFake("The fake knows no queries for states.")
        keys = sorted(
            {event["stream"] for event in self._log.events if event["stream"].startswith(query.get("prefix", ""))}
        )
        page = [key for key in keys if key > query.get("after", "")][: int(query["limit"])]
        states = [{**self._latest({"key": key}), "error": None, "error_position": None} for key in page]
        return {"states": states, "next": page[-1] if page and page[-1] != keys[-1] else None}


def _page(
    events: list[dict[str, Any]],
    query: dict[str, str],
    place: str,
    after: str | None,
    before: str | None,
    end: int,
) -> dict[str, Any]:
    fits, limit = matcher(query.get("q", "")), int(query.get("limit", "100"))
    first, last = int(after or 0), end if before is None else int(before) - 1
    backward = query.get("direction") == "backward"
    found = [event for event in events if first < event[place] <= last and fits(event)]
    page = found[::-1][:limit] if backward else found[:limit]
    next_place = page[-1][place] if len(page) == limit and page else None if backward else max(first, last)
    return {"events": page, "next": next_place, "head": end, "complete": True}


def _wait_of(request: httpx2.Request) -> float:
    return float(request.url.params.get("wait", "0"))


def _response(status: int, body: Any) -> httpx2.Response:
    kind = "application/problem+json" if status >= 400 else "application/json"
    return httpx2.Response(status, headers={"Content-Type": kind}, content=msgspec.json.encode(body))
