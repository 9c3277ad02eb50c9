"""Work that a process does again and again beside its requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

import psycopg
from psycopg_pool import PoolTimeout

from events.errors import brief

logger = logging.getLogger(__name__)


async def repeat(work: Callable[[], Awaitable[None]], *, pause: Callable[[], float], about: str) -> NoReturn:
    """Do some work after each pause (in seconds), for ever. A lost connection costs one turn."""
    while True:
        await asyncio.sleep(pause())
        try:
            await work()
        except (psycopg.Error, PoolTimeout, OSError) as error:
            logger.warning("%s: %s", about, brief(error))
