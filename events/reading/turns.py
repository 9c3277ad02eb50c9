"""Fair turns: a few requests are served at a time, and no visitor takes more than a part of the places.

Each visitor has a lane. A free place goes to the lane whose turn it is, so that a visitor who sends a hundred requests
waits for those hundred, and others for a few. One process keeps one `Turns` for each kind of work.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from events.errors import Busy, TooManyRequests

_MOST_LANES = 1_000
"""Most visitors whose requests wait. The code goes through their lanes whenever it gives a place."""


class Turns:
    """Gives at most `places` turns at a time, `places_per_lane` of them to one lane.

    `waiting_per_lane` more requests of a lane may wait, each for `patience_seconds`.
    """

    def __init__(self, *, places: int, places_per_lane: int, waiting_per_lane: int, patience_seconds: float) -> None:
        self._free = places
        self._places_per_lane = places_per_lane
        self._waiting_per_lane = waiting_per_lane
        self._patience_seconds = patience_seconds
        self._places_in_use: Counter[Hashable] = Counter()
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, lane: Hashable) -> AsyncIterator[Turn]:
        """Wait for a place, and have it until the end of the block or of the turn.

        Raises:
            TooManyRequests: too many requests of the lane wait already.
            Busy: no place became free in time.
        """
        await self._wait(lane)
        turn = Turn(self, lane)
        try:
            yield turn
        finally:
            turn.end()

    async def _wait(self, lane: Hashable) -> None:
        if len(self._waiting) >= _MOST_LANES:
            raise Busy
        waiting = self._waiting.setdefault(lane, deque())
        if len(waiting) >= self._waiting_per_lane:
            raise TooManyRequests
        place = asyncio.get_running_loop().create_future()
        waiting.append(place)
        self._give()
        try:
            async with asyncio.timeout(self._patience_seconds):
                await place
        except (TimeoutError, asyncio.CancelledError) as error:
            if not place.cancelled():  # the place came in the moment in which this request gave up
                self._take_back(lane)
            if isinstance(error, TimeoutError):
                raise Busy from None
            raise

    def _give(self) -> None:
        """Give the free places away, one to each lane, beginning with the lane that has waited longest for its turn."""
        for lane, waiting in list(self._waiting.items()):
            while waiting and waiting[0].cancelled():
                waiting.popleft()
            if waiting and self._free and self._places_in_use[lane] < self._places_per_lane:
                self._free -= 1
                self._places_in_use[lane] += 1
                waiting.popleft().set_result(None)
                self._waiting.move_to_end(lane)
            if not waiting:
                del self._waiting[lane]

    def _take_back(self, lane: Hashable) -> None:
        self._free += 1
        self._places_in_use[lane] -= 1
        if not self._places_in_use[lane]:
            del self._places_in_use[lane]
        self._give()


class Turn:
    """A place that is taken."""

    def __init__(self, turns: Turns, lane: Hashable) -> None:
        self._turns: Turns | None = turns
        self._lane = lane

    def end(self) -> None:
        """Give the place back, before the block ends."""
        if self._turns:
            self._turns._take_back(self._lane)
            self._turns = None
