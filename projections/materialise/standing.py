"""The standing of a build: its position, and whether the runner advances it, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from projections import registry
from projections.definition.fingerprint import fingerprint
from projections.models import Status

_STALLED = timedelta(minutes=2)
"""A build with events to fold that has not advanced for so long is called stalled."""
_MAX_LIVE_LAG = 1_000
"""A live build with a larger lag is called catching up. It is the size of the runner's first batch."""


@dataclass(frozen=True, slots=True)
class BuildStanding:
    """The standing of one build in a log that ends at `head`. `state` is the word for it:

    - `live`; `catching up`: live, and far behind the log; `building`: beside the live one;
    - `stalled`: it has events to fold, and has not advanced for minutes; `paused`; `stopped`: before the event at
      `error_position`;
    - `code changed`: other code made it, and its states stand still until it is rebuilt; `newer`: a later version than
      the running one made it; `unknown`: there is no materialised projection of its name any more.
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
    """The time at which the next event was recorded; None if the build has passed all events."""

    @property
    def state(self) -> str:
        projection = registry.PROJECTIONS.get(self.projection)
        if projection is None or not projection.materialised:
            return "unknown"
        if self.version > projection.version:
            return "newer"
        if self.fingerprint != fingerprint(projection):
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
        """Whether the runner advances it."""
        return self.state in ("live", "catching up", "building")

    @property
    def lag(self) -> int:
        """The number of positions between the build and the log's head."""
        return max(0, self.head - self.position)
