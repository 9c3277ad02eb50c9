"""Connections and pauses, for asyncio. `_sync/io.py` is the same for threads: only these two are written twice."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar
from weakref import WeakSet

import httpx2

from eventsite_client._core.answers import Answer, problem_of
from eventsite_client._core.connecting import build, failure_of, headers_of, is_event_stream, too_late
from eventsite_client._core.deadline import ATTEMPT_SECONDS, GIVE_BACK_SECONDS, Deadline, TimeoutsUntil
from eventsite_client._core.following import SILENCE_SECONDS, Silence
from eventsite_client._core.requests import Request

if TYPE_CHECKING:
    from eventsite_client._async.caller import AsyncCaller

P = ParamSpec("P")
T = TypeVar("T")

AsyncTransport: TypeAlias = Callable[[], httpx2.AsyncBaseTransport]
"""A function that makes a transport: for each pool of connections anew."""

sleep = asyncio.sleep
in_thread = asyncio.to_thread


class AsyncConnections:
    """The connections to one server with one token. They are opened when they are needed."""

    def __init__(self, url: str, token: str, transport: AsyncTransport | None) -> None:
        self.url = url
        self._token = token
        self._transport = transport
        self._pool: tuple[object, httpx2.AsyncClient] | None = None
        """The pool of connections, after its process and its loop."""
        self._streams: WeakSet[AsyncMessages] = WeakSet()

    async def send(self, request: Request[Any], deadline: Deadline) -> Answer:
        """Send a request once, and return the answer.

        Raises:
            NoAnswer: there was none before the deadline.
            UnexpectedAnswer: what came is not HTTP.
        """
        http = self._client()
        message = build(http, self.url, request, TimeoutsUntil(deadline, read=ATTEMPT_SECONDS + request.wait))
        try:
            answer = await _within(deadline, http.send(message))
        except asyncio.TimeoutError:  # in Python 3.10 it is not the builtin one
            raise too_late(request) from None
        except httpx2.RequestError as error:
            raise failure_of(error, request) from error
        return Answer(answer.status_code, answer.headers, answer.content)

    async def open(self, request: Request[Any], deadline: Deadline | None) -> AsyncMessages:
        """Open a stream of server-sent events. Until a deadline, if there is one, its answer must have begun.

        Raises:
            EventsiteError: the server refuses it, or can't be reached, or the answer is no such stream.
        """
        http = self._client()
        timeouts = TimeoutsUntil(deadline, read=SILENCE_SECONDS)
        message = build(http, self.url, request, timeouts)
        try:
            sending = http.send(message, stream=True)
            answer = await (sending if deadline is None else _within(deadline, sending))
            timeouts.lift()
            if is_event_stream(answer):
                stream = AsyncMessages(answer, request)
                self._streams.add(stream)
                return stream
            try:
                refusal = Answer(answer.status_code, answer.headers, await answer.aread())
            finally:
                await answer.aclose()
        except asyncio.TimeoutError:
            raise Silence("The stream did not begin in time.") from None
        except httpx2.RequestError as error:
            raise failure_of(error, request) from error
        raise problem_of(request, refusal)

    def apart(self) -> AsyncConnections:
        """Return other connections to the same server, for another thread."""
        return AsyncConnections(self.url, self._token, self._transport)

    async def close(self) -> None:
        """Close the connections, with the streams that are open. The next request opens new ones."""
        for stream in [*self._streams]:
            await stream.close()
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool[1].aclose()

    def _client(self) -> httpx2.AsyncClient:
        """Return the pool of connections. After a fork, or in another event loop, it is another one."""
        owner = (os.getpid(), asyncio.get_running_loop())
        pool = self._pool
        if pool is None or pool[0] != owner:
            transport = None if self._transport is None else self._transport()
            pool = self._pool = owner, httpx2.AsyncClient(transport=transport, headers=headers_of(self._token))
        return pool[1]


async def _within(deadline: Deadline, work: Coroutine[Any, Any, T]) -> T:
    """Await something until a deadline.

    `asyncio.wait_for()` does the same, but before Python 3.12 it forgets a cancellation that comes with the result.

    Raises:
        asyncio.TimeoutError: it has not ended by then.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda task: task.cancelled() or task.exception())  # also if nobody waits for it any more
    try:
        ended_tasks, _ = await asyncio.wait([task], timeout=deadline.left())
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
    if not ended_tasks:
        raise asyncio.TimeoutError
    return task.result()


class _ThreadLoop(asyncio.SelectorEventLoop):
    """A loop that looks up names in its own thread: when the interpreter ends, none can be started for that."""

    async def getaddrinfo(
        self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> Any:
        return socket.getaddrinfo(host, port, family, type, proto, flags)


class AsyncChannel:
    """The requests of a thread that belongs to no loop: it has a loop of its own."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller
        self._loop = _ThreadLoop()

    def call(self, request: Request[T], deadline: Deadline) -> T:
        """Send a request once, and return what it gives."""
        return self._loop.run_until_complete(self._caller._call_once(request, deadline))

    def close(self) -> None:
        """Close the connections."""
        self._loop.run_until_complete(self._caller._connections.close())
        self._loop.close()


open_channel = AsyncChannel


async def shielded(function: Callable[P, Coroutine[Any, Any, T]], *arguments: P.args, **options: P.kwargs) -> T:
    """Call a function that has to be done, such as one that gives a lease back, also if this task is cancelled.

    A scope that is cancelled, such as one of anyio, cancels its tasks again and again. From the first time on, the
    function has a few seconds.
    """
    task = asyncio.ensure_future(function(*arguments, **options))
    interruption = deadline = None
    while not task.done() and (deadline is None or deadline.left()):
        try:
            await asyncio.wait([task], timeout=None if deadline is None else deadline.left())
        except asyncio.CancelledError as error:  # noqa: PERF203 - it may come more than once
            interruption, deadline = error, deadline or Deadline(GIVE_BACK_SECONDS)
    if interruption is None:
        return task.result()
    if not task.cancel() and not task.cancelled():
        task.exception()  # somebody has seen it
    raise interruption


class AsyncRepeating:
    """A task that calls a function again and again, until it returns False or is stopped."""

    def __init__(self, seconds: float, function: Callable[[], Awaitable[bool]]) -> None:
        self._has_to_end = False
        self._task = asyncio.create_task(self._run(seconds, function))

    async def _run(self, seconds: float, function: Callable[[], Awaitable[bool]]) -> None:
        while not self._has_to_end:  # something may have swallowed the cancellation
            await asyncio.sleep(seconds)
            if not await function():
                return

    async def stop(self) -> None:
        """Stop the task. The function is not called afterwards."""
        self._has_to_end = True
        self._task.cancel()
        await asyncio.wait([self._task])


class AsyncMessages:
    """The messages of a stream of server-sent events."""

    def __init__(self, answer: httpx2.Response, request: Request[Any]) -> None:
        self._answer = answer
        self._request = request
        self._messages = _messages_of(answer)

    async def next(self) -> httpx2.ServerSentEvent | None:
        """Wait for the next message, and return it; None at the end of the stream.

        Raises:
            NoAnswer: the connection broke, or nothing came for too long.
        """
        try:
            return await anext(self._messages, None)
        except httpx2.RequestError as error:
            raise failure_of(error, self._request) from error

    async def close(self) -> None:
        """Close the connection. A generator that is left to the end of its loop makes noise there."""
        await self._messages.aclose()
        await self._answer.aclose()


async def _messages_of(answer: httpx2.Response) -> AsyncGenerator[httpx2.ServerSentEvent]:
    async for message in httpx2.EventSource(answer, max_event_size=None):
        yield message
