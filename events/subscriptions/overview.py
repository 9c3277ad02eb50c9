"""The subscriptions of a log as pages show them: how far each is, what it holds, and how that changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from events.models import BreakerState
from events.reading.statement import Statement
from events.sql import subscription_overview as sql
from events.sql.subscription_consumers import TAKERS
from events.subscriptions.breakers import ALL, Circuit, circuits
from events.subscriptions.lag import Lag, lags
from events.subscriptions.store import Status, statuses


@dataclass(frozen=True, slots=True)
class Holdings:
    """The unsettled part of a subscription: keys whose events wait, and the oldest delivery."""

    keys_waiting: int = 0
    oldest_consumer: str | None = None
    oldest_taken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Takers:
    """The consumers of a subscription: how many were seen in the last minute, and who was seen last."""

    seen: int = 0
    last_seen_at: datetime | None = None
    per_minute: float = 0
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Letters:
    """The dead letters that wait for a decision: those that hold their key, and those that let it pass."""

    holding: int = 0
    passed: int = 0

    @property
    def total(self) -> int:
        return self.holding + self.passed


@dataclass(frozen=True, slots=True)
class Overview:
    """One subscription, with its lag in the last half hour. The last event that it read was recorded at `read_at`."""

    status: Status
    holdings: Holdings
    takers: Takers
    letters: Letters
    circuits: Sequence[Circuit]
    lags: Sequence[Lag]
    read_at: datetime | None = None

    @property
    def behind(self) -> int:
        return self.status.head - self.status.read_to

    @property
    def circuit(self) -> Circuit | None:
        """The breaker of the subscription as a whole, if one has counted anything."""
        return next((each for each in self.circuits if each.consumer == ALL), None)

    @property
    def tripped(self) -> Sequence[Circuit]:
        """The breakers of consumers that are not closed."""
        return [each for each in self.circuits if each.consumer != ALL and each.state != BreakerState.CLOSED]

    @property
    def is_full(self) -> bool:
        """Whether no further event is delivered until one is settled."""
        return self.status.in_flight >= self.status.settings.max_in_flight

    @property
    def nobody_takes(self) -> bool:
        """Whether there is something to take, and no consumer asked for it in the last minute."""
        return (self.behind > 0 or self.status.ready > 0) and not self.takers.seen


@dataclass(frozen=True, slots=True)
class Mark:
    """The position of a delivery in flight or of a dead letter, for `count` that are near each other the first one."""

    position: int
    count: int


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of the deliveries of a subscription that are in flight, and of its dead letters."""

    in_flight: Sequence[Mark] = ()
    letters: Sequence[Mark] = ()


def overviews(log_id: int, name: str | None = None) -> list[Overview]:
    """Return a subscription, or all of a log by name. It takes seven reads."""
    states = statuses(log_id, name).fetch()
    number = states[0].number if name is not None and states else None
    holdings = _by_number(sql.HOLDINGS, Holdings, log_id, number)
    takers = _by_number(TAKERS, Takers, log_id, number)
    letters = _by_number(sql.LETTERS, Letters, log_id, number)
    circuits_of: dict[int, list[Circuit]] = defaultdict(list)
    for circuit in sorted(circuits(log_id, number).fetch(), key=lambda each: each.consumer):
        circuits_of[circuit.number].append(circuit)
    lags_of = lags(log_id, number)
    read_at = _by_number(sql.READ_AT, lambda time: time, log_id, number)
    return [
        Overview(
            status,
            holdings.get(status.number, Holdings()),
            takers.get(status.number, Takers()),
            letters.get(status.number, Letters()),
            circuits_of[status.number],
            lags_of.get(status.number, ()),
            read_at.get(status.number),
        )
        for status in states
    ]


def marks(log_id: int, head: int, numbers: Iterable[int]) -> Mapping[int, Marks]:
    """Return the marks of some subscriptions, by their numbers."""
    params = {"log_id": log_id, "head": head, "numbers": list(numbers)}
    marks_of: dict[int, tuple[list[Mark], list[Mark]]] = defaultdict(lambda: ([], []))
    for number, is_letter, position, count in Statement(sql.MARKS, params, lambda *row: row).fetch():
        marks_of[number][is_letter].append(Mark(position, count))
    return {number: Marks(*each) for number, each in marks_of.items()}


def _by_number(text: str, kind: Callable[..., Any], log_id: int, number: int | None) -> dict[int, Any]:
    rows = Statement(text, {"log_id": log_id, "number": number}, lambda number, *row: (number, kind(*row)))
    return dict(rows.fetch())
