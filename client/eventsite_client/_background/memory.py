"""Lines in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from eventsite_client._background.spool_file import lines_of


class MemoryQueue:
    """Lines that wait to be sent. They are lost with the process."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._next: list[bytes] = []
        """The lines that are being sent: the first of all that wait."""
        self.size = 0
        """The bytes that wait."""

    def put(self, line: bytes) -> None:
        """Add a line."""
        size = len(line)  # a signal may come in a call, and its handler may log, so there is none amid the sum
        self._lines.append(line)
        self.size += size

    def peek(self, most_lines: int, most_bytes: int) -> list[bytes]:
        """Return the next lines: one at least, if there is any. (It needs no lock: a deque has two ends.)"""
        size = sum(map(len, self._next))
        while self._lines and len(self._next) < most_lines and size < most_bytes:
            self._next.append(self._lines.popleft())
            size += len(self._next[-1])
        return self._next[:most_lines]

    def done(self, lines: Sequence[bytes]) -> None:
        """Forget the next lines: they are sent."""
        del self._next[: len(lines)]
        self.size -= sum(map(len, lines))

    def let_go(self) -> None:
        """Leave the lines to the parent of this process."""

    def close(self) -> int:
        """End the queue, and return the number of lines that are lost with it."""
        count = len(self._next) + len(self._lines)
        self._next, self._lines = [], deque()
        return count


class MemoryLines:
    """Lines that are kept in memory until the server takes them. They are lost with the process."""

    def __init__(self) -> None:
        self._text = bytearray()

    @property
    def end(self) -> int:
        """The bytes of the lines."""
        return len(self._text)

    def put(self, lines: bytes) -> None:
        """Add whole lines."""
        self._text += lines

    def read(self) -> list[bytes]:
        """Return all lines."""
        return lines_of(self._text)

    def replace(self, lines: Iterable[bytes]) -> None:
        """Hold other lines from now on."""
        self._text = bytearray(b"".join(lines))

    def remove(self) -> None:
        """Forget the lines."""

    def let_go(self) -> None:
        """Leave the lines to the parent of this process."""

    def close(self) -> int:
        """Return the number of lines, which are lost."""
        return self._text.count(b"\n")
