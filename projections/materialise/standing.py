"""How a build stands: how far it has come, whether the runner leads it on, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from projections import registry
from projections.definition.fingerprint import fingerprint
from projections.models import Status

_STALLED = timedelta(minutes=2)
"""Without progress for so long, a build that has events to fold is said to be stalled."""
_MAX_LIVE_LAG = 1_000
"""Events that a live build is behind at the most to be called live: the runner's first batch."""


@dataclass(frozen=True, slots=True)
class BuildStanding:
    """How far one build has come in a log that ends at `head`. `state` is the word for it:

    - `live`; `catching up`: live, and far behind the log; `building`: beside the live one;
    - `stalled`: it should move, and has not for minutes; `paused`; `stopped`: before the event at `error_position`;
    - `code changed`: other code made it, and its states stand still until it is rebuilt; `newer`: a later version than
      is running here made it; `unknown`: nothing that is materialised is declared under its name any more.
    """

    projection: str
    build: int
    version: int
    fingerprint: str
    status: str
    is_live: bool
    position: int
    started_at: datetime
    advanced_at: datetime | None
    error: str
    error_position: int | None
    head: int
    behind_since: datetime | None
    """When the next event was recorded; None: it has passed them all."""

    @property
    def state(self) -> str:
        declared = registry.PROJECTIONS.get(self.projection)
        if declared is None or not declared.materialised:
            return "unknown"
        if self.version > declared.version:
            return "newer"
        if self.fingerprint != fingerprint(declared):
            return "code changed"
        if self.status != Status.RUNNING:
            return self.status
        if self._is_stalled:
            return "stalled"
        return "building" if not self.is_live else "catching up" if self.lag > _MAX_LIVE_LAG else "live"

    @property
    def _is_stalled(self) -> bool:
        if self.behind_since is None:
            return False
        return timezone.now() - max(self.behind_since, self.advanced_at or self.started_at) > _STALLED

    @property
    def is_moving(self) -> bool:
        """Whether the runner leads it on."""
        return self.state in ("live", "catching up", "building")

    @property
    def lag(self) -> int:
        """Events of the log that it has not passed yet."""
        return max(0, self.head - self.position)
