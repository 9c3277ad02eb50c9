"""The stage: simulated time, and turns. One agent acts at a time, in an order that is the same in every run.

In `pause()` an agent lets the others act. The agent that is due first goes on; of several that are due at the same
moment, the one that paused first. So nothing depends on the speed of the machine, the network or the database.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush


class Stage:
    """The clock and the turns. `now` is in simulated seconds; `head` is the last position that an actor has written.

    `news` counts what other people did that is worth another look by the actors: no actor has written anything.
    """

    def __init__(self, *, speed: float = math.inf, epoch: datetime | None = None) -> None:
        """Start the clock.

        Args:
            speed: simulated seconds a second; infinite for no waiting at all.
            epoch: the time at `now == 0`, if events shall carry a simulated `occurred_at`.
        """
        self.now = 0.0
        self.head = 0
        self.news = 0
        self._speed = speed
        self._epoch = epoch
        self._cues: list[tuple[float, int, asyncio.Event]] = []
        self._order = itertools.count()
        self._free = asyncio.Event()

    @property
    def clock(self) -> str | None:
        """The simulated time of day, RFC 3339; None if the server's own clock is used."""
        return (self._epoch + timedelta(seconds=round(self.now, 3))).isoformat() if self._epoch else None

    async def pause(self, seconds: float) -> None:
        """Let the others act until these simulated seconds have passed."""
        cue = self._cue(seconds)
        self._free.set()
        await cue.wait()

    async def play(self, *parts: Callable[[], Awaitable[object]]) -> None:
        """Let all parts act to their end. The first error ends them all and is raised."""
        try:
            async with asyncio.TaskGroup() as group:
                for part in parts:
                    group.create_task(self._act(part, self._cue(0)))
                await self._conduct()
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def _cue(self, seconds: float) -> asyncio.Event:
        cue = asyncio.Event()
        heappush(self._cues, (self.now + seconds, next(self._order), cue))
        return cue

    async def _act(self, part: Callable[[], Awaitable[object]], cue: asyncio.Event) -> None:
        await cue.wait()
        try:
            await part()
        finally:
            self._free.set()

    async def _conduct(self) -> None:
        while self._cues:
            due, _, cue = heappop(self._cues)
            if not math.isinf(self._speed):
                await asyncio.sleep((due - self.now) / self._speed)
            self.now = due
            self._free.clear()
            cue.set()
            await self._free.wait()
