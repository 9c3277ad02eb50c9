"""What a viewer of a live list is sent at once: rows, newest first, or an exact account of what they miss."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from django.http import QueryDict
from django.template.loader import render_to_string
from django.urls import reverse

from events.line import line
from events.types import Event, Filter

MOST_ROWS = 1_000
"""More waiting rows than this become a gap: no browser, and no reader, keeps up with them."""
_AFTER_A_GAP = 100
_CACHED = 2_000


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that fit the filter and are not drawn: how many, from which position to which."""

    events: int
    first: int
    last: int
    url: str


class Frame:
    """Gathers what fits a filter, in order, in bounded memory."""

    def __init__(self, log_name: str, where: Filter, query: QueryDict) -> None:
        self._log_name = log_name
        self._where = where
        self._query = query
        self._events: deque[Event] = deque(maxlen=MOST_ROWS)
        self._skipped = 0
        self._first = 0
        self.position = 0

    @property
    def fits(self) -> int:
        """How many events that fit were gathered or skipped."""
        return self._skipped + len(self._events)

    def add(self, batch: Iterable[Event]) -> None:
        for event in batch:
            self.position = event.position
            if self._where.matches(event):
                self._first = self._first or event.position
                self._skipped += len(self._events) == MOST_ROWS
                self._events.append(event)

    def skip(self, upto: int, *, after: int) -> None:
        """Count the positions between as not drawn: exact without a filter, since positions have no gaps."""
        self._first, self._skipped, self.position = after + 1, upto - after, upto

    def html(self) -> str:
        """The rows, newest first; below them the gap, if there is one."""
        if not self._skipped:
            return "".join(row_html(self._log_name, event) for event in reversed(self._events))
        drawn = list(self._events)[-_AFTER_A_GAP:]
        last = drawn[0].position - 1 if drawn else self.position
        gap = Gap(events=self.fits - len(drawn), first=self._first, last=last, url=self._range_url(last))
        rows = "".join(row_html(self._log_name, event) for event in reversed(drawn))
        return rows + render_to_string("events/_gap.html", {"gap": gap})

    def _range_url(self, last: int) -> str:
        query = self._query.copy()
        query.pop("after", None)
        query["before"] = str(last + 1)
        return f"{reverse('timeline', args=[self._log_name])}?{query.urlencode()}"


_rows: dict[tuple[str, int, int], str] = {}


def row_html(log_name: str, event: Event) -> str:
    """One row, rendered once for all who watch it: it depends on nothing but the event and its log.

    The data's hash is in the key, so that an event redacted meanwhile is rendered anew. Only the
    consumers' one rendering thread calls this, so the cache needs no lock.
    """
    key = (log_name, event.position, hash(event.data))
    html = _rows.get(key)
    if html is None:
        if len(_rows) >= _CACHED:
            del _rows[next(iter(_rows))]
        html = _rows[key] = render_to_string("events/_row.html", {"line": line(event), "log_name": log_name})
    return html
