"""The limits on what one token or person may have open at a time, in this process."""

from __future__ import annotations

from collections import Counter
from types import TracebackType

from events.errors import EventsError, TooManySockets, TooManyStreams


class Place:
    """A place that is held until the block ends: `with places.take(asker, most=100): …`."""

    def __init__(self, counts: Counter[str], asker: str) -> None:
        self._counts = counts
        self._asker = asker

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._counts[self._asker] -= 1
        if not self._counts[self._asker]:
            del self._counts[self._asker]


class Places:
    """The places of one kind, counted by their person or token (`Grant.asker`, `Member.asker`)."""

    def __init__(self, refusal: type[EventsError], words: str) -> None:
        self._refusal = refusal
        self._words = words
        self._counts: Counter[str] = Counter()

    def take(self, asker: str, *, most: int) -> Place:
        """Take a place, or raise the refusal with its words, in which `{most}` is the number of places."""
        if self._counts[asker] >= most:
            raise self._refusal(self._words.format(most=most), limit=most)
        self._counts[asker] += 1
        return Place(self._counts, asker)


open_streams = Places(
    TooManyStreams, "You have {most} streams, long polls and uploads open: end one, or try again later."
)
open_sockets = Places(TooManySockets, "You have {most} live pages open: close some.")
