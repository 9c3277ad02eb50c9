"""Pauses in memory: agents and workflows whose events are refused."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import msgspec

from eventsite_client.testing.memory_log import Problem, check_name


class _Reason(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request that pauses or resumes an agent."""

    reason: str


class _WorkflowReason(_Reason, forbid_unknown_fields=True):
    """The body of a request that pauses or resumes a workflow."""

    id: str


class Pauses:
    """The agents and the workflows that are paused."""

    def __init__(self) -> None:
        self._pauses: dict[tuple[str, str], dict[str, Any]] = {}

    def pause(self, agent: str | None, body: Any, position: int) -> tuple[int, dict[str, Any]]:
        """Pause an agent, or the workflow of a body. Return the status, and the pause: the first one, if it is paused.

        Raises:
            Problem: the body has no reason, or says something else that a server would refuse.
        """
        kind, name, reason = _target(agent, body)
        is_new = (kind, name) not in self._pauses
        if is_new:
            now = datetime.now(timezone.utc).isoformat()
            pause = {"kind": kind, "name": name, "position": position, "by": "fake", "reason": reason}
            self._pauses[kind, name] = {**pause, "paused_at": now}
        return (201 if is_new else 200), self._pauses[kind, name]

    def resume(self, agent: str | None, body: Any, position: int) -> tuple[int, dict[str, Any]]:
        """End the pause of an agent, or of the workflow of a body. Return the status, and whether there was a pause.

        Raises:
            Problem: the body has no reason, or says something else that a server would refuse.
        """
        kind, name, _ = _target(agent, body)
        pause = self._pauses.pop((kind, name), None)
        answer = {"kind": kind, "name": name, "resumed": pause is not None, "position": pause and position}
        return (200 if pause is None else 201), answer

    def check(self, event: dict[str, Any]) -> None:
        """Check that neither the agent nor the workflow of an event is paused. Raises `Problem` if one is."""
        for kind, name in (("agent", event.get("agent")), ("workflow", event.get("correlation_id"))):
            pause = self._pauses.get((kind, name or ""))
            if pause is not None:
                since, reason = pause["position"], pause["reason"]
                detail = f"The {kind} {name!r} is paused since #{since}: {reason}"
                members = {"paused": kind, "name": name, "since": since, "reason": reason, "by": pause["by"]}
                raise Problem(423, "paused", detail, **members)


def _target(agent: str | None, body: Any) -> tuple[str, str, str]:
    """Return the kind and the name of what a request is about, and its reason."""
    try:
        if agent is None:
            workflow = msgspec.convert(body, _WorkflowReason)
            kind, name, reason = "workflow", workflow.id, workflow.reason
        else:
            kind, name, reason = "agent", agent, msgspec.convert(body, _Reason).reason
    except msgspec.ValidationError as error:
        raise Problem(422, "invalid", str(error)) from None
    check_name(name, kind)
    check_name(reason, "reason")
    return kind, name, reason
