"""Reading a log as it grows, over HTTP: pages, long polls, server-sent events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from itertools import islice

import orjson

from events import engine
from events.api.responses import Page, event_json
from events.errors import brief
from events.query.match import event_matcher
from events.query.tree import EVERYTHING, Query
from events.reading import scan, store
from events.reading.scan import Found
from events.types import Event

logger = logging.getLogger(__name__)

_HEARTBEAT = 15.0
"""Seconds between two signs of life on a stream that has nothing to say."""
_BLOCK = 1_000


async def read_page(
    log_id: int, query: Query, *, after: int | None, before: int | None, backward: bool, limit: int
) -> Page:
    """One page. Its `next` is the position to read after; backward, to read before, or None where nothing is left."""
    pool = engine.current().pool
    # The head first: what is appended after this look is the next page's.
    head = await store.head(log_id).afirst(pool) or 0
    search = scan.events(log_id, query, after=after, before=before, backward=backward, limit=limit, head=head)
    found = await search.afetch(pool)
    return Page(found.events, None if backward and found.at_end else found.searched_to, head, found.complete)


async def read_stream(
    log_id: int, stream: str, query: Query, *, from_version: int | None, backward: bool, limit: int
) -> Page:
    """One page of a stream. Its `next` is the version to read from, or None where nothing is left."""
    pool = engine.current().pool
    head, version = await store.heads(log_id, stream).afirst(pool) or (0, 0)
    after = before = None
    if from_version is not None:
        after, before = (None, from_version + 1) if backward else (from_version - 1, None)
    search = scan.stream_events(
        log_id, stream, query, after=after, before=before, backward=backward, limit=limit, version=version
    )
    found = await search.afetch(pool)
    return Page(found.events, _next_version(found, backward), head, found.complete)


def _next_version(found: Found, backward: bool) -> int | None:
    if backward:
        return None if found.at_end else found.searched_to - 1
    return found.searched_to + 1


async def wait_page(log_id: int, query: Query, *, behind: Page, limit: int, wait: float) -> Page:
    """The first matches behind an empty page, waiting for them up to `wait` seconds."""
    matches = event_matcher(query)
    position, head = behind.next or 0, behind.head
    deadline = asyncio.get_running_loop().time() + wait
    try:
        async with (
            asyncio.timeout_at(deadline),
            aclosing(engine.current().tails.follow(log_id, after=position, heartbeat=wait)) as batches,
        ):
            async for batch in batches:
                if not batch:
                    continue
                found = list(islice(filter(matches, batch), limit))
                position = found[-1].position if len(found) == limit else batch[-1].position
                head = max(head, batch[-1].position)
                if found:
                    return Page(found, position, head)
    except TimeoutError:
        pass
    return Page((), position, head)


async def server_sent_events(
    log_id: int, query: Query, *, after: int, check: Callable[[], Awaitable[object]]
) -> AsyncIterator[bytes]:
    """The events after a position, until `check` raises. `id:` is the position, on heartbeats that scanned to.

    `check` is called once in a while: who may no longer read is cut off.
    """
    loop = asyncio.get_running_loop()
    yield b"retry: 1000\n\n"
    spoke = checked = loop.time()
    due = _HEARTBEAT * 0.9
    async with aclosing(_follow(log_id, query, after=after)) as found:
        async for events, position in found:
            if loop.time() - checked >= due:
                await check()
                checked = loop.time()
            if events:
                yield b"".join(map(_frame, events))
            elif loop.time() - spoke >= due:
                yield b"event: heartbeat\nid: %d\ndata: %b\n\n" % (position, orjson.dumps({"position": position}))
            else:
                continue
            spoke = loop.time()


async def _follow(log_id: int, query: Query, *, after: int) -> AsyncGenerator[tuple[list[Event], int], None]:
    """The matches after a position as they are found, with the position looked up to; now and then without any.

    The database searches what is there; what comes is matched here.
    """
    position = after
    if query != EVERYTHING:
        at_end = False
        while not at_end:
            search = scan.events(log_id, query, after=position, backward=False, limit=_BLOCK)
            try:
                found = await search.afetch(engine.current().pool)
            except engine.DatabaseAway as error:
                logger.warning("an event stream of log %s was ended: %s", log_id, brief(error))
                return  # the client comes back with its last position
            position, at_end = found.searched_to, found.at_end
            yield list(found.events), position
    matches = event_matcher(query)
    async with aclosing(engine.current().tails.follow(log_id, after=position, heartbeat=_HEARTBEAT)) as batches:
        async for batch in batches:
            position = batch[-1].position if batch else position
            yield list(filter(matches, batch)), position


def _frame(event: Event) -> bytes:
    # JSON text may hold raw line breaks between its tokens; each line of SSE data needs its own prefix.
    lines = event_json(event).replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
    return b"id: %d\ndata: %b\n\n" % (event.position, lines)
