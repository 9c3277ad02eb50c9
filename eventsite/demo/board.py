"""The loading list of a depot: one stream that router and optimizer both write.

An agent reads the list, thinks, and appends the whole new list. In between, the other agent may have appended too. At
a checked depot the append names the version on which it is based, so that the log refuses a stale one, and the agent
reads and thinks again. At the other depots no version is named, and the last append overwrites a list that its writer
never saw: a lost update, as with a shared dict, except that the log has kept both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from events.api.schemas import EventOut
from events.client import Conflict
from eventsite.demo.actor import Actor, AppendedEvent, Cause, state_of
from eventsite.demo.world import CHECKED

Decide = Callable[[dict[str, Any]], dict[str, Any] | None]


def stream_of(depot: str) -> str:
    return f"assignment-{depot}"


async def read_list(actor: Actor, depot: str) -> list[EventOut]:
    return await actor.look(stream=stream_of(depot))


async def change_list(
    actor: Actor, depot: str, type: str, decide: Decide, *, cause: Cause, thinking: float
) -> AppendedEvent | None:
    """Read the list, think for some simulated seconds, and append the result of `decide(state)`, unless it is None."""
    events = await read_list(actor, depot)
    while True:
        await actor.stage.pause(thinking)
        data = decide(state_of(events))
        if data is None:
            return None
        version = events[-1].version
        expected_version = version if depot in CHECKED else "any"
        try:
            return await actor.say(stream_of(depot), type, data, cause=cause, expected_version=expected_version)
        except Conflict:
            events = await read_list(actor, depot)
            facts = {"stream": stream_of(depot), "expected_version": version, "found_version": events[-1].version}
            cause = await actor.say(
                actor.diary, "conflict.noticed", {"action": "read and think again", **facts}, cause=cause
            )
            thinking /= 2
