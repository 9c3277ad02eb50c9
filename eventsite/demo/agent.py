"""An agent follows the log and reacts, one event after the other."""

from __future__ import annotations

from typing import ClassVar

from events.api.schemas import EventOut
from eventsite.demo.actor import POLL_SECONDS, Actor


class Agent(Actor):
    """Subclasses say which types they follow, and how they handle an event of each."""

    follows: ClassVar[tuple[str, ...]]
    position = 0
    """Everything up to here has been handled, or is being handled."""

    async def work(self) -> None:
        """Begin, and react until the shift ends."""
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
        """Handle what is new; whether the shift is over."""
        for event in await self._news():
            if event.type == "shift.ended":
                await self.say(self.diary, "agent.stopped", {"reason": "the shift has ended"}, cause=event)
                return True
            await self.handle(event)
        return False

    async def _news(self) -> list[EventOut]:
        if self.stage.head <= self.position:
            return []
        found = await self.look(after=self.position, type=[*self.follows, "shift.ended"])
        self.position = self.stage.head
        return found
