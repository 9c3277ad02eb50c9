"""Types of the fixtures that tests call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import httpx2
from django.test import AsyncClient

from events.appending.plan import Outcome
from events.models import Role
from events.types import Append, Event


class AppendTo(Protocol):
    """Append to the test's log, in one request."""

    async def __call__(self, *appends: Append, atomic: bool = False) -> list[Outcome]: ...


class AppendEvents(Protocol):
    """Append events, given as the fields of each, to a stream of the test's log; `fields` are the append's own."""

    def __call__(self, stream: str, *events: dict[str, Any], **fields: Any) -> None: ...


Read = Callable[[], Awaitable[list[Event]]]
"""Read all events of the test's log."""

Get = Callable[..., Awaitable[httpx2.Response]]
"""Get a path of the API, with the test's token."""

SignIn = Callable[[Role], AsyncClient]
"""Make a client of a person with a role in the test's log."""
