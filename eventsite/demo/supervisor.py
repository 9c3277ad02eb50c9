"""The supervisor, which starts the agents, reports a crash, restarts the agent, and closes the shift."""

from __future__ import annotations

from collections.abc import Callable

from eventsite.demo.actor import Actor
from eventsite.demo.agent import Agent
from eventsite.demo.world import Killed


class Supervisor(Actor):
    name = "supervisor"
    service = "supervisor 1.0.0"

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

    async def close_shift(self) -> None:
        """Append the last event of the shift, after the agents have stopped."""
        await self.find_shift()
        stopped = await self.look(type=["agent.stopped"])
        data = {"status": "closed", "agents_stopped": [event.agent for event in stopped]}
        await self.say(f"shift-{self.shift}", "shift.closed", data, cause=stopped[-1])
