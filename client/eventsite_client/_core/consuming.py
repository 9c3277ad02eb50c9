"""Deliveries of a subscription: how they are taken, kept and settled."""

from __future__ import annotations

import logging
import os
import re
import socket
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

from msgspec import Struct

from eventsite_client._core import json
from eventsite_client._core.ids import new_id
from eventsite_client._core.requests import Demands, Many, Request, append, append_all, get, name_in_path
from eventsite_client.errors import DeliveryLost, Hopeless
from eventsite_client.types import Append, Appended, Event, NewEvent, Settles, SubscriptionStatus

logger = logging.getLogger("eventsite_client")

T = TypeVar("T")

Outcome = Literal["ack", "fail", "poison", "release", "extend"]

_MAX_TYPE_CHARACTERS = 200
_MAX_MESSAGE_CHARACTERS = 10_000
_MAX_TRACEBACK_CHARACTERS = 100_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Delivery(Struct, frozen=True):
    """One event for one consumer, until the deadline."""

    delivery: str
    position: int
    attempt: int
    head: int
    event: Event
    redacted: bool


class Deliveries(Struct):
    """The answer to a take."""

    deliveries: list[Delivery]


class Settled(Struct):
    """The answer to a settlement."""

    result: str
    """`settled`, `already-settled`, `expired`, `not-yours`, or what a newer server may say."""


class Settlements(Struct):
    """The answers to settlements."""

    results: list[Settled]


class Consumer:
    """A process, or a thread, that takes deliveries of a subscription, one at a time."""

    def __init__(self, subscription: str, *, agent: str | None, name: str | None) -> None:
        self.subscription = subscription
        self.agent = agent
        self.name = name or f"{socket.gethostname()}-{os.getpid()}-{new_id()[-12:]}"[:_MAX_TYPE_CHARACTERS]
        self._path = f"/subscriptions/{name_in_path(subscription)}"

    def take_request(self, take: str, wait: float) -> Request[Deliveries]:
        """Return the request for the next delivery. Another one with the same id of a `take` gets the same delivery."""
        body = {"consumer": self.name, "limit": 1, "wait": wait, "request": take}
        if self.agent is not None:
            body["agent"] = self.agent
        return replace(_post(f"{self._path}/take", Deliveries, body), wait=wait)

    def settle_request(self, delivery: Delivery, outcome: Outcome, **members: Any) -> Request[Settlements]:
        """Return the request that settles a delivery."""
        settlement = {"delivery": delivery.delivery, "outcome": outcome, **members}
        return _post(f"{self._path}/settle", Settlements, {"consumer": self.name, "settlements": [settlement]})

    def append_request(self, delivery: Delivery, drafts: Mapping[str, Sequence[NewEvent]]) -> Request[Appended | Many]:
        """Return the append that writes events and settles the delivery together."""
        settles = Demands(settles=[Settles(subscription=self.subscription, delivery=delivery.delivery)])
        appends = [
            Append(stream=stream, events=tuple(events), read_position=delivery.head)
            for stream, events in drafts.items()
        ]
        return append(appends[0], settles) if len(appends) == 1 else append_all(appends, settles)

    def failure_request(self, delivery: Delivery, error: Exception) -> Request[Settlements]:
        """Return the request that reports a delivery as failed; as a poison if the error says that nothing helps."""
        kind = type(error).__qualname__
        facts = {
            "type": _CONTROL.sub(" ", _plain(kind))[:_MAX_TYPE_CHARACTERS] or "Exception",
            "message": _plain(str(error))[:_MAX_MESSAGE_CHARACTERS],
            "traceback": _plain("".join(traceback.format_exception(error)))[-_MAX_TRACEBACK_CHARACTERS:],
        }
        return self.settle_request(delivery, "poison" if isinstance(error, Hopeless) else "fail", error=facts)

    def check(self, delivery: Delivery, answer: Settlements) -> None:
        """Check that a settlement came in time.

        Raises:
            DeliveryLost: it did not.
        """
        result = answer.results[0].result
        if result not in ("settled", "already-settled"):
            detail = f"The delivery of event {delivery.position} is no longer with {self.name}."
            raise DeliveryLost(detail, members={"delivery": delivery.delivery, "result": result})


def status_request(subscription: str) -> Request[SubscriptionStatus]:
    """Return the request for the settings of a subscription, and how far it is."""
    return get(f"/subscriptions/{name_in_path(subscription)}", SubscriptionStatus)


def make_request(subscription: str, settings: Mapping[str, Any]) -> Request[SubscriptionStatus]:
    """Return the request that makes a subscription, or changes it. Settings of None keep their defaults."""
    body = {name: value for name, value in settings.items() if value is not None}
    return replace(_post(f"/subscriptions/{name_in_path(subscription)}", SubscriptionStatus, body), method="PUT")


def _post(path: str, gives: type[T], body: Mapping[str, Any]) -> Request[T]:
    return Request("POST", path, gives, json.encode(body))


def _plain(text: str) -> str:
    """Return a text that JSON and the server can hold."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
