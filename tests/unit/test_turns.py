"""Turns: fair between lanes, bounded for each lane, and given back whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

import pytest

from events.errors import Busy, TooManyRequests
from events.reading.turns import Turns


def make_turns(*, places: int = 2, per_lane: int = 1, waiting: int = 100, patience: float = 60.0) -> Turns:
    return Turns(places=places, places_per_lane=per_lane, waiting_per_lane=waiting, patience_seconds=patience)


class Visits:
    """Requests that are served one at a time when the test says so; `served` are their lanes in order."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.served: list[Hashable] = []
        self.under_way = 0
        self.most_under_way = 0

    async def visit(self, lane: Hashable) -> None:
        async with self.turns.turn(lane):
            self.served.append(lane)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            await asyncio.sleep(0)
            self.under_way -= 1

    async def all(self, *lanes: Hashable) -> None:
        await asyncio.gather(*(asyncio.create_task(self.visit(lane)) for lane in lanes))


async def test_a_visitor_with_many_requests_does_not_delay_another() -> None:
    visits = Visits(make_turns(places=1))
    await visits.all(*["many"] * 50, "one", "other")
    assert visits.served.index("one") <= 3
    assert visits.served.index("other") <= 4
    assert len(visits.served) == 52


async def test_one_lane_has_only_its_part_of_the_places() -> None:
    visits = Visits(make_turns(places=4, per_lane=2))
    await visits.all(*["many"] * 20)
    assert visits.most_under_way == 2
    await visits.all(*range(20))
    assert visits.most_under_way == 4


async def test_more_than_may_wait_are_refused_at_once_and_others_are_not() -> None:
    turns = make_turns(places=1, waiting=3)
    async with turns.turn("many"):
        waiting = [asyncio.create_task(Visits(turns).visit("many")) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests):
            await Visits(turns).visit("many")
        other = asyncio.create_task(Visits(turns).visit("other"))
        await asyncio.sleep(0)
        assert not other.done()
    await asyncio.gather(*waiting, other)


async def test_a_request_that_waits_too_long_is_told_to_come_again() -> None:
    turns = make_turns(places=1, patience=0.001)
    async with turns.turn("one"):
        with pytest.raises(Busy):
            await Visits(turns).visit("other")
    await Visits(turns).visit("other")


async def test_a_waiter_that_goes_away_leaves_no_place_taken() -> None:
    turns = make_turns(places=1)
    async with turns.turn("one"):
        tasks = [asyncio.create_task(Visits(turns).visit(lane)) for lane in ("a", "a", "b")]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    visits = Visits(turns)
    await visits.all("a", "b", "c")
    assert sorted(map(str, visits.served)) == ["a", "b", "c"]


async def test_a_waiter_that_goes_away_at_its_turn_gives_the_place_on() -> None:
    turns = make_turns(places=1)
    async with turns.turn("one") as turn:
        task = asyncio.create_task(Visits(turns).visit("a"))
        await asyncio.sleep(0)
        turn.end()
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await Visits(turns).all("a", "b")


async def test_a_turn_that_ended_early_is_not_given_back_twice() -> None:
    turns = make_turns(places=1)
    async with turns.turn("one") as turn:
        turn.end()
        turn.end()
    visits = Visits(turns)
    await visits.all("a", "b")
    assert visits.most_under_way == 1
