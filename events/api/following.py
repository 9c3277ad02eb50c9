"""Reading a log as it grows, over HTTP: pages and long polls. `event_stream.py` has the stream without end."""

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
"""What one page holds, in bytes of data and metadata: the event that passes this is the last."""


async def read_page(
    log_id: int, query: Query, *, after: int | None, before: int | None, backward: bool, limit: int
) -> EventPage:
    """Read one page. Its `next` is the position to read after; backward, to read before, or None at the end."""
    pool = engine.current().pool
    # The head first: what is appended after this look is the next page's.
    head = await store.head(log_id).afirst(pool) or 0
    search = scan.search_events(
        log_id, query, after=after, before=before, backward=backward, limit=limit, room=_PAGE_BYTES, head=head
    )
    found = await search.afetch(pool)
    return EventPage(found.events, None if backward and found.at_end else found.searched_to, head, found.complete)


async def read_stream(
    log_id: int, stream: str, query: Query, *, from_version: int | None, backward: bool, limit: int
) -> EventPage:
    """Read one page of a stream. Its `next` is the version to read from, or None at the end."""
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
    found = await search.afetch(pool)
    return EventPage(found.events, _next_version(found, backward), head, found.complete, version)


def _next_version(result: SearchResult, backward: bool) -> int | None:
    if backward:
        return None if result.at_end else result.searched_to - 1
    return result.searched_to + 1


async def wait_page(grant: Grant, query: Query, *, behind: EventPage, limit: int, wait: float) -> EventPage:
    """The first matches behind an empty page, waiting for them up to `wait` seconds while the grant stands."""
    matches = event_matcher(query)
    position, head = behind.next or 0, behind.head
    with suppress(TimeoutError):
        async with (
            asyncio.timeout(wait),
            while_allowed(grant.access),
            aclosing(engine.current().tails.follow(grant.log_id, after=position)) as follower,
        ):
            async for batch in follower:
                found = list(islice(filter(matches, batch), limit))
                position = found[-1].position if len(found) == limit else batch[-1].position
                head = max(head, batch[-1].position)
                if found:
                    return EventPage(found, position, head)
    return EventPage((), position, head)
