"""Passwords: hashed while no connection of the database is held, and tried only so often.

An attempt counts before the password is looked at, so that attempts at the same time count too. All processes count
together, in the database.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import close_old_connections, transaction
from django.utils import timezone

from events.errors import EventsError
from events.models import SignInAttempts

WINDOW = timedelta(minutes=15)
MOST_OF_A_NETWORK = 10
"""Attempts in a window; those that succeed don't count."""
MOST_OF_A_NAME = 20
"""More than of a network, so that nobody can shut a person out from one place."""


class UnconnectedHasher(PBKDF2PasswordHasher):
    """Django's own, which gives the connection back first: a hash takes a third of a second, and needs none."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        close_old_connections()
        return super().encode(password, salt, iterations)


class TooManyAttempts(EventsError):
    """Too many attempts to sign in."""

    code = "too-many-attempts"
    status = 429


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to sign in as somebody, from a network."""

    network: str
    name: str

    def count(self) -> None:
        """Count the attempt.

        Raises:
            TooManyAttempts: of the network, or for the name. `retry_after` says when to come again.
        """
        SignInAttempts.objects.filter(since__lt=timezone.now() - WINDOW).delete()
        _count(_key("network", self.network), MOST_OF_A_NETWORK)
        _count(_key("name", self.name), MOST_OF_A_NAME)

    def forgive(self) -> None:
        """Take the attempt back, for it succeeded, and all others for the name."""
        SignInAttempts.objects.filter(key=_key("name", self.name)).delete()
        with transaction.atomic():
            of_network = SignInAttempts.objects.select_for_update().filter(key=_key("network", self.network)).first()
            if of_network:
                of_network.number -= 1
                of_network.save(update_fields=["number"])


def _key(kind: str, text: str) -> bytes:
    return hashlib.sha256(f"{kind}:{text}".encode()).digest()


def _count(key: bytes, most: int) -> None:
    now = timezone.now()
    with transaction.atomic():
        attempts, _ = SignInAttempts.objects.select_for_update().get_or_create(key=key, defaults={"since": now})
        attempts.number += 1
        attempts.save(update_fields=["number"])
    if attempts.number > most:
        seconds = max(1, round((attempts.since + WINDOW - now).total_seconds()))
        error = TooManyAttempts(f"Too many attempts to sign in. Try again in {-(-seconds // 60)} minutes.")
        error.retry_after = seconds
        raise error
