"""Live lists: one feed a view and process reads the log and draws each frame once, for all who watch.

Whoever watches has a cursor of their own. Who is in step is given the newest frames as they are drawn; who is
further back, because they came back or because they read slowly, one frame that takes them to where the others
are: the newest rows, and an exact count of the rest. So nothing queues up for anybody, and nobody waits for them.

An event may be redacted after it was read or drawn. The tail tells (`redacted_at`): then the frames that are kept are
dropped, what was gathered is read again, and whoever watches is told which rows to replace.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from math import inf
from time import monotonic
from typing import ParamSpec, TypeVar

from django.db.models import Q

from events import engine
from events.live.frame import AFTER_A_GAP, MOST_ROWS, NOTHING_REDACTED, Frame, Gathering, View, frame, rows_html
from events.query.orm import where
from events.query.tree import EVERYTHING
from events.reading import scan, store
from events.types import Event

logger = logging.getLogger(__name__)

FRAME_INTERVAL = 0.25
"""Seconds from one frame to the next."""
_GATHER_FOR = 1.0
_MANY = 100
_KEPT_FRAMES = 8
_KEPT_BYTES = 2 * 2**20
"""Of the frames that are kept: as many of the last ones, and the last one whatever its size."""
_PAGE_ROWS = 100
_PAGE_BYTES = 4 * 2**20
"""What is read at once, in bytes of data and metadata."""
# Who comes back is told of what it missed in one frame, if counting that takes no longer; else in several, each exact.
_COUNT_FOR = 0.25
_EMPTIED_ROWS = 100
"""Rows of redacted events that a frame shows, of the last ones."""
_FIRST_SLICE = 2_000
_QUICK = 0.04

P = ParamSpec("P")
T = TypeVar("T")

# Templates render in the one thread, so that the event loop never waits for them.
_renderer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rows")
_feeds: dict[View, _Feed] = {}


async def watch(view: View, *, after: int, heartbeat: float) -> AsyncGenerator[Frame]:
    """Yield what came after a position, frame by frame, for ever; an empty frame after so many silent seconds.

    It ends when the engine closes, or when the log can't be read: come again, from the last frame's position.
    """
    feed = _feeds.get(view)
    if feed is None:
        feed = _feeds[view] = _Feed(view)
    feed.watchers += 1
    try:
        position = after
        while found := await feed.after(position, patience=heartbeat):
            position = found.position
            yield found
    finally:
        feed.watchers -= 1
        if not feed.watchers:
            feed.stop()


class _Feed:
    def __init__(self, view: View) -> None:
        self._view = view
        self._position: int | None = None
        self._kept: deque[Frame] = deque()
        self._kept_since = 0
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
        """The next frame after a position: None when the feed has ended."""
        try:
            async with asyncio.timeout(patience):
                while not self._stopped and (self._position is None or position >= self._position):
                    await self._advanced.wait()
        except TimeoutError:
            return frame(self._view, after=position, position=position, fits=0)
        if self._stopped:
            return None
        in_step = (kept for kept in self._kept_frames() if kept.after == position)
        return next(in_step, None) or await self._sound(lambda: self._catch_up(position, self._position or 0))

    def _kept_frames(self) -> deque[Frame]:
        """The frames that are kept and may be sent: what was drawn before a redaction may show what is gone now."""
        if self._kept_since != self._redacted_at:
            self._kept_since = self._redacted_at
            self._kept.clear()
        return self._kept

    def _keep(self, drawn: Frame) -> None:
        kept = self._kept_frames()
        kept.append(drawn)
        while len(kept) > _KEPT_FRAMES or (len(kept) > 1 and sum(len(each.text) for each in kept) > _KEPT_BYTES):
            kept.popleft()

    @property
    def _redacted_at(self) -> int:
        return engine.current().tails.redacted_at(self._view.log_id)

    async def _sound(self, draw: Callable[[], Awaitable[Frame]]) -> Frame:
        """A frame during whose drawing nothing was redacted."""
        while True:
            redacted_at = self._redacted_at
            drawn = await draw()
            if redacted_at == self._redacted_at:
                return drawn

    async def _run(self) -> None:
        try:
            await self._draw()
        except Exception:
            logger.exception("the live rows of log %s stopped", self._view.log_name)
        self.stop()

    async def _draw(self) -> None:
        head = await self._head()
        async with aclosing(engine.current().tails.follow(self._view.log_id, after=head)) as batches:
            await batches.begun()  # before anybody catches up: from here on it is known what is redacted
            self._move(head)
            gathering = self._gathering(head)
            async for batch in batches:
                gathering.add(batch)
                if await self._has_more(len(batch), gathering):
                    continue
                drawn = await self._sound(partial(self._frame_of, gathering))
                self._keep(drawn)
                self._move(drawn.position)
                gathering = self._gathering(drawn.position)
                await asyncio.sleep(FRAME_INTERVAL)

    def _gathering(self, after: int) -> Gathering:
        return Gathering(self._view, after=after, redacted_at=self._redacted_at)

    async def _frame_of(self, gathering: Gathering) -> Frame:
        """Draw the gathered events as a frame; read them again if one was redacted since the first of them was read."""
        if not gathering.has_redaction and gathering.redacted_at == self._redacted_at:
            return await _draw(gathering.drawn)
        return await self._catch_up(gathering.after, gathering.position, is_whole=True)

    async def _has_more(self, came: int, gathering: Gathering) -> bool:
        """Whether more of a burst is waiting: then it is gathered, to be drawn at once or to be counted."""
        if came < _MANY or gathering.is_large or gathering.age > _GATHER_FOR:
            return False
        return gathering.position < await self._head()

    async def _head(self) -> int:
        return await store.head(self._view.log_id).afirst(engine.current().pool) or 0

    def _move(self, position: int) -> None:
        self._position = position
        advanced, self._advanced = self._advanced, asyncio.Event()
        advanced.set()

    async def _catch_up(self, after: int, upto: int, *, is_whole: bool = False) -> Frame:
        """One frame from a position towards another: as far as it can be counted in the time there is, or all of it."""
        fits, position = await self._count(after, upto, inf if is_whole else _COUNT_FOR)
        wanted = 0 if self._view.counts else fits if fits <= MOST_ROWS else AFTER_A_GAP
        rows: list[str] = []
        oldest = position + 1
        # Piece by piece: a thousand events of a megabyte each are never in memory together.
        while len(rows) < wanted and (events := await self._older(after, oldest, wanted - len(rows))):
            rows += await _draw(rows_html, self._view.log_name, events)
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

    async def _redacted(self, after: int, upto: int) -> Mapping[str, str]:
        """The events that were redacted between two positions, each with its row as it is now."""
        positions = await store.redacted(self._view.log_id, after=after, upto=upto).afetch(engine.current().pool)
        if not positions:
            return NOTHING_REDACTED
        rows = dict.fromkeys(map(str, positions), "")
        if not self._view.counts:
            last = Q(position__in=positions[-_EMPTIED_ROWS:])
            events = await store.events(self._view.log_id, last, limit=_EMPTIED_ROWS).afetch(engine.current().pool)
            drawn = await _draw(rows_html, self._view.log_name, events)
            rows |= {str(event.position): row for event, row in zip(events, drawn, strict=True)}
        return rows

    async def _count(self, after: int, position: int, seconds: float) -> tuple[int, int]:
        """How many events after a position fit, and up to which position that was counted in so many seconds."""
        if self._view.query == EVERYTHING:
            return position - after, position  # positions have no gaps
        condition = where(self._view.query)
        fits, counted, size = 0, after, _FIRST_SLICE
        began = now = monotonic()
        while counted < position and now - began <= seconds:  # one slice at the least
            last = min(position, counted + size)
            read = store.count(self._view.log_id, condition, first=counted + 1, last=last)
            fits += await read.afirst(engine.current().pool) or 0
            counted, then, now = last, now, monotonic()
            size = size * 8 if now - then < _QUICK else size
        return fits, counted

    async def _older(self, after: int, before: int, limit: int) -> list[Event]:
        """The newest that fit between two positions; there are some."""
        while True:
            search = scan.search_events(
                self._view.log_id,
                self._view.query,
                after=after,
                before=before,
                limit=min(limit, _PAGE_ROWS),
                room=_PAGE_BYTES,
            )
            found = await search.afetch(engine.current().pool)
            if found.events or found.at_end:
                return list(found.events)
            before = found.searched_to


async def _draw(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(_renderer, partial(work, *args, **kwargs))
