"""Waiting for a condition, with a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sized

PATIENCE = 45.0
"""Seconds after which a test gives up on something that should come at once. Machines are busy, so it is many; but it
is
less than the minute that tests set for intervals that must not be waited for.
"""


async def until(condition: Callable[[], object], *, seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)


async def until_longer(items: Sized, than: int) -> None:
    await until(lambda: len(items) > than)


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
