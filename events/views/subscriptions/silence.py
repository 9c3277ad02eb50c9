"""Why nothing comes from a subscription, in the order in which a person should look. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from events.models import BreakerState
from events.subscriptions.consumers import Consumer
from events.subscriptions.overview import Overview

Kind = Literal["paused", "breaker", "window", "tripped", "one-window", "letters", "keys", "nobody"]


@dataclass(frozen=True, slots=True)
class Silence:
    """A reason why events are not delivered; `holder` is the consumer to look at, if there is one."""

    kind: Kind
    holder: Consumer | None = None


def silences(overview: Overview, consumers: Sequence[Consumer]) -> Iterator[Silence]:
    """Yield the reasons, the first of which explains most."""
    status, settings = overview.status, overview.status.settings
    has_more = overview.behind > 0 or status.ready > 0
    if status.is_paused:
        yield Silence("paused")
    elif overview.circuit and overview.circuit.state != BreakerState.CLOSED:
        yield Silence("breaker")
    elif overview.is_full:
        oldest = overview.holdings.oldest_consumer
        yield Silence("window", next((each for each in consumers if each.name == oldest), None))
    elif overview.nobody_takes:
        yield Silence("nobody")
    if overview.tripped:
        yield Silence("tripped")
    full = [each for each in consumers if each.in_flight >= settings.max_in_flight_per_consumer]
    if full and not overview.is_full:
        yield Silence("one-window", full[0])
    if overview.letters.holding:
        yield Silence("letters")
    elif status.waiting and not has_more:
        yield Silence("keys")
