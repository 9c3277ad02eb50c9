"""Events as of the newest schema version of their type. How they become that, an app says that has upcasters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from events.types import Event

Reading: TypeAlias = Callable[[Event], Event]


@dataclass(slots=True)
class _Registered:
    reading: Reading = lambda event: event  # nobody has upcasters: what is stored is the newest


_registered = _Registered()


def register(reading: Reading) -> None:
    """Read by this from now on. An app registers it in its `ready()`."""
    _registered.reading = reading


def as_newest(event: Event) -> Event:
    """The event with data of the newest schema version of its type.

    Raises:
        UpcastFailed, SchemaTooNew: it can't be read as that.
    """
    return _registered.reading(event)
