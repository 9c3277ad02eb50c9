"""The timeline's socket: rows as they happen, from a position on, never one lost and never one twice.

A frame is JSON: `{"position": n, "rows": how many fit, "html": …}`. `position` is how far the log was
read; a client that comes back says so in `?after=` and goes on from there.
"""

from __future__ import annotations

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from time import monotonic

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import QueryDict

from events import engine, store
from events.access import membership
from events.errors import NotFound
from events.forms import TimelineForm
from events.frame import MOST_ROWS, Frame
from events.models import Member
from events.types import Filter

logger = logging.getLogger(__name__)

FRAME_INTERVAL = 0.25
HEARTBEAT = 15.0
"""Seconds without an event after which the position is sent all the same, and access checked again."""
_MANY = 100
_GATHER_FOR = 1.0

# Templates render in the one thread, so that the event loop never waits for them.
_renderer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rows")


class TimelineConsumer(AsyncWebsocketConsumer):
    """`/ws/logs/<log>/?after=…&type=…`: refused (403) for who may not see the log."""

    _following: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        query = QueryDict(self.scope["query_string"])
        form = TimelineForm(query)
        try:
            self._member = await self._membership()
        except NotFound:
            await self.close()
            return
        if not form.is_valid():
            await self.close()
            return
        await self.accept()
        after = form.cleaned_data["after"]
        self._following = asyncio.create_task(
            self._follow(form.where(), query, after=self._member.log.head if after is None else after)
        )

    async def disconnect(self, code: int) -> None:
        if self._following:
            self._following.cancel()

    async def _membership(self) -> Member:
        name = self.scope["url_route"]["kwargs"]["log"]
        member: Member = await database_sync_to_async(membership)(self.scope["user"], name)
        return member

    async def _follow(self, where: Filter, query: QueryDict, *, after: int) -> None:
        try:
            await self._send_rows(where, query, after=after)
        except NotFound:
            await self.close(code=4404)
        except Exception:
            logger.exception("a viewer of log %s was cut off", self._member.log.name)
            await self.close(code=1011)

    async def _send_rows(self, where: Filter, query: QueryDict, *, after: int) -> None:
        frame = self._frame(where, query)
        after = await self._catch_up(frame, where, after)
        began = checked = monotonic()
        follow = engine.current().tails.follow(self._member.log_id, after=after, heartbeat=HEARTBEAT)
        async with aclosing(follow) as batches:
            async for batch in batches:
                frame.add(batch)
                if monotonic() - checked > HEARTBEAT:
                    await self._membership()
                    checked = monotonic()
                if monotonic() - began < _GATHER_FOR and await self._is_behind(len(batch), frame.position):
                    continue
                await self._send(frame)
                frame = self._frame(where, query, position=frame.position)
                await asyncio.sleep(FRAME_INTERVAL)
                began = monotonic()
        await self.close(code=1012)  # the server is going away

    async def _is_behind(self, came: int, position: int) -> bool:
        """Whether more is waiting: then it is gathered, to be drawn at once or to be counted."""
        return came >= _MANY and position < await self._head()

    async def _head(self) -> int:
        return await store.head(self._member.log_id).afirst(engine.current().pool) or 0

    async def _catch_up(self, frame: Frame, where: Filter, after: int) -> int:
        """Where to follow from. Who comes back after long gets an exact gap, not an hour of old rows."""
        frame.position = after
        head = await self._head()
        if where != Filter() or head - after <= MOST_ROWS:
            return after
        frame.skip(head - 1, after=after)
        return frame.position

    def _frame(self, where: Filter, query: QueryDict, *, position: int = 0) -> Frame:
        frame = Frame(self._member.log.name, where, query)
        frame.position = position
        return frame

    async def _send(self, frame: Frame) -> None:
        html = await asyncio.get_running_loop().run_in_executor(_renderer, frame.html) if frame.fits else ""
        await self.send(text_data=json.dumps({"position": frame.position, "rows": frame.fits, "html": html}))
