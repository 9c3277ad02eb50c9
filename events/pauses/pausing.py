"""Pausing and resuming, for the API and for pages: one append of the server's, and its result."""

from __future__ import annotations

from dataclasses import dataclass

from events.appending.checks import check_name
from events.appending.writer import Writer
from events.errors import EventsError
from events.pauses.guard import SetsPause, Unchanged
from events.pauses.target import Target
from events.server_events import server_append
from events.system_streams import PREFIX

_SUBJECT = "pauses"
STREAM = f"{PREFIX}{_SUBJECT}"
"""The stream of the events that pause and resume."""


@dataclass(frozen=True, slots=True)
class PauseChange:
    """The position of the event that paused or resumed the target. Not `fresh`: it was so already.

    It is None for a target that was not paused when it was to be resumed.
    """

    position: int | None
    fresh: bool


async def pause(writer: Writer, log_id: int, target: Target, *, reason: str, by: str) -> PauseChange:
    """Pause an agent or a workflow. If it is paused, the first pause goes on.

    Raises:
        EventsError: nothing was written, or the outcome is unknown.
    """
    return await _append(writer, log_id, target, pauses=True, reason=reason, by=by)


async def resume(writer: Writer, log_id: int, target: Target, *, reason: str, by: str) -> PauseChange:
    """End the pause of an agent or a workflow.

    Raises:
        EventsError: nothing was written, or the outcome is unknown.
    """
    return await _append(writer, log_id, target, pauses=False, reason=reason, by=by)


async def _append(writer: Writer, log_id: int, target: Target, *, pauses: bool, reason: str, by: str) -> PauseChange:
    check_name(target.name, target.kind)
    append = server_append(
        _SUBJECT,
        target.paused if pauses else target.resumed,
        facts={target.kind: target.name, "reason": check_name(reason, "reason")},
        by=by,
        correlation_id=target.name if target.kind == "workflow" else None,
        guards=(SetsPause(target, pauses),),
    )
    [outcome] = await writer.append(log_id, [append])
    if isinstance(outcome, Unchanged):
        return PauseChange(outcome.position, fresh=False)
    if isinstance(outcome, EventsError):
        raise outcome
    return PauseChange(outcome.first_position, fresh=True)
