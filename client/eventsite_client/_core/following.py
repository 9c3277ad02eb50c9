"""The place of a follower in the log, and how it goes on after each answer and each break."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from eventsite_client._core.paging import EventsPage
from eventsite_client._core.requests import Request, get
from eventsite_client._core.retrying import Retrying
from eventsite_client.errors import EventsiteError, NoAnswer, UnexpectedAnswer, error_of
from eventsite_client.types import Event, ReadAs

SILENCE_SECONDS = 35.0
"""A stream without a byte for so long is dead: the server sends a heartbeat after fifteen seconds."""
_POLL_SECONDS = 20.0
_POLL_EVENTS = 500
_decoder = msgspec.json.Decoder(Event)


class Silence(NoAnswer):
    """The server sent nothing for too long."""


class Cursor:
    """The events of a query after a position, from one connection to the next. Each comes once."""

    def __init__(self, q: str, *, after: int, read_as: ReadAs) -> None:
        self._q = q
        self._read_as = None if read_as == "stored" else read_as
        self._waiting: deque[Event] = deque()
        self._looked_to = after
        self._stream_speaks = False
        self._retrying = Retrying()
        self.position = after
        """Every event up to it was handed out, or does not fit."""
        self.polls = False
        """Whether the follower asks again and again, since streams do not come through."""
        self.has_begun = False
        """Whether the server has answered."""

    def stream_request(self) -> Request[Any]:
        """Return the request of a stream that goes on here."""
        self._stream_speaks = False
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        return get("/events", object, headers=headers, **self._params())

    def poll_request(self) -> Request[EventsPage]:
        """Return the request of a long poll that goes on here."""
        wait = _POLL_SECONDS if self.has_begun else 0.0  # the first answer must come before the timeout
        return get("/events", EventsPage, wait=wait, limit=_POLL_EVENTS, **self._params())

    def _params(self) -> dict[str, Any]:
        return {"q": self._q, "after": self._looked_to, "read_as": self._read_as}

    def next_event(self) -> Event | None:
        """Hand out the next event; None if it has not come yet."""
        if not self._waiting:
            self.position = max(self.position, self._looked_to)
            return None
        event = self._waiting.popleft()
        self.position = event.position
        return event

    def take_page(self, page: EventsPage) -> None:
        """Take the answer of a long poll."""
        self.has_begun, self._retrying = True, Retrying()
        self._waiting.extend(page.events)
        self._looked_to = page.next or self._looked_to

    def take_message(self, kind: str, data: str, id: str) -> None:
        """Take a message of a stream: an event, a heartbeat, or the problem that ends it.

        Raises:
            EventsiteError: the next event can't be read in the version that was asked for.
        """
        self.has_begun = self._stream_speaks = True
        if not data:  # the greeting of the stream
            return
        self._retrying = Retrying()
        if kind == "problem":
            problem = msgspec.json.decode(data, type=dict[str, Any])
            raise error_of(int(problem["status"]), problem, retry_after=None)
        if kind == "message":
            event = _decoder.decode(data)
            if event.position > self._looked_to:
                self._waiting.append(event)
        self._looked_to = max(self._looked_to, int(id))

    def has_to_warn(self) -> bool:
        """Return whether it is time to say in the log of this process that the server is away: once a break."""
        return self._retrying.has_to_warn()

    def pause_after(self, error: EventsiteError) -> float | None:
        """Return the seconds before the next attempt; None if no attempt can help."""
        if not self.polls and not self._stream_speaks and isinstance(error, Silence | UnexpectedAnswer):
            self.polls = True  # something between here and the server holds streams back
            return 0.0
        return self._retrying.pause_after(error)
