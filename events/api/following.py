"""Pages and long polls of a log, over HTTP. `event_stream.py` has the stream without end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from itertools import islice

from events import engine
from events.access.grants import Grant
from events.access.watch import while_allowed
from events.api.responses import EventPage
from events.query.match import event_matcher
from events.query.tree import Query
from events.reading import scan, store
from events.reading.scan import SearchResult

_PAGE_BYTES = 8 * 2**20
"""Bytes of data and metadata on one page: the event that passes this number is the last."""


async def read_page(
    log_id: int, query: Query, *, after: int | None, before: int | None, backward: bool, limit: int
) -> EventPage:
    """Read one page. Its `next` is the position after which the next page begins.

    Backward, it is the position before which the next page begins, or None at the end.
    """
    pool = engine.current().pool
    # The head is read first: events that are appended after that are on the next page.
    head = await store.head(log_id).afirst(pool) or 0
    search = scan.search_events(
        log_id, query, after=after, before=before, backward=backward, limit=limit, room=_PAGE_BYTES, head=head
    )
    result = await search.afetch(pool)
    next_position = None if backward and result.at_end else result.searched_to
    return EventPage(result.events, next_position, head, result.complete)


async def read_stream(
    log_id: int, stream: str, query: Query, *, from_version: int | None, backward: bool, limit: int
) -> EventPage:
    """Read one page of a stream. Its `next` is the version at which the next page begins, or None at the end."""
    pool = engine.current().pool
    head, version = await store.heads(log_id, stream).afirst(pool) or (0, 0)
    after = before = None
    if from_version is not None:
        after, before = (None, from_version + 1) if backward else (from_version - 1, None)
    search = scan.search_stream(
        log_id,
        stream,
        query,
        after=after,
        before=before,
        backward=backward,
        limit=limit,
        room=_PAGE_BYTES,
        version=version,
    )
    result = await search.afetch(pool)
    return EventPage(result.events, _next_version(result, backward), head, result.complete, version)


def _next_version(result: SearchResult, backward: bool) -> int | None:
    if backward:
        return None if result.at_end else result.searched_to - 1
    return result.searched_to + 1


async def wait_page(grant: Grant, query: Query, *, after: EventPage, limit: int, wait: float) -> EventPage:
    """Wait for the first matches after an empty page, up to `wait` seconds and while the grant is valid."""
    matches = event_matcher(query)
    position, head = after.next or 0, after.head
    with suppress(TimeoutError):
        async with (
            asyncio.timeout(wait),
            while_allowed(grant.access),
            aclosing(engine.current().tails.follow(grant.log_id, after=position)) as follower,
        ):
            async for batch in follower:
                events = list(islice(filter(matches, batch), limit))
                position = events[-1].position if len(events) == limit else batch[-1].position
                head = max(head, batch[-1].position)
                if events:
                    return EventPage(events, position, head)
    return EventPage((), position, head)
