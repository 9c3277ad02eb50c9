"""A depot's loading list: one stream that router and optimizer both write.

Who changes it reads it, thinks, and appends the whole new list. In between, the other may have appended too.
At a checked depot the append says which version it was based on, so that the log refuses a stale one, and the
agent reads and thinks again. At the others nothing is said, and whoever comes last overwrites what they never
saw: a lost update, as a shared dict would have it, except that the log has kept both.
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
    """Read the list, think for so many simulated seconds, append what `decide(state)` answers, if anything."""
    known = await read_list(actor, depot)
    while True:
        await actor.stage.pause(thinking)
        data = decide(state_of(known))
        if data is None:
            return None
        based_on = known[-1].version
        expected = based_on if depot in CHECKED else "any"
        try:
            return await actor.say(stream_of(depot), type, data, cause=cause, expected_version=expected)
        except Conflict:
            known = await read_list(actor, depot)
            found = {"stream": stream_of(depot), "expected_version": based_on, "found_version": known[-1].version}
            cause = await actor.say(
                actor.diary, "conflict.noticed", {"action": "read and think again", **found}, cause=cause
            )
            thinking /= 2
