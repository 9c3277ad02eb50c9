"""The end of a call, and what is left until then for its next step."""

from __future__ import annotations

import time
from typing import Any

CONNECT_SECONDS = 5.0
ATTEMPT_SECONDS = 30.0
"""The longest wait for a piece of an answer: a connection that died silently must not use up the whole timeout."""
SLACK_SECONDS = 5.0
"""The time after the end of a long poll in which its answer may come."""
GIVE_BACK_SECONDS = 5.0
"""The longest time in which something is given back when its block was interrupted, such as by Ctrl-C."""


class Deadline:
    """A moment of the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left; 0 if the moment has passed."""
        return max(0.0, self._at - time.monotonic())

    def later(self, seconds: float) -> Deadline:
        """Return the moment some seconds after this one."""
        other = Deadline(0.0)
        other._at = self._at + seconds
        return other


class TimeoutsUntil(dict[str, float]):
    """Timeouts that end with a deadline. Each phase (connect, write, read, …) has what the one before has left."""

    def __init__(self, deadline: Deadline | None, *, read: float) -> None:
        super().__init__(connect=CONNECT_SECONDS, pool=ATTEMPT_SECONDS, write=ATTEMPT_SECONDS, read=read)
        self._deadline = deadline

    def lift(self) -> None:
        """Let the phases that begin from here on have their whole time."""
        self._deadline = None

    def get(self, name: str, default: Any = None) -> Any:
        """Return the timeout of a phase, looked up when it begins. (0 would mean that it must not wait at all.)"""
        seconds = super().get(name, default)
        if seconds is None or self._deadline is None:
            return seconds
        return max(0.001, min(seconds, self._deadline.left()))
