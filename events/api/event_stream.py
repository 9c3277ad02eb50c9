"""Server-sent events: a log as it grows, without end. Each event is encoded once for all its followers.

Memory stays bounded, however slowly a client reads: while its buffer is full, an empty piece waits for room, and only
then the next events are sent. Events that were read or encoded before a redaction are read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from events import engine
from events.access.grants import Grant
from events.access.watch import while_allowed
from events.api.query_schemas import ReadAs
from events.api.responses import StreamClient, encode, event_json, problem
from events.errors import UpcastFailed
from events.query.match import event_matcher
from events.query.printing import to_text
from events.query.tree import EVERYTHING, Query
from events.reading import scan
from events.reading.follower import EventBatch, Follower
from events.reading.log_reader import MOST_BYTES, MOST_EVENTS
from events.types import Event

_HEARTBEAT_SECONDS = 15.0
"""The time between two heartbeats on a stream without new events."""
_PIECE_BYTES = 64 * 1024
"""Small events are sent together in pieces of about this size, which is what a server buffers for a client."""
_WHEN_THERE_IS_ROOM = b""


class Piece(NamedTuple):
    """Some events as text, up to the one at `position`; or the reason why the next one can't be read."""

    position: int
    text: bytes
    failure: UpcastFailed | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """A query for events, and the form in which they are sent.

    `text` is the query as text: two selections with the same text select the same events.
    """

    query: Query
    text: str
    fits: Callable[[Event], bool]
    read_as: ReadAs

    @classmethod
    def of(cls, query: Query, read_as: ReadAs) -> Selection:
        return cls(query, to_text(query), event_matcher(query), read_as)


async def send_events(client: StreamClient, grant: Grant, query: Query, *, after: int, read_as: ReadAs) -> None:
    """Send the events after a position, while the grant is valid.

    `id:` is the position of an event, or the position up to which the log was searched, for a heartbeat. An event that
    can't be read in the schema version of `read_as` is not skipped: the problem is sent in its place.

    Raises:
        UpcastFailed: a problem was sent.
    """
    await client.send(b"retry: 1000\n\n")
    log_id = grant.log_id
    # The log is followed even while the database is searched: the follower learns of redactions.
    async with (
        while_allowed(grant.access),
        aclosing(engine.current().tails.follow(log_id, after=after, heartbeat=_HEARTBEAT_SECONDS)) as follower,
    ):
        sender = _Sender(client, Selection.of(query, read_as), follower)
        if query != EVERYTHING:
            await follower.begun()
            await sender.search(log_id)
        async for batch in follower:
            sending = sender.take(batch)
            del batch  # it holds the pieces of all queries; while a client does not read, only its own stay in memory
            await sending


class _Sender:
    """Sends one client the events that its query selects."""

    def __init__(self, client: StreamClient, selection: Selection, follower: Follower) -> None:
        self._client = client
        self._selection = selection
        self._follower = follower
        self._loop = asyncio.get_running_loop()
        self._sent_at = self._loop.time()

    async def search(self, log_id: int) -> None:
        """Send the events that are in the log already: the database searches them. Later ones are matched here."""
        follower, at_end = self._follower, False
        while not at_end:
            after, redacted_at = follower.position, follower.redacted_at
            search = scan.search_events(
                log_id, self._selection.query, after=after, backward=False, limit=MOST_EVENTS, room=MOST_BYTES
            )
            result = await search.afetch(engine.current().pool)
            follower.position = result.searched_to
            await self.take(EventBatch(result.events, after=after, redacted_at=redacted_at))
            at_end = result.at_end and follower.position == result.searched_to  # else it was set back

    def take(self, batch: EventBatch) -> Awaitable[None]:
        """Send the events of a batch that fit; set the follower back if some must be read again."""
        return self._send(_pieces_of(batch, self._selection), after=batch.after, redacted_at=batch.redacted_at)

    async def _send(self, pieces: Sequence[Piece], *, after: int, redacted_at: int) -> None:
        client, follower, position = self._client, self._follower, after
        for piece in pieces:
            if not client.has_room:
                await client.send(_WHEN_THERE_IS_ROOM)
            if redacted_at != follower.redacted_at:
                follower.position = position
                return
            await client.send(piece.text)
            if piece.failure:
                raise piece.failure.with_traceback(None)
            position = piece.position
        now = self._loop.time()
        if pieces:
            self._sent_at = now
        elif now - self._sent_at >= 0.9 * _HEARTBEAT_SECONDS:
            await client.send(_heartbeat(follower.position))
            self._sent_at = now


@dataclass(slots=True)
class _Encoded:
    """The texts of a batch: events by their position, and pieces by their query.

    The batch refers to this object. It does not refer back: large events must not wait for the garbage collector.
    """

    texts: dict[tuple[int, ReadAs], bytes] = field(default_factory=dict)
    pieces: dict[tuple[str, ReadAs], Sequence[Piece]] = field(default_factory=dict)

    def text(self, event: Event, read_as: ReadAs) -> bytes:
        key = (event.position, read_as)
        text = self.texts.get(key)
        if text is None:
            text = self.texts[key] = _event_frame(event, read_as)
        return text


def _pieces_of(batch: EventBatch, selection: Selection) -> Sequence[Piece]:
    """Return the events of a batch that fit, in order, as pieces for all readers; each event is encoded once."""
    if batch.cache is None:
        batch.cache = _Encoded()
    encoded: _Encoded = batch.cache
    key = (selection.text, selection.read_as)
    pieces = encoded.pieces.get(key)
    if pieces is None:
        pieces = encoded.pieces[key] = tuple(_put_together(batch, selection, encoded))
    return pieces


def _put_together(batch: EventBatch, selection: Selection, encoded: _Encoded) -> Iterator[Piece]:
    texts: list[bytes] = []
    size = position = 0
    failure: UpcastFailed | None = None
    for event in filter(selection.fits, batch):
        try:
            text = encoded.text(event, selection.read_as)
        except UpcastFailed as error:
            failure = error
            break
        if texts and size + len(text) > _PIECE_BYTES:
            yield Piece(position, b"".join(texts))
            texts, size = [], 0
        texts.append(text)
        size += len(text)
        position = event.position
    if texts:
        yield Piece(position, b"".join(texts))
    if failure:
        yield Piece(position, b"event: problem\ndata: %b\n\n" % encode(problem(failure)), failure)


def _event_frame(event: Event, read_as: ReadAs) -> bytes:
    # JSON text may hold raw line breaks between its tokens; each line of SSE data needs its own prefix.
    lines = event_json(event, read_as).replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
    return b"id: %d\ndata: %b\n\n" % (event.position, lines)


def _heartbeat(position: int) -> bytes:
    return b"event: heartbeat\nid: %d\ndata: %b\n\n" % (position, orjson.dumps({"position": position}))
