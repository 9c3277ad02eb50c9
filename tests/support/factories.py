"""The smallest valid rows; each takes overrides."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import User

from events.appending.checks import new_append, new_event
from events.models import Log, Member, Role
from events.types import Append, NewEvent


def make_name(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}-{secrets.token_hex(6)}"


def make_log(**fields: Any) -> Log:
    return Log.objects.create(**{"name": make_name("log"), **fields})


def make_user(**fields: Any) -> User:
    return User.objects.create_user(**{"username": make_name("user"), **fields})


def make_member(log: Log, *, role: Role = Role.VIEWER, user: User | None = None) -> Member:
    return Member.objects.create(log=log, user=user or make_user(), role=role)


def make_event(stream: str = "order-1", **fields: Any) -> NewEvent:
    return new_event(stream, **{"type": "Placed", "data": b"{}", **fields})


def make_append(stream: str | None = None, *events: dict[str, Any], **fields: Any) -> Append:
    """An append of some events to one stream; by default one event to a new stream."""
    stream = stream or make_name("order")
    return new_append(stream, [make_event(stream, **event) for event in events or ({},)], **fields)
