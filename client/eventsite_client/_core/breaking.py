"""A breaker: whether calls of a service are let through, by how the last ones ended. Its changes are values."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Literal

from eventsite_client.errors import CircuitOpen
from eventsite_client.types import NewEvent

State = Literal["closed", "open", "half-open"]


class Circuit:
    """A breaker. The caller tells it the time, in seconds of a clock that only goes forward."""

    def __init__(self, service: str, *, failures: int, of: int, minimum: int, pause: float) -> None:
        if not 1 <= failures <= of or not 1 <= minimum <= of or pause <= 0:
            raise ValueError("A breaker opens after `failures` among the last `of` calls, for `pause` seconds.")
        self.service = service
        self.stream = f"breaker-{service}"
        self.state: State = "closed"
        self._failures = failures
        self._minimum = minimum
        self._pause = pause
        self._ends: deque[bool] = deque(maxlen=of)
        self._until = 0.0
        self._period = 0
        """The number of changes and of trials so far. Only a call of this period says anything new by its end."""
        self._lock = threading.Lock()

    def begin(self, now: float) -> tuple[int, NewEvent | None]:
        """Let a call through. Return its period, and the change if it is a trial.

        A trial that has not ended after the pause is followed by another one.

        Raises:
            CircuitOpen: it is not let through.
        """
        with self._lock:
            if self.state == "closed":
                return self._period, None
            seconds_left = self._until - now
            if seconds_left > 0:
                detail = f"Calls of {self.service!r} have failed too often, and pause."
                raise CircuitOpen(detail, members={"service": self.service}, retry_after=seconds_left)
            change = self._change("circuit.half_opened") if self.state == "open" else None
            self._go_to("half-open", now + self._pause)
            return self._period, change

    def end(self, period: int, now: float, *, failed: bool | None) -> NewEvent | None:
        """Note how a call ended, and return the change if there is one. None: it tells nothing about the service."""
        with self._lock:
            if period != self._period:  # the breaker has changed since the call began
                return None
            if self.state == "half-open":
                return self._end_trial(now, failed)
            if failed is None:
                return None
            self._ends.append(not failed)
            failures = self._ends.count(False)
            if not failed or failures < self._failures or len(self._ends) < self._minimum:
                return None
            return self._open(now, failures)

    def _end_trial(self, now: float, failed: bool | None) -> NewEvent | None:
        if failed is None:
            self._go_to("half-open", now)  # the next call is a trial
            return None
        if failed:
            return self._open(now, 1)
        self._go_to("closed", now)
        return self._change("circuit.closed")

    def _open(self, now: float, failures: int) -> NewEvent:
        calls = max(1, len(self._ends))
        self._go_to("open", now + self._pause)
        return self._change("circuit.opened", failures=failures, of=calls, pause=self._pause)

    def _go_to(self, state: State, until: float) -> None:
        self.state, self._until = state, until
        self._period += 1
        self._ends.clear()

    def _change(self, type: str, **data: float) -> NewEvent:
        return NewEvent(type, {"service": self.service, **data})


class Breaker:
    """A breaker for the calls of a service. `Client.breaker()` describes it."""

    def __init__(
        self, circuit: Circuit, errors: tuple[type[Exception], ...], note: Callable[[str, NewEvent], None]
    ) -> None:
        self._circuit = circuit
        self._errors = errors
        self._note = note

    @property
    def state(self) -> State:
        """`closed`: calls are let through. `open`: they are not. `half-open`: one is, as a trial."""
        return self._circuit.state

    def call(self) -> AbstractContextManager[None]:
        """Return a block that calls the service.

        Raises (the block):
            CircuitOpen: the service is not called.
        """
        return _Call(self._circuit, self._errors, self._note)


class _Call(AbstractContextManager[None]):
    """One call, which knows in which period of the breaker it began."""

    def __init__(
        self, circuit: Circuit, errors: tuple[type[Exception], ...], note: Callable[[str, NewEvent], None]
    ) -> None:
        self._circuit = circuit
        self._errors = errors
        self._note = note
        self._period = 0

    def __enter__(self) -> None:
        self._period, change = self._circuit.begin(time.monotonic())
        self._emit(change)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        failed = None if error is not None and not isinstance(error, Exception) else isinstance(error, self._errors)
        self._emit(self._circuit.end(self._period, time.monotonic(), failed=failed))

    def _emit(self, change: NewEvent | None) -> None:
        if change is not None:
            self._note(self._circuit.stream, change)
