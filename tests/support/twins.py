"""The client for asyncio, used as the one for threads is. So one test holds for both."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextvars import Context, copy_context
from typing import Any

import pytest

from eventsite_client import AsyncClient, AsyncDecision, Client, Run

MakeClient = Callable[..., Client]
EVERYWHERE = pytest.mark.parametrize(
    "make_client", ["threads", "asyncio", "fake for threads", "fake for asyncio"], indirect=True
)
"""The mark of tests that the fake has to pass, too."""


class Loop:
    """An event loop in a thread of its own, for as long as the block lasts."""

    def __enter__(self) -> Loop:
        self._loop = asyncio.new_event_loop()
        self._threads = threading.local()
        self._tasks: list[asyncio.Task[Any]] = []
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def context(self) -> Context:
        """The context of this thread's coroutines."""
        if not hasattr(self._threads, "context"):
            self._threads.context = copy_context()
        context: Context = self._threads.context
        return context

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the context of this thread, as if all that a thread runs were one task."""
        result: Future[Any] = Future()
        context = self.context

        async def outcome() -> tuple[Any, BaseException | None]:
            try:
                return await work, None
            except BaseException as error:
                return None, error

        def finish(task: asyncio.Task[tuple[Any, BaseException | None]]) -> None:
            value, error = task.result()
            if error is None:
                result.set_result(value)
            else:
                result.set_exception(error)

        def start() -> None:
            task = self._loop.create_task(outcome(), context=context)
            self._tasks.append(task)
            # It runs outside of the context, which this thread may enter as soon as it has the result.
            task.add_done_callback(finish, context=Context())

        self._loop.call_soon_threadsafe(start)
        return result.result()


class InThreads:
    """An object of the client for asyncio, with the methods of its twin."""

    def __init__(self, loop: Loop, twin: Any) -> None:
        self._loop = loop
        self._twin = twin

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._twin, "aclose" if name == "close" else name)
        return self._method(value) if inspect.ismethod(value) else value

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_loop", "_twin"):
            super().__setattr__(name, value)
        else:
            setattr(self._twin, name, value)

    def _method(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            # `run()` of a decision takes a coroutine function; all other functions are plain.
            if isinstance(self._twin, AsyncDecision):
                arguments = tuple(map(self._argument, arguments))
            return self._result(self._loop.context.copy().run(method, *arguments, **options))

        return call

    def _argument(self, value: Any) -> Any:
        if not inspect.isfunction(value):
            return value

        async def function(*arguments: Any) -> Any:
            return value(*map(self._result, arguments))

        return function

    def _result(self, value: Any) -> Any:
        if inspect.iscoroutine(value):
            return self._result(self._loop.run(value))
        if isinstance(value, Run):
            return InContext(self._loop, value)
        is_twin = type(value).__module__.startswith("eventsite_client._async") or inspect.isasyncgen(value)
        return InThreads(self._loop, value) if is_twin else value

    def __getitem__(self, key: str) -> Any:
        return self._twin[key]

    def __len__(self) -> int:
        return len(self._twin)

    def __iter__(self) -> Any:
        return InThreads(self._loop, aiter(self._twin)) if hasattr(self._twin, "__aiter__") else iter(self._twin)

    def __next__(self) -> Any:
        async def next_item() -> Any:
            return await anext(self._twin)

        try:
            return self._result(next_item())
        except StopAsyncIteration:
            raise StopIteration from None

    def __enter__(self) -> Any:
        return self._result(self._twin.__aenter__())

    def __exit__(self, *exc: object) -> Any:
        return self._result(self._twin.__aexit__(*exc))


class InContext:
    """A run, which holds for the coroutines of this thread."""

    def __init__(self, loop: Loop, run: Run) -> None:
        self._loop = loop
        self._run = run

    def __enter__(self) -> Run:
        return self._loop.context.run(self._run.__enter__)

    def __exit__(self, *exc: Any) -> None:
        self._loop.context.run(self._run.__exit__, *exc)


def in_threads(loop: Loop, client: AsyncClient) -> Any:
    """Return a client for asyncio as if it were one for threads."""
    return InThreads(loop, client)
