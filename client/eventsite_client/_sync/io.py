"""Connections and pauses, for threads. `_async/io.py` is the same for asyncio: only these two are written twice."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

import httpx2

from eventsite_client._core.answers import Answer, problem_of
from eventsite_client._core.connecting import build, failure_of, headers_of, is_event_stream, too_late
from eventsite_client._core.context import carry
from eventsite_client._core.deadline import ATTEMPT_SECONDS, Deadline, TimeoutsUntil
from eventsite_client._core.following import SILENCE_SECONDS
from eventsite_client._core.requests import Request

if TYPE_CHECKING:
    from eventsite_client._sync.caller import Caller

P = ParamSpec("P")
T = TypeVar("T")

Transport: TypeAlias = Callable[[], httpx2.BaseTransport]
"""A function that makes a transport: for each pool of connections anew."""

_STOP_SECONDS = 1.0
"""The longest wait for a call of another thread, which may hang until its own timeout."""

sleep = time.sleep


def in_thread(function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Call a function that waits: in this thread, which may wait."""
    return function(*arguments, **options)


class Connections:
    """The connections to one server with one token. They are opened when they are needed."""

    def __init__(self, url: str, token: str, transport: Transport | None) -> None:
        self.url = url
        self._token = token
        self._transport = transport
        self._pools: dict[int, httpx2.Client] = {}
        """The pool of connections of each process: a child does not use its parent's."""

    def send(self, request: Request[Any], deadline: Deadline) -> Answer:
        """Send a request once, and return the answer.

        Raises:
            NoAnswer: there was none before the deadline.
            UnexpectedAnswer: what came is not HTTP.
        """
        http = self._client()
        message = build(http, self.url, request, TimeoutsUntil(deadline, read=ATTEMPT_SECONDS + request.wait))
        try:
            answer = http.send(message, stream=True)
            try:
                body = bytearray()
                for piece in answer.iter_bytes():  # a timeout of httpx2 is for a piece, so the sum is looked at here
                    body += piece
                    if not deadline.left():
                        raise too_late(request)
            finally:
                answer.close()
        except httpx2.RequestError as error:
            raise failure_of(error, request) from error
        return Answer(answer.status_code, answer.headers, bytes(body))

    def open(self, request: Request[Any], deadline: Deadline | None) -> Messages:
        """Open a stream of server-sent events. Until a deadline, if there is one, its answer must have begun.

        Raises:
            EventsiteError: the server refuses it, or can't be reached, or the answer is no such stream.
        """
        http = self._client()
        timeouts = TimeoutsUntil(deadline, read=SILENCE_SECONDS)
        message = build(http, self.url, request, timeouts)
        try:
            answer = http.send(message, stream=True)
            timeouts.lift()
            if is_event_stream(answer):
                return Messages(answer, request)
            try:
                refusal = Answer(answer.status_code, answer.headers, answer.read())
            finally:
                answer.close()
        except httpx2.RequestError as error:
            raise failure_of(error, request) from error
        raise problem_of(request, refusal)

    def apart(self) -> Connections:
        """Return other connections to the same server, for another thread."""
        return Connections(self.url, self._token, self._transport)

    def close(self) -> None:
        """Close the connections. The next request opens new ones."""
        pool = self._pools.pop(os.getpid(), None)
        if pool is not None:
            pool.close()

    def _client(self) -> httpx2.Client:
        """Return the pool of connections. After a fork it is another one."""
        process = os.getpid()
        if process not in self._pools:
            transport = None if self._transport is None else self._transport()
            pool = httpx2.Client(transport=transport, headers=headers_of(self._token))
            self._pools.setdefault(process, pool)  # another thread may have been quicker
        return self._pools[process]


class Channel:
    """The requests of a thread."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def call(self, request: Request[T], deadline: Deadline) -> T:
        """Send a request once, and return what it gives."""
        return self._caller._call_once(request, deadline)

    def close(self) -> None:
        """Close the connections."""
        self._caller._connections.close()


open_channel = Channel


def shielded(function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Call a function that has to be done: a thread is not cancelled."""
    return function(*arguments, **options)


class Repeating:
    """A thread that calls a function again and again, until it returns False or is stopped."""

    def __init__(self, seconds: float, function: Callable[[], bool]) -> None:
        self._end = threading.Event()
        # It takes the run along, as a task does. A daemon, as a process that ends must not wait for it.
        arguments = (seconds, function)
        self._thread = threading.Thread(target=carry(self._run), args=arguments, name="eventsite-keep", daemon=True)
        self._thread.start()

    def _run(self, seconds: float, function: Callable[[], bool]) -> None:
        while not self._end.wait(seconds):
            if not function():
                return

    def stop(self) -> None:
        """Stop the thread. The function is not called afterwards; a call that is under way is waited for, not long."""
        self._end.set()
        self._thread.join(_STOP_SECONDS)


class Messages:
    """The messages of a stream of server-sent events."""

    def __init__(self, answer: httpx2.Response, request: Request[Any]) -> None:
        self._answer = answer
        self._request = request
        self._messages = iter(httpx2.EventSource(answer, max_event_size=None))

    def next(self) -> httpx2.ServerSentEvent | None:
        """Wait for the next message, and return it; None at the end of the stream.

        Raises:
            NoAnswer: the connection broke, or nothing came for too long.
        """
        try:
            return next(self._messages, None)
        except httpx2.RequestError as error:
            raise failure_of(error, self._request) from error

    def close(self) -> None:
        self._answer.close()
