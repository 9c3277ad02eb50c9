"""Pauses in memory: agents and workflows whose events are refused."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from eventsite_client.testing.memory_log import Problem, check_name


class Pauses:
    """The agents and the workflows that are paused."""

    def __init__(self) -> None:
        self._pauses: dict[tuple[str, str], dict[str, Any]] = {}

    def pause(self, kind: str, name: str, reason: str, position: int) -> tuple[int, dict[str, Any]]:
        """Pause an agent or a workflow. Return the status, and the pause: the first one, if it is paused."""
        check_name(name, kind)
        is_new = (kind, name) not in self._pauses
        if is_new:
            now = datetime.now(timezone.utc).isoformat()
            pause = {"kind": kind, "name": name, "position": position, "by": "fake", "reason": reason}
            self._pauses[kind, name] = {**pause, "paused_at": now}
        return (201 if is_new else 200), self._pauses[kind, name]

    def resume(self, kind: str, name: str, position: int) -> tuple[int, dict[str, Any]]:
        """End a pause. Return the status, and whether there was one."""
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
