"""The values on the page of one subscription."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from events.subscriptions.breakers import Circuit
from events.subscriptions.consumers import Consumer, consumers
from events.subscriptions.overview import Overview, overviews
from events.subscriptions.unsettled import InFlight, WaitingKey, in_flight, waiting_keys
from events.views.subscriptions.silence import Silence, silences

FEW_ROWS = 20
MAX_ROWS = 200
_MAX_CONSUMERS = 1_000
_HOLDERS = 3


@dataclass(frozen=True, slots=True)
class Detail:
    """One subscription, with the first rows of each of its tables."""

    overview: Overview
    in_flight: Sequence[InFlight]
    keys: Sequence[WaitingKey]
    consumers: Sequence[Consumer]
    limit: int

    @property
    def circuits(self) -> Mapping[str, Circuit]:
        """The breakers by the consumers that they are of."""
        return {each.consumer: each for each in self.overview.circuits}

    @property
    def holders(self) -> list[Consumer]:
        """The consumers that hold most deliveries."""
        by_deliveries = sorted(self.consumers, key=lambda each: -each.in_flight)
        return [each for each in by_deliveries[:_HOLDERS] if each.in_flight]

    @property
    def silences(self) -> list[Silence]:
        return list(silences(self.overview, self.consumers))


def detail_of(log_id: int, name: str, *, limit: int = FEW_ROWS) -> Detail | None:
    """Return a subscription with the first rows of its tables; None if it has ended."""
    matches = overviews(log_id, name)
    if not matches:
        return None
    [overview] = matches
    number = overview.status.number
    return Detail(
        overview,
        in_flight(log_id, number, limit=limit).fetch(),
        waiting_keys(log_id, number, limit=limit).fetch(),
        consumers(log_id, number, limit=_MAX_CONSUMERS).fetch(),
        limit,
    )
