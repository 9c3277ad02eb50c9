"""Subscriptions in memory: deliveries, attempts and dead letters, with the rules of a server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import uuid4

from msgspec import Struct, ValidationError, convert
from msgspec import field as member

from eventsite_client.testing.memory_log import MemoryLog, Problem
from eventsite_client.testing.query import NotInFake, matcher
from eventsite_client.types import Event

_FIELDS = {"workflow": "correlation_id", "agent": "agent", "stream": "stream"}
_TIMED_OUT = {"type": "Timeout", "message": "It was not settled before its deadline."}


class DeadLetter(Struct, frozen=True, kw_only=True):
    """An event that a subscription could not have done."""

    subscription: str
    event: Event
    attempts: int
    error_type: str
    error: str
    """The message of the last error."""


class Backoff(Struct):
    """The pauses before further attempts. In the fake, chance has no part in them."""

    first: float = 1
    factor: float = 2
    most: float = 300
    jitter: float = 0.2


class Settings(Struct, forbid_unknown_fields=True):
    """The settings of a subscription that the fake knows."""

    q: str
    start: str | int = "beginning"
    order_by: str = "stream"
    ack_deadline: float = 30
    max_attempts: int = 3
    backoff: Backoff = member(default_factory=Backoff)
    when_exhausted: str = "hold"


@dataclass(slots=True)
class _Work:
    """An event that is not settled."""

    event: dict[str, Any]
    key: str | None
    attempt: int = 0
    delivery: str | None = None
    """The id of its delivery; None if nobody has it."""
    consumer: str = ""
    due: float = 0.0
    """The deadline of its delivery, else the moment of its next attempt."""
    is_dead: bool = False


class Subscription:
    """One subscription, which reads the log as it grows."""

    def __init__(self, name: str, number: int, body: dict[str, Any], log: MemoryLog) -> None:
        self.name = name
        self.letters: list[DeadLetter] = []
        self._number = number
        self._log = log
        self._settings = _settings(body)
        start = self._settings.start
        self._start = {"beginning": 0, "now": len(log.events)}.get(start, 0) if isinstance(start, str) else start
        self._read_to = self._start
        self._works: dict[int, _Work] = {}
        self._takes: dict[tuple[str, str], list[str]] = {}
        self._results: dict[str, str] = {}
        """The results of settling deliveries that are over."""

    def change(self, body: dict[str, Any]) -> None:
        """Take other settings."""
        settings = _settings(body)
        if settings.order_by != self._settings.order_by:
            raise Problem(409, "subscription-fixed", "What a subscription is ordered by can't change.")
        self._settings = settings

    def status(self, now: float) -> dict[str, Any]:
        """Return the settings, and how far it is."""
        self._read()
        self._expire(now)
        settings, free = self._settings, {id(work) for work in self._free(now)}
        works = [work for work in self._works.values() if id(work) not in free]
        held = sum(work.is_dead for work in works)
        in_flight = sum(work.delivery is not None for work in works)
        retrying = sum(work.due > now and work.delivery is None and not work.is_dead for work in works)
        return {
            "name": self.name,
            **{name: getattr(settings, name) for name in ("q", "order_by", "ack_deadline", "max_attempts")},
            "start": self._start,
            "paused": False,
            "head": len(self._log.events),
            "read_to": self._read_to,
            "ready": len(free),
            "in_flight": in_flight,
            "retrying": retrying,
            "held": held,
            "waiting": len(works) - held - in_flight - retrying,
        }

    def take(self, body: dict[str, Any], now: float) -> list[dict[str, Any]]:
        """Give a consumer the next events. Asked again, it is given the same."""
        self._read()
        self._expire(now)
        request = (body["consumer"], body.get("request") or uuid4().hex)
        again = set(self._takes.get(request, ()))
        works = [work for work in self._works.values() if work.delivery in again]
        if not works:
            works = list(islice(self._free(now), body.get("limit", 1)))
            for work in works:
                work.attempt += 1
                work.delivery = f"{self._number}.1-{work.event['position']}-{uuid4().hex}"
                work.consumer = body["consumer"]
                work.due = now + self._settings.ack_deadline
        self._takes[request] = [work.delivery or "" for work in works]
        return [self._delivery(work) for work in works]

    def settle(self, consumer: str, settlement: dict[str, Any], now: float) -> str:
        """Settle a delivery of a consumer, and return the result."""
        result = self.result_of(settlement["delivery"], now)
        if result != "settled":
            return result
        work = self._work_of(settlement["delivery"])
        if work.consumer != consumer:
            return "not-yours"
        outcome, error = settlement["outcome"], settlement.get("error") or {}
        if outcome == "extend":
            work.due = now + settlement["seconds"]
        elif outcome == "ack":
            self.end(settlement["delivery"])
        elif outcome == "release":
            work.attempt -= 1
            self._give_back(work, "expired", now)
        else:
            self._fail(work, error, now, settlement.get("delay"), is_hopeless=outcome == "poison")
        return "settled"

    def result_of(self, delivery: str, now: float) -> str:
        """Return the result that a settlement of a delivery would have."""
        self._expire(now)
        in_flight = any(work.delivery == delivery for work in self._works.values())
        return "settled" if in_flight else self._results.get(delivery, "not-yours")

    def end(self, delivery: str) -> None:
        """Note that the event of a delivery is done."""
        work = self._work_of(delivery)
        del self._works[work.event["position"]]
        self._results[delivery] = "already-settled"

    def _work_of(self, delivery: str) -> _Work:
        return next(work for work in self._works.values() if work.delivery == delivery)

    def _read(self) -> None:
        """Read what came."""
        fits = matcher(self._settings.q)
        for event in self._log.events[self._read_to :]:
            if fits(event):
                self._works[event["position"]] = _Work(event, _key(event, self._settings.order_by))
        self._read_to = len(self._log.events)

    def _expire(self, now: float) -> None:
        """End the deliveries whose deadline has passed."""
        for work in [*self._works.values()]:
            if work.delivery is not None and work.due <= now:
                self._fail(work, _TIMED_OUT, work.due, None, is_hopeless=False)

    def _free(self, now: float) -> Iterator[_Work]:
        """Yield the events that nobody has, and whose key no earlier one holds."""
        busy_keys: set[str | None] = set()
        for work in self._works.values():
            if work.key not in busy_keys and work.delivery is None and not work.is_dead and work.due <= now:
                yield work
            if work.key is not None:
                busy_keys.add(work.key)

    def _give_back(self, work: _Work, result: str, due: float) -> None:
        self._results[work.delivery or ""] = result
        work.delivery, work.due = None, due

    def _fail(self, work: _Work, error: dict[str, str], now: float, delay: float | None, *, is_hopeless: bool) -> None:
        settings = self._settings
        backoff = settings.backoff
        pause = min(backoff.most, backoff.first * backoff.factor ** (work.attempt - 1)) if delay is None else delay
        self._give_back(work, "expired", now + pause)
        if work.attempt < settings.max_attempts and not is_hopeless:
            return
        event = convert(work.event, Event)
        kind, message = error.get("type", "Error"), error.get("message", "")
        self.letters.append(
            DeadLetter(subscription=self.name, event=event, attempts=work.attempt, error_type=kind, error=message)
        )
        work.is_dead = True
        if settings.when_exhausted == "pass" or work.key is None:
            del self._works[event.position]

    def _delivery(self, work: _Work) -> dict[str, Any]:
        return {
            "delivery": work.delivery,
            "position": work.event["position"],
            "attempt": work.attempt,
            "head": len(self._log.events),
            "event": work.event,
            "redacted": False,
        }


def id_of_event(delivery: str, place: int) -> str:
    """Return the id of an event that a delivery leads to. It is the same for each attempt."""
    work, _, _ = delivery.rpartition("-")
    return f"{work}-{place}"


def _settings(body: dict[str, Any]) -> Settings:
    try:
        settings = convert(body, Settings)
    except ValidationError as error:
        raise NotInFake(f"The fake does not know these settings: {error}.") from None
    matcher(settings.q)
    if settings.order_by not in (*_FIELDS, "none") and not settings.order_by.startswith("/"):
        raise Problem(422, "invalid", f"Nothing is ordered by {settings.order_by!r}.", field="order_by")
    return settings


def _key(event: dict[str, Any], order_by: str) -> str | None:
    if not order_by.startswith("/"):
        key: str | None = event[_FIELDS[order_by]] if order_by in _FIELDS else None
        return key
    value = event["data"]
    for name in order_by[1:].split("/"):
        value = value.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(value, dict) else None
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
