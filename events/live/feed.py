"""The feeds of live lists. A process has one feed for each view; it draws each frame once, for all watchers.

Each watcher has a cursor of its own. A watcher in step gets the newest frames as they are drawn. One that is further
back, because it reconnected or reads slowly, gets one frame with the newest rows and an exact count of the rows that it
skipped. So no queue grows for a watcher, and no watcher delays others.

An event may be redacted after it was read or drawn, which the tail tells (`redacted_at`). Then the feed drops the kept
frames, reads the gathered events again, and tells the watchers which rows to replace.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from math import inf
from time import monotonic
from typing import ParamSpec, TypeVar

from django.db.models import Q

from events import engine
from events.lists.type_numbers import TypeNumbers
from events.live.frame import MAX_ROWS, NOTHING_REDACTED, ROWS_AFTER_A_GAP, Frame, Gathering, View, frame, rows_html
from events.query.orm import where
from events.query.tree import EVERYTHING
from events.reading import scan, store
from events.types import Event
from events.views.glyphs import Glyphs

logger = logging.getLogger(__name__)

FRAME_SECONDS = 0.25
"""The time from one frame to the next."""
_GATHER_SECONDS = 1.0
_BURST_EVENTS = 100
_KEPT_FRAMES = 8
_KEPT_BYTES = 2 * 2**20
"""The size of the kept frames; the last frame is kept whatever its size."""
_PAGE_ROWS = 100
_PAGE_BYTES = 4 * 2**20
"""Bytes of data and metadata that are read at once."""
# A watcher that comes back gets one frame if its events can be counted in this time; else several, each exact.
_COUNT_SECONDS = 0.25
_REDACTED_ROWS = 100
"""The last redacted events, whose rows a frame shows."""
_FIRST_SLICE_EVENTS = 2_000
_SLICE_SECONDS = 0.04

P = ParamSpec("P")
T = TypeVar("T")

# Templates render in this one thread, so that the event loop never waits for them.
_renderer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rows")
_feeds: dict[View, _Feed] = {}


async def watch(view: View, *, after: int, heartbeat: float) -> AsyncGenerator[Frame]:
    """Yield the frames after a position, for ever; an empty frame after `heartbeat` seconds without one.

    This ends when the engine closes, or when the log can't be read: the client then comes again, from the last frame's
    position.
    """
    feed = _feeds.get(view)
    if feed is None:
        feed = _feeds[view] = _Feed(view)
    feed.watchers += 1
    try:
        position = after
        while next_frame := await feed.after(position, patience=heartbeat):
            position = next_frame.position
            yield next_frame
    finally:
        feed.watchers -= 1
        if not feed.watchers:
            feed.stop()


class _Feed:
    def __init__(self, view: View) -> None:
        self._view = view
        self._position: int | None = None
        self._frames: deque[Frame] = deque()
        self._frames_redacted_at = 0
        self._advanced = asyncio.Event()
        self._stopped = False
        self.watchers = 0
        self._task = asyncio.create_task(self._run(), name=f"feed of {view.log_name}")

    def stop(self) -> None:
        self._stopped = True
        self._task.cancel()
        self._advanced.set()
        if _feeds.get(self._view) is self:
            del _feeds[self._view]

    async def after(self, position: int, *, patience: float) -> Frame | None:
        """Return the next frame after a position; None when the feed has ended."""
        try:
            async with asyncio.timeout(patience):
                while not self._stopped and (self._position is None or position >= self._position):
                    await self._advanced.wait()
        except TimeoutError:
            return frame(self._view, after=position, position=position, fits=0)
        if self._stopped:
            return None
        in_step = (each for each in self._kept_frames() if each.after == position)
        return next(in_step, None) or await self._unredacted(lambda: self._catch_up(position, self._position or 0))

    def _kept_frames(self) -> deque[Frame]:
        """Return the kept frames that may be sent: a frame from before a redaction may show the redacted data."""
        if self._frames_redacted_at != self._redacted_at:
            self._frames_redacted_at = self._redacted_at
            self._frames.clear()
        return self._frames

    def _keep(self, new_frame: Frame) -> None:
        frames = self._kept_frames()
        frames.append(new_frame)
        while len(frames) > _KEPT_FRAMES or (len(frames) > 1 and sum(len(each.text) for each in frames) > _KEPT_BYTES):
            frames.popleft()

    @property
    def _redacted_at(self) -> int:
        return engine.current().tails.redacted_at(self._view.log_id)

    async def _unredacted(self, draw: Callable[[], Awaitable[Frame]]) -> Frame:
        """Draw a frame, again if an event was redacted meanwhile."""
        while True:
            redacted_at = self._redacted_at
            new_frame = await draw()
            if redacted_at == self._redacted_at:
                return new_frame

    async def _run(self) -> None:
        try:
            await self._draw()
        except Exception:
            logger.exception("the live rows of log %s stopped", self._view.log_name)
        self.stop()

    async def _draw(self) -> None:
        head = await self._head()
        async with aclosing(engine.current().tails.follow(self._view.log_id, after=head)) as batches:
            await batches.begun()  # before any watcher catches up: from here on the feed learns of redactions
            self._move(head)
            gathering = self._gathering(head)
            async for batch in batches:
                gathering.add(batch)
                if await self._has_more(len(batch), gathering):
                    continue
                new_frame = await self._unredacted(partial(self._frame_of, gathering))
                self._keep(new_frame)
                self._move(new_frame.position)
                gathering = self._gathering(new_frame.position)
                await asyncio.sleep(FRAME_SECONDS)

    def _gathering(self, after: int) -> Gathering:
        return Gathering(self._view, after=after, redacted_at=self._redacted_at)

    async def _frame_of(self, gathering: Gathering) -> Frame:
        """Draw the gathered events as a frame; read them again if one was redacted since the first of them was read."""
        if not gathering.has_redaction and gathering.redacted_at == self._redacted_at:
            events = gathering.drawn
            return await _draw(gathering.draw, events, await self._glyphs(events))
        return await self._catch_up(gathering.after, gathering.position, is_whole=True)

    async def _has_more(self, batch_events: int, gathering: Gathering) -> bool:
        """Whether more events of a burst are waiting: they are gathered first, to be drawn or counted together."""
        if batch_events < _BURST_EVENTS or gathering.is_large or gathering.age > _GATHER_SECONDS:
            return False
        return gathering.position < await self._head()

    async def _head(self) -> int:
        return await store.head(self._view.log_id).afirst(engine.current().pool) or 0

    def _move(self, position: int) -> None:
        self._position = position
        advanced, self._advanced = self._advanced, asyncio.Event()
        advanced.set()

    async def _catch_up(self, after: int, upto: int, *, is_whole: bool = False) -> Frame:
        """Return one frame from a position towards another: as far as the events can be counted in time, or whole."""
        fits, position = await self._count(after, upto, inf if is_whole else _COUNT_SECONDS)
        row_count = 0 if self._view.counts else fits if fits <= MAX_ROWS else ROWS_AFTER_A_GAP
        rows: list[str] = []
        oldest = position + 1
        # The rows are drawn page by page, so that a thousand events of a megabyte are never in memory together.
        while len(rows) < row_count and (events := await self._older(after, oldest, row_count - len(rows))):
            rows += await self._rows(events)
            oldest = events[-1].position
        redacted = await self._redacted(after, position)
        return await _draw(
            frame,
            self._view,
            after=after,
            position=position,
            fits=fits,
            rows=rows,
            oldest=oldest,
            redacted=redacted,
        )

    async def _rows(self, events: Sequence[Event]) -> list[str]:
        return await _draw(rows_html, self._view.log_name, events, await self._glyphs(events))

    async def _glyphs(self, events: Sequence[Event]) -> Glyphs:
        """Return the glyphs of the types of some events; the thread that draws them reads nothing."""
        numbers = TypeNumbers(self._view.log_id)
        await numbers.load({event.type for event in events}, engine.current().pool)
        return Glyphs(numbers)

    async def _redacted(self, after: int, upto: int) -> Mapping[str, str]:
        """Return the current rows of the events that were redacted between two positions, by position as text."""
        positions = await store.redacted(self._view.log_id, after=after, upto=upto).afetch(engine.current().pool)
        if not positions:
            return NOTHING_REDACTED
        rows = dict.fromkeys(map(str, positions), "")
        if not self._view.counts:
            last = Q(position__in=positions[-_REDACTED_ROWS:])
            events = await store.events(self._view.log_id, last, limit=_REDACTED_ROWS).afetch(engine.current().pool)
            html = await self._rows(events)
            rows |= {str(event.position): row for event, row in zip(events, html, strict=True)}
        return rows

    async def _count(self, after: int, position: int, seconds: float) -> tuple[int, int]:
        """Return how many events after a position fit, and the position up to which they were counted in time."""
        if self._view.query == EVERYTHING:
            return position - after, position  # positions have no gaps
        condition = where(self._view.query)
        fits, end, size = 0, after, _FIRST_SLICE_EVENTS
        start_time = now = monotonic()
        while end < position and now - start_time <= seconds:  # at least one slice
            last = min(position, end + size)
            slice_count = store.count(self._view.log_id, condition, first=end + 1, last=last)
            fits += await slice_count.afirst(engine.current().pool) or 0
            end, then, now = last, now, monotonic()
            size = size * 8 if now - then < _SLICE_SECONDS else size
        return fits, end

    async def _older(self, after: int, before: int, limit: int) -> list[Event]:
        """Return the newest events that fit between two positions; there is at least one."""
        while True:
            search = scan.search_events(
                self._view.log_id,
                self._view.query,
                after=after,
                before=before,
                limit=min(limit, _PAGE_ROWS),
                room=_PAGE_BYTES,
            )
            result = await search.afetch(engine.current().pool)
            if result.events or result.at_end:
                return list(result.events)
            before = result.searched_to


async def _draw(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(_renderer, partial(work, *args, **kwargs))
