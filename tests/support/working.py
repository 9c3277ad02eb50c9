"""Consumers that work until nothing comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eventsite_client import Subscription, Work

IDLE = 0.1


def work_on(subscription: Subscription, do: Callable[[Work], object], **options: Any) -> int:
    """Work until nothing comes, and return the number of events that came."""
    count = 0
    for work in subscription.take(**{"stop_when_idle": IDLE, **options}):
        with work:
            count += 1
            do(work)
    return count
