"""The counts of a client's events."""

from __future__ import annotations

import threading


class Counts:
    """The numbers of a client's events that were sent, dropped or refused."""

    def __init__(self) -> None:
        self.sent = 0
        self.dropped = 0
        self.refused = 0
        self._lock = threading.RLock()  # the handler of a signal may log in the middle of a count

    @property
    def lost(self) -> int:
        """The number of those that will not get to the log by themselves."""
        return self.dropped + self.refused

    def add(self, *, sent: int = 0, dropped: int = 0, refused: int = 0) -> None:
        """Add to the numbers."""
        with self._lock:
            self.sent += sent
            self.dropped += dropped
            self.refused += refused
