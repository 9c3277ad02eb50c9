"""Waiting for something to become true, but not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sized


async def until(condition: Callable[[], object], *, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)


async def until_longer(items: Sized, than: int) -> None:
    await until(lambda: len(items) > than)
