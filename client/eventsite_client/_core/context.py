"""The workflow, agent and cause that the events of a block share; through tasks, threads and processes.

Between processes it goes in headers: `traceparent` (W3C Trace Context) names the trace, and `baggage` (W3C Baggage) has
the workflow and the cause.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import quote, unquote

from eventsite_client.types import Appended, Event, PlacedEvent

P = ParamSpec("P")
T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., Any])

Cause = str | Event | PlacedEvent | Appended
"""The event that led to others: itself, its id, or the append whose last event it is."""

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_MEMBERS = ("workflow", "cause")
_MAX_CHARACTERS = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffd]")


@dataclass(frozen=True, slots=True)
class Shared:
    """The workflow, agent, cause and trace that events share. None: they share none."""

    workflow: str | None = None
    agent: str | None = None
    cause: str | None = None
    trace: str | None = None
    """The id of the trace: 32 hexadecimal digits."""
    run: Run | None = None
    """The innermost run."""
    outer: Shared | None = None
    """The value around that run."""

    def without(self, run: Run) -> Shared:
        """Return the value after the end of a run, which need not be the innermost one: generators end at any time."""
        if self.outer is None:
            return self
        return self.outer if self.run is run else replace(self, outer=self.outer.without(run))


NOTHING = Shared()
"""The value for events that are in no run."""
_current: ContextVar[Shared] = ContextVar("eventsite_run", default=NOTHING)


def current() -> Shared:
    """Return what the events that are appended here have in common."""
    return _current.get()


class Run:
    """A block, or a function, whose events have something in common. `Client.run()` describes it.

    Any number of threads and tasks may be in the block at once, so it does not note here that it has begun.
    """

    def __init__(
        self,
        workflow: str | None = None,
        *,
        agent: str | None = None,
        cause: Cause | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._own = Shared(workflow, agent, None if cause is None else id_of(cause))
        self._sent = NOTHING if headers is None else shared_of(headers)

    def __enter__(self) -> Run:
        outer = current()
        members = Shared(
            self._own.workflow or self._sent.workflow or outer.workflow,
            self._own.agent or outer.agent,
            self._own.cause or self._sent.cause or outer.cause,
            self._sent.trace or outer.trace or os.urandom(16).hex(),
            self,
            outer,
        )
        _current.set(members)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _current.set(current().without(self))

    def __call__(self, function: Function) -> Function:
        """Return a function whose calls are such blocks; it may be a coroutine function or a generator of either kind.

        What a generator hands out is handled outside of the block.
        """

        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            with self:
                return function(*arguments, **options)

        @functools.wraps(function)
        async def call_async(*arguments: Any, **options: Any) -> Any:
            with self:
                return await function(*arguments, **options)

        if inspect.isgeneratorfunction(function):
            return cast("Function", _generating(self, function))
        if inspect.isasyncgenfunction(function):
            return cast("Function", _generating_async(self, function))
        return cast("Function", call_async if inspect.iscoroutinefunction(function) else call)


class _Steps:
    """The steps of a generator. Between them its runs hold no longer, and in the next step they do again."""

    def __init__(self, run: Run) -> None:
        with run:
            self._shared = current()

    @contextmanager
    def step(self) -> Iterator[None]:
        outer = current()
        _current.set(self._shared)
        try:
            yield
        finally:
            self._shared = current()
            _current.set(outer)


def _generating(run: Run, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def generate(*arguments: Any, **options: Any) -> Generator[Any, Any, Any]:
        generator, steps = function(*arguments, **options), _Steps(run)
        resume, value = generator.send, None
        while True:
            with steps.step():
                try:
                    item = resume(value)
                except StopIteration as end:
                    return end.value
            try:
                resume, value = generator.send, (yield item)
            except GeneratorExit:
                with steps.step():
                    generator.close()
                raise
            except BaseException as error:
                resume, value = generator.throw, error

    return generate


def _generating_async(run: Run, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def generate(*arguments: Any, **options: Any) -> AsyncGenerator[Any, Any]:
        generator, steps = function(*arguments, **options), _Steps(run)
        resume, value = generator.asend, None
        while True:
            with steps.step():
                try:
                    item = await resume(value)
                except StopAsyncIteration:
                    return
            try:
                resume, value = generator.asend, (yield item)
            except GeneratorExit:
                with steps.step():
                    await generator.aclose()
                raise
            except BaseException as error:
                resume, value = generator.athrow, error

    return generate


def trace_headers() -> dict[str, str]:
    """Return the headers that carry the current run to another process, where `Client.run(headers=…)` takes them up.

    Inside of a span of OpenTelemetry, the trace is the span's.
    """
    members = current()
    if members is NOTHING:
        return {}
    baggage = [f"eventsite.{name}={quote(value, safe='')}" for name in _MEMBERS if (value := getattr(members, name))]
    headers = {"traceparent": _span() or f"00-{members.trace}-{os.urandom(8).hex()}-01"}
    return {**headers, "baggage": ",".join(baggage)} if baggage else headers


def _span() -> str | None:
    """Return the `traceparent` of OpenTelemetry's current span; None if there is none."""
    opentelemetry = sys.modules.get("opentelemetry.trace")
    if opentelemetry is None:
        return None
    span = opentelemetry.get_current_span().get_span_context()
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}" if span.is_valid else None


def shared_of(headers: Mapping[str, str]) -> Shared:
    """Return the values of headers; a trace without a workflow of ours is the workflow.

    Headers may come from strangers: a member that can't be read, or that no event could have, is left out.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    match = _TRACEPARENT.fullmatch(lower.get("traceparent", "").strip())
    trace = match[1] if match else None
    members: dict[str, str] = {}
    for member in lower.get("baggage", "").split(","):
        name, _, value = member.partition(";")[0].partition("=")
        members[name.strip()] = unquote(value.strip())
    workflow, cause = (_name(members.get(f"eventsite.{name}", "")) for name in _MEMBERS)
    return Shared(workflow=workflow or trace, cause=cause, trace=trace)


def _name(text: str) -> str | None:
    return text if 1 <= len(text) <= _MAX_CHARACTERS and not _CONTROL.search(text) else None


def carry(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function that runs as here, also in another thread: `Thread(target=carry(work))`.

    Tasks of asyncio, `asyncio.to_thread` and `asyncio.run_coroutine_threadsafe` carry the run by themselves.

    Raises:
        TypeError: it is a coroutine function or a generator, whose call does not yet run it.
    """
    if any(
        is_kind(function)
        for is_kind in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    ):
        raise TypeError(f"{function!r} does not run when it is called: carry the plain function that runs it.")
    context = copy_context()

    @functools.wraps(function)
    def carried(*arguments: P.args, **options: P.kwargs) -> T:
        return context.copy().run(function, *arguments, **options)

    return carried


def id_of(cause: Cause) -> str:
    """Return the id of a cause."""
    if isinstance(cause, str):
        return cause
    return cause.events[-1].id if isinstance(cause, Appended) else cause.id
