"""Reading a log as it grows, over HTTP: pages, long polls, server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import orjson

from events import engine, store
from events.answers import event_json
from events.types import Event, Filter

_HEARTBEAT = 15.0
"""Seconds between two signs of life on a stream that has nothing to say."""


async def read_page(
    log_id: int, where: Filter, *, after: int | None, before: int | None, backward: bool, limit: int
) -> tuple[list[Event], int | None, int]:
    """One page: its events, where to go on, and the log's head.

    Forward, the second is the position up to which everything was looked at. Backward, it is the
    position to read before, or None where nothing is left.
    """
    pool = engine.current().pool
    # The head first: what is appended after this look is the next page's.
    head = await store.head(log_id).afirst(pool) or 0
    before = head + 1 if before is None else min(head + 1, before)
    events = await store.events(log_id, where, after=after, before=before, backward=backward, limit=limit).afetch(pool)
    if len(events) == limit:
        return events, events[-1].position, head
    if backward:
        return events, None, head
    return events, max(after or 0, before - 1), head


async def wait_page(log_id: int, where: Filter, *, after: int, limit: int, wait: float) -> tuple[list[Event], int, int]:
    """The first matches after a position, waiting for them up to `wait` seconds."""
    position = after
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    try:
        async with (
            asyncio.timeout_at(deadline),
            aclosing(engine.current().tails.follow(log_id, after=after, heartbeat=wait)) as batches,
        ):
            async for batch in batches:
                found = [event for event in batch if where.matches(event)][:limit]
                position = batch[-1].position if batch else position
                if found:
                    if len(found) == limit:
                        position = found[-1].position
                    return found, position, max(position, batch[-1].position)
    except TimeoutError:
        pass
    return [], position, position


async def server_sent_events(
    log_id: int, where: Filter, *, after: int, check: Callable[[], Awaitable[object]]
) -> AsyncIterator[bytes]:
    """The events after a position, until `check` raises. `id:` is the position, on heartbeats that scanned to.

    `check` is called once in a while: who may no longer read is cut off.
    """
    loop = asyncio.get_running_loop()
    yield b"retry: 1000\n\n"
    spoke = checked = loop.time()
    position, due = after, _HEARTBEAT * 0.9
    async with aclosing(engine.current().tails.follow(log_id, after=after, heartbeat=_HEARTBEAT)) as batches:
        async for batch in batches:
            position = batch[-1].position if batch else position
            if loop.time() - checked >= due:
                await check()
                checked = loop.time()
            if frames := b"".join(_frame(event) for event in batch if where.matches(event)):
                yield frames
            elif loop.time() - spoke >= due:
                yield b"event: heartbeat\nid: %d\ndata: %b\n\n" % (position, orjson.dumps({"position": position}))
            else:
                continue
            spoke = loop.time()


def _frame(event: Event) -> bytes:
    # JSON text may hold raw line breaks between its tokens; each line of SSE data needs its own prefix.
    lines = event_json(event).replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
    return b"id: %d\ndata: %b\n\n" % (event.position, lines)
