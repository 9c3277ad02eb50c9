"""The frames of a live list: each has new rows, newest first, and an exact count of the rows that are not drawn.

A frame goes over the wire as JSON:

    {"position": 42, "rows": 3, "html": "<article …>…", "redacted": {"17": "<article …>…"}}

`position` is the position up to which the log was read; a client that comes back sends it, and goes on after it. `rows`
is the number of new events that fit the query, and `html` shows them. It is empty for a viewer that only counts.

`redacted` holds the events of the log that were emptied since the position that the viewer had reached, whether or not
they fit its query: each position with the current row. A page removes the old content of these events: it puts the row
where its list shows the position (`data-position`), and fetches anew everything else that it made of the log (an opened
event, a state, the steps of a replay, steps that it fetched ahead). For a viewer that only counts, and for all events
but the last hundred, the row is an empty text: the page then fetches its list anew, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic
from types import MappingProxyType
from urllib.parse import urlencode

import orjson
from django.template.loader import render_to_string
from django.urls import reverse

from events.converters import events_url
from events.query.match import event_matcher
from events.query.printing import to_text
from events.query.tree import EVERYTHING, Query
from events.types import REDACTED, Event
from events.views.event_line import line
from events.views.glyphs import Glyph, Glyphs
from events.views.macros import macro

MAX_ROWS = 1_000
"""More new rows than this become a gap: no browser, and no reader, keeps up with them."""
ROWS_AFTER_A_GAP = 100
NOTHING_REDACTED: Mapping[str, str] = MappingProxyType({})
_MAX_BYTES = 16 * 2**20
_CACHED_ROWS = 2_000


@dataclass(frozen=True)
class View:
    """A view of a log through a query whose times are pinned. Equal views get equal frames.

    Queries are compared by their text, as to Python `data.paid:true` equals `data.paid:1`. With `counts` a viewer gets
    only the number of events.
    """

    log_id: int
    log_name: str
    query: Query = field(default=EVERYTHING, compare=False)
    counts: bool = False
    text: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", to_text(self.query))

    @cached_property
    def fits(self) -> Callable[[Event], bool]:
        """The function that tells whether the view shows an event."""
        return event_matcher(self.query)

    def range_url(self, last: int) -> str:
        """Return the address of the timeline from a position back."""
        params = ({"q": self.text} if self.text else {}) | {"before": last + 1}
        return f"{reverse('timeline', args=[self.log_name])}?{urlencode(params)}"


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that fit the query and are not drawn: their number, and the range of their positions."""

    events: int
    first: int
    last: int
    url: str


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame for the events between two positions, the first exclusive, as JSON text."""

    after: int
    position: int
    text: str


def frame(
    view: View,
    *,
    after: int,
    position: int,
    fits: int,
    rows: Sequence[str] = (),
    oldest: int = 0,
    redacted: Mapping[str, str] = NOTHING_REDACTED,
) -> Frame:
    """Return a frame of rows, newest first; if not all are drawn, the gap is below them.

    `oldest` is the position of the last row. `redacted` has the row of each event that was emptied, by its position as
    a text.
    """
    html = "".join(rows)
    if rows and fits > len(rows):
        gap = Gap(events=fits - len(rows), first=after + 1, last=oldest - 1, url=view.range_url(oldest - 1))
        html += render_to_string("events/_gap.html", {"gap": gap})
    text = orjson.dumps({"position": position, "rows": fits, "html": html, "redacted": dict(redacted)}).decode()
    return Frame(after=after, position=position, text=text)


class Gathering:
    """Gathers the events that fit a view, in order and in bounded memory, until they are drawn.

    `redacted_at` is the tail's at the start: when the tail's changes, a gathered event may be empty now.
    `has_redaction`: one of the events is an `event.redacted`.
    """

    def __init__(self, view: View, *, after: int, redacted_at: int) -> None:
        self._view = view
        self.after = after
        self.redacted_at = redacted_at
        self._events: deque[Event] = deque(maxlen=0 if view.counts else MAX_ROWS)
        self._bytes = 0
        self._began = 0.0
        self._fits = 0
        self.position = after
        self.has_redaction = False

    @property
    def is_large(self) -> bool:
        """Whether the events have so many bytes that they are drawn before more are gathered."""
        return self._bytes > _MAX_BYTES

    @property
    def age(self) -> float:
        """Seconds since the first event came."""
        return monotonic() - self._began

    def add(self, batch: Iterable[Event]) -> None:
        self._began = self._began or monotonic()
        for event in batch:
            self.position = event.position
            self.has_redaction |= event.type == REDACTED
            if self._view.fits(event):
                self._fits += 1
                self._bytes += event.size
                self._events.append(event)

    @property
    def drawn(self) -> list[Event]:
        """The newest of the events, in order: those that the frame has rows of."""
        return list(self._events)[-MAX_ROWS if self._fits <= MAX_ROWS else -ROWS_AFTER_A_GAP :]

    def draw(self, events: Sequence[Event], glyphs: Glyphs) -> Frame:
        """Return the frame of the gathered events, with rows of `drawn`."""
        return frame(
            self._view,
            after=self.after,
            position=self.position,
            fits=self._fits,
            rows=rows_html(self._view.log_name, reversed(events), glyphs),
            oldest=events[0].position if events else 0,
        )


_rows: dict[tuple[str, int], tuple[int, Glyph, str]] = {}
"""Rows by log and position, each with the hash of the data that it shows, and the glyph of its type."""


def rows_html(log_name: str, events: Iterable[Event], glyphs: Glyphs) -> list[str]:
    """Return each event's row, rendered once for all viewers: it depends only on the event and its log.

    The row of an event that was redacted meanwhile is rendered anew, and replaces the old one. Only the feeds' one
    rendering thread calls this, so the cache needs no lock.
    """
    draw, url = macro("events/_row.html", "row"), events_url(log_name)
    return [_row_html(event, (log_name, event.position), draw, url, glyphs) for event in events]


def _row_html(event: Event, key: tuple[str, int], draw: Callable[..., str], url: str, glyphs: Glyphs) -> str:
    state = hash(event.data), glyphs(event.type)
    *cached_state, html = _rows.get(key, (None, None, ""))
    if tuple(cached_state) != state:
        if len(_rows) >= _CACHED_ROWS:
            del _rows[next(iter(_rows))]
        html = str(draw(line(event), url, glyphs))
        _rows[key] = *state, html
    return html
