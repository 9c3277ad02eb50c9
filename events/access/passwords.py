"""Passwords: hashed without a connection of the database, with a limited number of attempts.

An attempt counts before the password is checked, so that simultaneous attempts count too. All processes share the
counts, in the database.
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
MAX_ATTEMPTS_OF_NETWORK = 10
"""Most attempts in a window; successful ones don't count."""
MAX_ATTEMPTS_FOR_NAME = 20
"""Higher than the limit of a network, so that nobody can lock a person out from one network."""


class UnconnectedHasher(PBKDF2PasswordHasher):
    """Django's hasher, which first gives the connection back: a hash takes a third of a second, and needs none."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        close_old_connections()
        return super().encode(password, salt, iterations)


class TooManyAttempts(EventsError):
    """Too many attempts to sign in."""

    code = "too-many-attempts"
    status = 429


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to sign in with a name, from a network."""

    network: str
    name: str

    def count(self) -> None:
        """Count the attempt.

        Raises:
            TooManyAttempts: the network, or the name, has too many. Another may be made after `retry_after` seconds.
        """
        SignInAttempts.objects.filter(since__lt=timezone.now() - WINDOW).delete()
        _count(_key("network", self.network), MAX_ATTEMPTS_OF_NETWORK)
        _count(_key("name", self.name), MAX_ATTEMPTS_FOR_NAME)

    def forgive(self) -> None:
        """Remove this attempt from the counts, as it succeeded, and all others for the name."""
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
