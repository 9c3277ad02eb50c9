"""The frames of a live list: each has new rows, newest first, and an exact count of the rows that are not drawn.

A frame goes over the wire as JSON:

    {"position": 42, "rows": 3, "html": "<article …>…", "redacted": {"17": "<article …>…"}}

`position` is how far the log was read; a client that comes back says so and goes on from there. `rows` is how many new
events fit the query, and `html` shows them. A viewer that only counts is sent no html.

`redacted` names the events of the log that were emptied since the position that the viewer had reached, whether or not
they fit its query, each with its row as it is now. A page takes the old content of these events off the screen: it puts
the given row where its list shows the position (`data-position`), and whatever else it made of the log (an opened
event, a state, the steps of a replay, what was fetched ahead) it asks for anew. The row is an empty text where none is
sent: to a viewer that only counts, and for all but the last hundred. Such a page asks for its list anew, too.
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
from events.views.macros import macro

MOST_ROWS = 1_000
"""More new rows than this become a gap: no browser, and no reader, keeps up with them."""
AFTER_A_GAP = 100
NOTHING_REDACTED: Mapping[str, str] = MappingProxyType({})
_MOST_BYTES = 16 * 2**20
_CACHED = 2_000


@dataclass(frozen=True)
class View:
    """A view of a log through a query whose times are pinned. Equal views get equal frames.

    Equal are queries that are written alike: Python takes `data.paid:true` for `data.paid:1`. With `counts` a viewer
    is only told how many events there are.
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
        """Whether an event is to be shown."""
        return event_matcher(self.query)

    def range_url(self, last: int) -> str:
        """The timeline from a position back."""
        asked = ({"q": self.text} if self.text else {}) | {"before": last + 1}
        return f"{reverse('timeline', args=[self.log_name])}?{urlencode(asked)}"


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that fit the query and are not drawn: how many, from which position to which."""

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
    """A frame of rows, newest first; below them the gap, where not all are drawn. `oldest` is the last row's.

    `redacted` has the row of each event that was emptied, by its position as a text.
    """
    html = "".join(rows)
    if rows and fits > len(rows):
        gap = Gap(events=fits - len(rows), first=after + 1, last=oldest - 1, url=view.range_url(oldest - 1))
        html += render_to_string("events/_gap.html", {"gap": gap})
    text = orjson.dumps({"position": position, "rows": fits, "html": html, "redacted": dict(redacted)}).decode()
    return Frame(after=after, position=position, text=text)


class Gathering:
    """Gathers what fits a view, in order and in bounded memory, until it is drawn.

    `redacted_at` is the tail's, when it began: once that is another, an event that was gathered may be empty now.
    `has_redaction` says that one of the events tells of another that was emptied.
    """

    def __init__(self, view: View, *, after: int, redacted_at: int) -> None:
        self._view = view
        self.after = after
        self.redacted_at = redacted_at
        self._events: deque[Event] = deque(maxlen=0 if view.counts else MOST_ROWS)
        self._bytes = 0
        self._began = 0.0
        self._fits = 0
        self.position = after
        self.has_redaction = False

    @property
    def is_large(self) -> bool:
        """Whether so many bytes wait that they are drawn before more is gathered."""
        return self._bytes > _MOST_BYTES

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

    def drawn(self) -> Frame:
        events = list(self._events)[-MOST_ROWS if self._fits <= MOST_ROWS else -AFTER_A_GAP :]
        return frame(
            self._view,
            after=self.after,
            position=self.position,
            fits=self._fits,
            rows=rows_html(self._view.log_name, reversed(events)),
            oldest=events[0].position if events else 0,
        )


_rows: dict[tuple[str, int], tuple[int, str]] = {}
"""Rows by log and position, each with the hash of the data that it shows."""


def rows_html(log_name: str, events: Iterable[Event]) -> list[str]:
    """Return each event's row, rendered once for all viewers: it depends only on the event and its log.

    The row of an event that was redacted meanwhile is rendered anew, and takes the place of the old one. Only the
    feeds' one rendering thread calls this, so the cache needs no lock.
    """
    draw, url = macro("events/_row.html", "row"), events_url(log_name)
    return [_row_html(event, (log_name, event.position), draw, url) for event in events]


def _row_html(event: Event, key: tuple[str, int], draw: Callable[..., str], url: str) -> str:
    data = hash(event.data)
    rendered, html = _rows.get(key, (None, ""))
    if rendered != data:
        if len(_rows) >= _CACHED:
            del _rows[next(iter(_rows))]
        html = str(draw(line(event), url))
        _rows[key] = data, html
    return html
