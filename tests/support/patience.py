"""Waiting for something to become true, but not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sized

PATIENCE = 45.0
"""Seconds after which a test gives up on what should come at once: many, as machines are busy, but less than the minute
that tests set as the interval of what must not be waited for."""


async def until(condition: Callable[[], object], *, seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)


async def until_longer(items: Sized, than: int) -> None:
    await until(lambda: len(items) > than)
