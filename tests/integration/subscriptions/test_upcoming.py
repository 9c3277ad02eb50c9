"""The events that come next are found before anybody asks; what others read on meanwhile is never delivered again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest

from events.engine import Engine
from events.errors import Unavailable
from events.models import Log
from events.reading.scan import Search
from events.subscriptions import upcoming
from events.subscriptions.newest import Newest
from events.subscriptions.subscriptions import load
from events.subscriptions.types import Served
from events.subscriptions.upcoming import Turns, Upcoming
from events.subscriptions.work import Range
from tests.support.patience import PATIENCE
from tests.support.subscriptions import Settle, Subscribe, TakeFrom

EVENTS = 6


@pytest.fixture
async def served(
    engine: Engine, log: Log, subscribe: Subscribe, placed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Served:
    """A subscription with six events, which are found two at a time; while one is left, more are searched."""
    monkeypatch.setattr(upcoming, "_SEARCH_EVENTS", 2)
    monkeypatch.setattr(upcoming, "_FEW_EVENTS", 1)
    await subscribe()
    await placed(*(f"a-{n}" for n in range(EVENTS)))
    served = await load(engine.pool, log.pk, "work")
    assert served
    return served


@pytest.fixture
async def events(engine: Engine, log: Log) -> AsyncIterator[Upcoming]:
    events = Upcoming(engine.pool, Turns(short=1, long=1), Newest(log.pk, engine.pool))
    yield events
    await events.forget()


async def found(events: Upcoming, served: Served) -> Range:
    range = await events.range(served, has_grown=False, interruption=asyncio.Event())
    assert range
    return range


async def positions(events: Upcoming, served: Served) -> list[int]:
    return [each.event.position for each in (await found(events, served)).found]


def slow_search(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Let searches set the first event when they have their results, and wait for the second one."""
    search, is_there, may_end = Search.afetch_on, asyncio.Event(), asyncio.Event()

    async def search_slowly(self: Search, session: Any) -> Any:
        result = await search(self, session)
        is_there.set()
        await may_end.wait()
        return result

    monkeypatch.setattr(Search, "afetch_on", search_slowly)
    return is_there, may_end


async def test_more_is_found_while_the_last_events_are_delivered(
    events: Upcoming, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await positions(events, served) == [1, 2]
    _, may_end = slow_search(monkeypatch)
    assert events.note(served, read_to=1, head=EVENTS), "event 2 can be delivered at once"
    assert await positions(events, served) == [2], "nobody waits for the search while there is something"
    may_end.set()
    assert events.note(served, read_to=2, head=EVENTS), "the log has more"
    assert await positions(events, served) == [3, 4]


async def test_events_that_others_have_read_on_are_left_out(
    events: Upcoming, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process reads to event 3, while this one searches after event 2."""
    await positions(events, served)
    is_there, may_end = slow_search(monkeypatch)
    events.note(served, read_to=1, head=EVENTS)
    await asyncio.wait_for(is_there.wait(), PATIENCE)
    events.note(served, read_to=3, head=EVENTS)
    may_end.set()
    range = await found(events, served)
    assert (range.begin, range.end, [each.event.position for each in range.found]) == (3, 4, [4])


async def test_nothing_is_searched_beyond_the_end_of_the_log(
    events: Upcoming, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upcoming, "_SEARCH_EVENTS", 100)
    assert await positions(events, served) == [1, 2, 3, 4, 5, 6]
    monkeypatch.setattr(Search, "afetch_on", None)
    assert not events.note(served, read_to=EVENTS, head=EVENTS)
    assert await positions(events, served) == []


async def test_what_has_no_room_is_not_asked_for_again(events: Upcoming, served: Served) -> None:
    """A consumer that may have no more events at once must not keep the server busy."""
    await positions(events, served)
    assert not events.note(served, read_to=0, head=EVENTS)


async def test_the_search_that_failed_fails_for_those_who_wait(
    engine: Engine,
    log: Log,
    served: Served,
    take: TakeFrom,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody else is told, and the next take gets the events."""
    search = Search.afetch_on

    async def lose_the_connection(self: Search, session: Any) -> Any:
        raise psycopg.OperationalError("the connection was lost")

    first = await take(limit=1, wait=PATIENCE)
    monkeypatch.setattr(Search, "afetch_on", lose_the_connection)
    second = await take(limit=1, wait=PATIENCE)
    assert [each.id.position for each in (*first, *second)] == [1, 2]
    assert [each.result for each in await settle("ack", *first, *second)] == ["settled", "settled"]
    with pytest.raises(Unavailable):
        await take(wait=PATIENCE)
    monkeypatch.setattr(Search, "afetch_on", search)
    assert [each.id.position for each in await take(wait=PATIENCE)] == [3, 4]


async def test_a_settlement_does_not_wait_for_a_search(
    engine: Engine, log: Log, served: Served, take: TakeFrom, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await take(limit=2, wait=PATIENCE)
    _, may_end = slow_search(monkeypatch)
    waiting = asyncio.create_task(take("two", wait=PATIENCE))
    assert [each.result for each in await settle("ack", *first)] == ["settled", "settled"]
    assert not waiting.done()
    may_end.set()
    assert [each.id.position for each in await waiting] == [3, 4]


async def test_few_large_events_are_found_ahead(
    events: Upcoming, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer that takes no more must not fill the memory of the server."""
    monkeypatch.setattr(upcoming, "_FEW_BYTES", 1)
    assert await positions(events, served) == [1, 2]
    monkeypatch.setattr(Search, "afetch_on", None)
    assert events.note(served, read_to=1, head=EVENTS)
    await asyncio.sleep(0.05)
    assert await positions(events, served) == [2]
    assert (await found(events, served)).bytes == len("{}") * 2


async def test_a_search_of_the_end_does_not_wait_for_long_ones(
    events: Upcoming, served: Served, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = Turns(short=1, long=1)
    async with turns.turn(is_short=False):
        near = Upcoming(engine.pool, turns, Newest(served.log_id, engine.pool))
        assert await positions(near, served) == [1, 2]
        await near.forget()
        monkeypatch.setattr(upcoming, "_NEAR_POSITIONS", EVENTS - 1)
        far = Upcoming(engine.pool, turns, Newest(served.log_id, engine.pool))
        interruption = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, interruption.set)
        assert await far.range(served, has_grown=True, interruption=interruption) is None
        await far.forget()
