"""The state of a subscription in a word, and whether somebody should look at it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from events.models import BreakerState
from events.subscriptions.overview import Overview
from events.views.subscriptions.trend import Trend

_FAR_BEHIND = 100
"""A subscription that is fewer positions behind is live: its consumers are about to take them."""


class Standing(Enum):
    """The state of a subscription, the worst first. The value is the word that pages print."""

    BREAKER_OPEN = "Breaker open"
    WINDOW_FULL = "Window full"
    NOBODY_TAKES = "Nobody takes"
    HALF_OPEN = "Half-open"
    PAUSED = "Paused"
    FALLING_BEHIND = "Falling behind"
    CATCHING_UP = "Catching up"
    LIVE = "Live"

    @property
    def needs_a_look(self) -> bool:
        return self in (Standing.BREAKER_OPEN, Standing.WINDOW_FULL, Standing.NOBODY_TAKES, Standing.FALLING_BEHIND)


BreakerKind = Literal["open", "half-open", "closed", "none"]


@dataclass(frozen=True, slots=True)
class Row:
    """A subscription with its state and its trend, as lists show it."""

    overview: Overview
    trend: Trend

    @property
    def breaker(self) -> BreakerKind:
        """The state of its breaker, or of a consumer's if that is worse."""
        if self.overview.status.settings.breaker is None:
            return "none"
        states = {each.state for each in self.overview.circuits}
        if BreakerState.OPEN in states:
            return "open"
        return "half-open" if BreakerState.HALF_OPEN in states else "closed"

    @property
    def standing(self) -> Standing:
        overview = self.overview
        if overview.status.is_paused:
            return Standing.PAUSED
        if overview.circuit and overview.circuit.state == BreakerState.OPEN:
            return Standing.BREAKER_OPEN
        if overview.is_full:
            return Standing.WINDOW_FULL
        if overview.nobody_takes:
            return Standing.NOBODY_TAKES
        if overview.circuit and overview.circuit.state == BreakerState.HALF_OPEN:
            return Standing.HALF_OPEN
        if overview.behind <= _FAR_BEHIND:
            return Standing.LIVE
        return Standing.FALLING_BEHIND if self.trend.grows else Standing.CATCHING_UP
