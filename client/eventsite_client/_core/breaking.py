"""A breaker: whether calls of a service are let through, by how the last ones ended. Its changes are values."""

from __future__ import annotations

import threading
from collections import deque
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
        self._lock = threading.Lock()

    def begin(self, now: float) -> NewEvent | None:
        """Let a call through, and return the change if it is a trial.

        Raises:
            CircuitOpen: it is not let through.
        """
        with self._lock:
            if self.state == "closed":
                return None
            left = self._until - now
            if self.state == "half-open" or left > 0:
                detail = f"Calls of {self.service!r} have failed too often, and pause."
                raise CircuitOpen(detail, members={"service": self.service}, retry_after=max(0.0, left))
            self.state = "half-open"
            return self._change("circuit.half_opened")

    def end(self, now: float, *, failed: bool | None) -> NewEvent | None:
        """Note how a call ended, and return the change if there is one. None: it tells nothing about the service."""
        with self._lock:
            if self.state == "half-open":
                return self._end_trial(now, failed)
            if failed is None or self.state == "open":  # a call that began before it opened
                return None
            self._ends.append(not failed)
            failures = self._ends.count(False)
            if not failed or failures < self._failures or len(self._ends) < self._minimum:
                return None
            return self._open(now, failures)

    def _end_trial(self, now: float, failed: bool | None) -> NewEvent | None:
        if failed is None:
            self.state, self._until = "open", now  # the next call is a trial
            return None
        if failed:
            return self._open(now, 1)
        self.state = "closed"
        self._ends.clear()
        return self._change("circuit.closed")

    def _open(self, now: float, failures: int) -> NewEvent:
        self.state, self._until = "open", now + self._pause
        calls = max(1, len(self._ends))
        self._ends.clear()
        return self._change("circuit.opened", failures=failures, of=calls, pause=self._pause)

    def _change(self, type: str, **data: float) -> NewEvent:
        return NewEvent(type, {"service": self.service, **data})
