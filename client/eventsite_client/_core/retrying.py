"""The errors that pass by themselves, and the waits of a client before it tries again."""

from __future__ import annotations

import random

from eventsite_client._core.deadline import Deadline
from eventsite_client.errors import EventsiteError, NoAnswer, NotReady, UnexpectedAnswer

_FIRST_SECONDS = 0.1
_MOST_SECONDS = 10.0
_FIRST_ROUND_SECONDS = 0.02
_MOST_ROUND_SECONDS = 1.0
_WARNING_SECONDS = 1.0
"""The time from the first failure until the log of this process says what the client waits for."""
_DEFECT_RETRIES = 2
"""The times that a request is sent again after a 500: a defect rarely passes by itself."""


def pause_after_conflict(number: int) -> float:
    """Return the seconds that the loser of so many rounds waits, so that not all writers try again at once."""
    most = min(_MOST_ROUND_SECONDS, _FIRST_ROUND_SECONDS * 2 ** min(number, 10))
    return random.uniform(0, most)  # noqa: S311 - no secret


class Retrying:
    """The retries of one request."""

    def __init__(self) -> None:
        self._failures = 0
        self._defects = 0
        self._warning: Deadline | None = None
        self._has_warned = False

    def pause_after(self, error: EventsiteError) -> float | None:
        """Return the seconds before the next attempt; None if another one can't help."""
        if not self._passes(error):
            return None
        self._failures += 1
        self._warning = self._warning or Deadline(_WARNING_SECONDS)
        most = min(_MOST_SECONDS, _FIRST_SECONDS * 2 ** min(self._failures, 10))
        # Never less than the server asks for; and not at the same moment as all its other clients.
        jitter = random.uniform(0, most)  # noqa: S311 - no secret
        return jitter if error.retry_after is None else error.retry_after + jitter / 4

    def has_to_warn(self) -> bool:
        """Return whether it is time to say in the log of this process what the client waits for: once."""
        if self._has_warned or self._warning is None or self._warning.left():
            return False
        self._has_warned = True
        return True

    def _passes(self, error: EventsiteError) -> bool:
        if isinstance(error, NoAnswer | NotReady) or error.status == 408:
            return True
        if error.status == 500:
            self._defects += 1
            return self._defects <= _DEFECT_RETRIES
        if error.code == UnexpectedAnswer.codes[0]:
            return error.status in (429, 502, 503, 504)  # a proxy's
        return error.status in (429, 503) and error.retry_after is not None
