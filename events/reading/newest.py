"""Events in the newest schema version of their type. An app that has upcasters registers how they are upgraded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from events.types import Event

Reading: TypeAlias = Callable[[Event], Event]


@dataclass(slots=True)
class _Registered:
    reading: Reading = lambda event: event  # without upcasters, the stored version is the newest


_registered = _Registered()


def register(reading: Reading) -> None:
    """Upgrade events with this function from now on. An app registers it in its `ready()`."""
    _registered.reading = reading


def as_newest(event: Event) -> Event:
    """Return the event with its data in the newest schema version of its type.

    Raises:
        UpcastFailed, SchemaTooNew: the event can't be read in that version.
    """
    return _registered.reading(event)
