"""The supervisor, which prepares the desks of the agents, starts them, replaces a crashed one, and closes the shift."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from events.api.lease_schemas import LeasesOut, ReleaseOut
from events.api.pause_schemas import PauseOut, PausesOut, ResumeOut
from events.api.schemas import EventOut
from events.api.subscription_order_schemas import RewindOut
from events.api.subscription_schemas import SubscriptionOut, SubscriptionsOut
from events.models import Scope
from events.pauses.runaways import Act, runaways
from eventsite.demo.actor import Actor, AppendedEvent
from eventsite.demo.agent import Agent
from eventsite.demo.pricing import Pricing
from eventsite.demo.world import Killed

WATCH_SECONDS = 1.0
"""The simulated time between two looks at an agent."""
_REPEATS = 8


class _Patience:
    """So often an agent may do the same in a day, however slowly the demo runs."""

    runaway_repeats = _REPEATS
    runaway_turns = _REPEATS
    runaway_seconds = 86_400.0


_PATIENCE = _Patience()


class Supervisor(Actor):
    name = "supervisor"
    service = "supervisor 1.0.0"
    scopes = (Scope.ADMIN,)

    async def prepare(self, opening: AppendedEvent, agents: Iterable[type[Agent]]) -> None:
        """Give each agent a subscription that begins with this shift, and take the leases of an earlier run away.

        What a run that was cut off has left undone is skipped, or done again if this is the same shift.
        """
        listed = await self.api.call("GET", "/subscriptions", gives=SubscriptionsOut)
        existing = {subscription.name for subscription in listed.subscriptions}
        for agent in agents:
            path, settings = f"/subscriptions/{agent.name}", agent.subscription()
            if agent.name not in existing:
                settings["start"] = opening.position
            await self.api.call("PUT", path, settings, gives=SubscriptionOut)
            if agent.name in existing:
                await self.api.call("POST", f"{path}/rewind", {"position": opening.position}, gives=RewindOut)
        for lease in (await self.api.call("GET", "/leases", gives=LeasesOut)).leases:
            body = {"lease": lease.lease, "reason": f"shift {self.shift} begins"}
            await self.api.call("POST", "/leases/release", body, gives=ReleaseOut)
        for pause in (await self.api.call("GET", "/pauses", gives=PausesOut)).pauses:
            if pause.name == Pricing.name:
                await self._unpause(f"shift {self.shift} begins")

    async def keep(self, start: Callable[[], Agent]) -> None:
        """Run an agent to its end. A killed one is replaced by a new one, which knows nothing."""
        while True:
            agent = start()
            try:
                await agent.work()
                break
            except Killed:
                await self.stage.pause(1.6)
                await self._report(agent)
                await self.stage.pause(1.8)

    async def _report(self, agent: Agent) -> None:
        await self.find_shift()
        [last] = await self.look(agent=agent.name, direction="backward", limit=1)
        data = {
            "exit_code": 137,
            "reason": "killed by SIGKILL: out of memory",
            "last_said": f"{last.type} in {last.stream}",
        }
        await self.say(agent.diary, "agent.crashed", data, cause=last)

    async def stop_runaway(self) -> None:
        """Pause the pricing agent once it does the same too often. The log refuses its events from then on."""
        await self.find_shift()
        agent = Pricing.name
        while not (findings := runaways([_act_of(event) for event in await self.look(agent=agent)], _PATIENCE)):
            await self.stage.pause(WATCH_SECONDS)
        reason = findings[0].words
        await self.api.call("POST", f"/agents/{agent}/pause", {"reason": reason}, gives=PauseOut)
        [last] = await self.look(agent=agent, direction="backward", limit=1)
        await self.say(f"agent-{agent}", "agent.suspended", {"reason": reason}, cause=last)

    async def _unpause(self, reason: str) -> None:
        await self.api.call("POST", f"/agents/{Pricing.name}/resume", {"reason": reason}, gives=ResumeOut)

    async def close_shift(self) -> None:
        """Append the last event of the shift, after the agents have stopped."""
        await self.find_shift()
        for suspended in await self.look(type=["agent.suspended"]):
            reason = "its next version is mended"
            await self._unpause(reason)
            await self.say(suspended.stream, "agent.stopped", {"reason": reason}, cause=suspended)
        stopped = await self.look(type=["agent.stopped"])
        data = {"status": "closed", "agents_stopped": [event.stream.removeprefix("agent-") for event in stopped]}
        await self.say(f"shift-{self.shift}", "shift.closed", data, cause=stopped[-1])


def _act_of(event: EventOut) -> Act:
    at = event.occurred_at or event.recorded_at
    return Act(event.position, event.agent, event.correlation_id, event.stream, event.type, str(event.data), at)
