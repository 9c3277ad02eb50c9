"""The smallest valid rows; each takes overrides."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import User

from events.models import Log, Member, Role


def make_name(prefix: str) -> str:
    """A name that no other test has."""
    return f"{prefix}-{secrets.token_hex(6)}"


def make_log(**fields: Any) -> Log:
    return Log.objects.create(**{"name": make_name("log"), **fields})


def make_user(**fields: Any) -> User:
    return User.objects.create_user(**{"username": make_name("user"), **fields})


def make_member(log: Log, *, role: Role = Role.VIEWER, user: User | None = None) -> Member:
    return Member.objects.create(log=log, user=user or make_user(), role=role)
