"""The workflow, agent and cause that the events of a block share; through tasks, threads and processes.

Between processes it goes in headers: `traceparent` (W3C Trace Context) names the trace, and `baggage` (W3C Baggage) has
the workflow and the cause.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar, Token, copy_context
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Shared:
    """The workflow, agent, cause and trace that events share. None: they share none."""

    workflow: str | None = None
    agent: str | None = None
    cause: str | None = None
    trace: str | None = None
    """The id of the trace: 32 hexadecimal digits."""


NOTHING = Shared()
"""The value for events that are in no run."""
_current: ContextVar[Shared] = ContextVar("eventsite_run", default=NOTHING)


def current() -> Shared:
    """Return what the events that are appended here have in common."""
    return _current.get()


class Run:
    """A block, or a function, whose events have something in common. `Client.run()` describes it."""

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
        self._tokens: list[Token[Shared]] = []

    def __enter__(self) -> Run:
        outer = current()
        trace = self._sent.trace or outer.trace or os.urandom(16).hex()
        shared = Shared(
            self._own.workflow or self._sent.workflow or outer.workflow,
            self._own.agent or outer.agent,
            self._own.cause or self._sent.cause or outer.cause,
            trace,
        )
        self._tokens.append(_current.set(shared))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(ValueError):  # a generator may end in another context, in which there is nothing to reset
            _current.reset(self._tokens.pop())

    def __call__(self, function: Function) -> Function:
        """Return a function whose calls are such blocks; it may be a coroutine function."""

        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            with self._again():
                return function(*arguments, **options)

        @functools.wraps(function)
        async def call_async(*arguments: Any, **options: Any) -> Any:
            with self._again():
                return await function(*arguments, **options)

        return cast("Function", call_async if inspect.iscoroutinefunction(function) else call)

    def _again(self) -> Run:
        """Return another block like this one: calls may overlap."""
        other = Run()
        other._own, other._sent = self._own, self._sent
        return other


def trace_headers() -> dict[str, str]:
    """Return the headers that carry the current run to another process, where `Client.run(headers=…)` takes them up."""
    shared = current()
    if shared is NOTHING:
        return {}
    baggage = [f"eventsite.{name}={quote(value, safe='')}" for name in _MEMBERS if (value := getattr(shared, name))]
    sent = {"traceparent": f"00-{shared.trace}-{os.urandom(8).hex()}-01"}
    return {**sent, "baggage": ",".join(baggage)} if baggage else sent


def shared_of(headers: Mapping[str, str]) -> Shared:
    """Return what headers say. What can't be read says nothing; a trace without a name of ours is a workflow."""
    lower = {name.lower(): value for name, value in headers.items()}
    match = _TRACEPARENT.fullmatch(lower.get("traceparent", "").strip())
    trace = match[1] if match else None
    members: dict[str, str] = {}
    for member in lower.get("baggage", "").split(","):
        name, _, value = member.partition(";")[0].partition("=")
        members[name.strip()] = unquote(value.strip())
    workflow, cause = (members.get(f"eventsite.{name}") or None for name in ("workflow", "cause"))
    return Shared(workflow=workflow or trace, cause=cause, trace=trace)


def carry(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function that runs as here, also in another thread: `Thread(target=carry(work))`.

    Tasks of asyncio, and `asyncio.to_thread`, carry the run by themselves.
    """
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
