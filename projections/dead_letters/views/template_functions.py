"""The functions by which the templates of all pages show dead letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from events.models import DeadLetter
from events.subscriptions.letters.letter import DECIDABLE

_MAX_COUNT = 999


def letters_due(log_id: int) -> str:
    """Return the number of letters for which somebody has to decide, as the navigation shows it; empty if it is 0."""
    number = DeadLetter.objects.filter(log_id=log_id, state__in=DECIDABLE)[: _MAX_COUNT + 1].count()
    return f"{_MAX_COUNT}+" if number > _MAX_COUNT else str(number or "")


FUNCTIONS: dict[str, Callable[..., Any]] = {"letters_due": letters_due}
