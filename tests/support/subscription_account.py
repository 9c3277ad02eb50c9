"""An account of a subscription, told from its answers alone: what it may deliver next, and what must be settled."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from events.models import Subscription
from events.subscriptions.letters.deciding import Act
from events.subscriptions.types import DeliveryId, Outcome
from events.subscriptions.work import Taken

MAX_ATTEMPTS = 3


@dataclass
class Account:
    """What must hold of a subscription, told from its answers alone."""

    subscription: Subscription
    passes: bool
    keys: list[str | None] = field(default_factory=list)
    redacted: set[int] = field(default_factory=set)
    markers: set[int] = field(default_factory=set)
    settled: set[int] = field(default_factory=set)
    dead: set[int] = field(default_factory=set)
    retried: set[int] = field(default_factory=set)
    skipped: set[int] = field(default_factory=set)
    deaths: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    firsts: dict[str, int] = field(default_factory=dict)
    attempts: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    in_flight: dict[int, Taken] = field(default_factory=dict)
    old: list[Taken] = field(default_factory=list)
    consumers: dict[UUID, str] = field(default_factory=dict)
    generations: dict[UUID, int] = field(default_factory=dict)
    read_to: int = 0
    generation: int = 1
    version: int = 1
    is_paused: bool = False

    def id_of(self, taken: Taken) -> DeliveryId:
        return DeliveryId(self.subscription.id, self.generations[taken.token], taken.position, taken.token)

    @property
    def done(self) -> set[int]:
        """The events that hold no others: they are settled or skipped, or are dead letters that passed.

        The subscription does not deliver the markers of redactions.
        """
        return self.markers | self.settled | self.skipped | {place for place in self.dead if not self.holds(place)}

    def holds(self, place: int) -> bool:
        return self.keys[place - 1] is not None and not self.passes

    def is_held(self, place: int) -> bool:
        """Whether a dead letter holds the key of an event."""
        key = self.keys[place - 1]
        return key is not None and self.first(key) in self.dead and self.holds(place)

    def undone(self, key: str, *, upto: int | None = None) -> list[int]:
        done, last = self.done, len(self.keys) if upto is None else upto
        return [place for place in range(1, last + 1) if self.keys[place - 1] == key and place not in done]

    def first(self, key: str) -> int | None:
        """The one event of a key that may be delivered: it stays the first one until it is done."""
        first = self.firsts.get(key)
        if first is None or first in self.done:
            first = min(self.undone(key), default=None)
        if first is not None:
            self.firsts[key] = first
        return first

    def deliver(self, taken: Taken, consumer: str) -> None:
        place, key = taken.position, self.keys[taken.position - 1]
        assert taken.key == key
        assert place not in self.settled
        assert place not in self.dead
        assert place not in self.in_flight
        if key is not None:
            assert place == self.first(key)
        self.attempts[place] += 1
        assert taken.attempt == self.attempts[place]
        assert taken.attempt <= MAX_ATTEMPTS or place in self.retried
        self.in_flight[place] = taken
        self.old.append(taken)
        self.consumers[taken.token] = consumer
        self.generations[taken.token] = self.generation

    def settle(self, taken: Taken, outcome: Outcome, result: str) -> None:
        place = taken.position
        current = self.in_flight.get(place)
        if current is None or current.token != taken.token:
            assert result in ("already-settled", "expired")
            return
        assert result == "settled"
        del self.in_flight[place]
        if outcome == "ack":
            self.settled.add(place)
            self.retried.discard(place)
        elif outcome == "release":
            self.attempts[place] -= 1
        elif outcome == "poison" or self.is_last(place):
            self.die(place)

    def is_last(self, place: int) -> bool:
        return self.attempts[place] >= MAX_ATTEMPTS or place in self.retried

    def rewind(self, position: int) -> None:
        """Back, all events after the position are unsettled again; forward, all up to it are settled."""
        is_back = position < self.read_to
        void = {place for place in range(1, len(self.keys) + 1) if not is_back or place > position}
        for place in void:
            self.in_flight.pop(place, None)
            self.attempts.pop(place, None)
            self.firsts = {key: first for key, first in self.firsts.items() if first != place}
        self.dead -= void
        self.retried -= void
        if is_back:
            self.settled -= void
            self.skipped -= void
        else:
            self.settled |= set(range(1, position + 1))
        self.read_to = position
        for place in void & self.redacted if is_back else ():
            self.forget_key(place)
        self.generation += 1
        self.version += 1

    def redact(self, place: int, marker: int) -> None:
        self.redacted.add(place)
        self.markers.add(marker)
        self.keys.append(None)
        assert marker == len(self.keys)
        if place > self.read_to:
            self.forget_key(place)

    def forget_key(self, place: int) -> None:
        """A redacted event that is read has no key: it was a value of its data."""
        self.keys[place - 1] = None
        self.firsts = {key: first for key, first in self.firsts.items() if first != place}

    def expire(self, taken: Taken) -> None:
        del self.in_flight[taken.position]
        if self.is_last(taken.position):
            self.die(taken.position)

    def die(self, place: int) -> None:
        self.dead.add(place)
        self.retried.discard(place)
        self.deaths[place] += 1

    def decide(self, place: int, act: Act) -> None:
        if act == "retry":
            key = self.keys[place - 1]
            if key is not None:
                begun = self.undone(key, upto=self.read_to)
                self.firsts[key] = (self.first(key) or place) if begun else place
            self.dead.remove(place)
            self.retried.add(place)
        elif act == "skip":
            self.dead.remove(place)
            self.skipped.add(place)
