"""The agent or the workflow of a pause, and the pause itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["agent", "workflow"]


@dataclass(frozen=True, slots=True)
class Target:
    """An agent by its name, or a workflow by its correlation id."""

    kind: Kind
    name: str

    @property
    def paused(self) -> str:
        """The type of the event that pauses it."""
        return f"{self.kind}.paused"

    @property
    def resumed(self) -> str:
        """The type of the event that ends its pause."""
        return f"{self.kind}.resumed"


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause, which holds from the event at a position on. `reason` is None if that event was redacted."""

    target: Target
    position: int
    by: str | None
    reason: str | None
    paused_at: datetime
