"""The pricing agent, which runs away: it checks one price again and again, and learns nothing new."""

from __future__ import annotations

from events.client import ClientError
from eventsite.demo.actor import Actor, Cause

START_SECONDS = 12.0
"""The simulated time at which it begins: between two other troubles."""
PAUSE_SECONDS = 0.4


class Pricing(Actor):
    """The agent has a mistake: it waits for another price, and takes the same one for a reason to look again."""

    name = "pricing"
    service = "pricing 3.0.0"

    async def work(self) -> None:
        """Append the same event until the log refuses it, as somebody has paused the agent."""
        cause: Cause = await self.find_shift()
        await self.stage.pause(START_SECONDS)
        data = {"sku": "TEA-ASM-250", "price": 8.9, "competitor": 8.9, "action": "look again"}
        try:
            while True:
                cause = await self.say("price-TEA-ASM-250", "price.checked", data, cause=cause)
                await self.stage.pause(PAUSE_SECONDS)
        except ClientError as error:
            if error.code != "paused":
                raise
