"""The stage of the demo decides which part acts at which time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from eventsite.demo.stage import Stage


def part(stage: Stage, log: list[tuple[float, str]], name: str, *pauses: float) -> Callable[[], Awaitable[None]]:
    async def act() -> None:
        for pause in pauses:
            await stage.pause(pause)
            log.append((stage.now, name))

    return act


async def test_parts_act_in_the_order_of_their_times_and_then_of_their_requests() -> None:
    stage = Stage()
    acts: list[tuple[float, str]] = []
    await stage.play(part(stage, acts, "a", 2, 2), part(stage, acts, "b", 1, 1, 1), part(stage, acts, "c", 2))
    assert acts == [(1, "b"), (2, "a"), (2, "c"), (2, "b"), (3, "b"), (4, "a")]


async def test_nobody_acts_while_another_waits_for_the_network() -> None:
    stage = Stage()
    acts: list[str] = []

    async def slow() -> None:
        await stage.pause(1)
        acts.append("slow begins")
        for _ in range(100):
            await asyncio.sleep(0)
        acts.append("slow ends")

    async def quick() -> None:
        await stage.pause(1)
        acts.append("quick")

    await stage.play(slow, quick)
    assert acts == ["slow begins", "slow ends", "quick"]


async def test_speed_makes_seconds_shorter() -> None:
    stage = Stage(speed=100)
    loop = asyncio.get_running_loop()
    start = loop.time()
    await stage.play(partial(stage.pause, 5.0))
    assert stage.now == 5.0
    assert loop.time() - start >= 0.049


async def test_the_clock_counts_from_the_epoch_and_is_silent_without_one() -> None:
    stage = Stage(epoch=datetime(2026, 1, 31, 12, tzinfo=UTC))
    await stage.play(partial(stage.pause, 90.25))
    assert stage.clock == "2026-01-31T12:01:30.250000+00:00"
    assert Stage().clock is None


async def test_an_error_ends_everybody_and_is_the_one_that_is_raised() -> None:
    stage = Stage()
    acts: list[tuple[float, str]] = []

    async def fail() -> None:
        await stage.pause(1)
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        await stage.play(part(stage, acts, "a", 2), fail)
    assert acts == []
