"""The base of the agents, which follow the log and react to one event after the other."""

from __future__ import annotations

from typing import ClassVar

from events.api.schemas import EventOut
from eventsite.demo.actor import POLL_SECONDS, Actor


class Agent(Actor):
    """An actor that follows events. Subclasses name the types that they follow, and handle each event."""

    follows: ClassVar[tuple[str, ...]]
    position = 0
    """The position up to which events have been handled, or are being handled."""

    async def work(self) -> None:
        """Start, and react until the shift ends."""
        await self.begin(await self.find_shift())
        while not await self._react():
            await self.stage.pause(POLL_SECONDS)

    async def begin(self, opened: EventOut) -> None:
        self.position = opened.position
        data = {"service": self.service, "follows": list(self.follows)}
        await self.say(self.diary, "agent.started", data, cause=opened)

    async def handle(self, event: EventOut) -> None:
        """React to one event."""
        raise NotImplementedError

    async def _react(self) -> bool:
        """Handle the new events. Returns whether the shift is over."""
        for event in await self._news():
            if event.type == "shift.ended":
                await self.say(self.diary, "agent.stopped", {"reason": "the shift has ended"}, cause=event)
                return True
            await self.handle(event)
        return False

    async def _news(self) -> list[EventOut]:
        if self.stage.head <= self.position:
            return []
        events = await self.look(after=self.position, type=[*self.follows, "shift.ended"])
        self.position = self.stage.head
        return events
