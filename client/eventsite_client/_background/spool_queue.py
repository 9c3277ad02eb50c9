"""A queue of lines in files, which outlive their process."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from eventsite_client._background.spool import FILE_BYTES, Spool


class SpoolQueue:
    """Lines that wait to be sent, in files. The first one is removed when its lines are sent, if there is another."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._files = deque([spool.create()])
        self.size = 0
        """The bytes that wait."""

    def put(self, line: bytes) -> None:
        """Add a line.

        Raises:
            OSError: the disk is full, or fails. Nothing of the line is kept.
        """
        size = len(line)  # a signal may come in a call, and its handler may log, so there is none amid the sum
        if self._files[-1].end > FILE_BYTES:
            with suppress(OSError):  # then the file grows on, until there is room for another one
                self._files.append(self._spool.create())
        self._files[-1].put(line)
        self.size += size

    def peek(self, most_lines: int, most_bytes: int) -> list[bytes]:
        """Return the next lines: one at least, if there is any. (It needs no lock: what is peeked at is written.)"""
        return self._files[0].peek(most_lines, most_bytes)

    def done(self, lines: Sequence[bytes]) -> None:
        """Forget the next lines: they are sent."""
        first = self._files[0]
        first.done(lines)
        self.size -= sum(map(len, lines))
        if not first.size and len(self._files) > 1:
            self._files.popleft().close()

    def let_go(self) -> None:
        """Leave the files to the parent of this process."""
        for file in self._files:
            file.let_go()

    def close(self) -> int:
        """Remove the files in which nothing waits, and leave the others to the next start. Return 0: none is lost."""
        for file in self._files:
            file.close()
        return 0
