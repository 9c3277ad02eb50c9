"""The server events that are due are appended in their order, and one that is refused holds up no other."""

from __future__ import annotations

import pytest

from events.engine import Engine
from events.models import Log, ServerEvent
from events.reading import store


async def due(log: Log, id: str, *, type: str = "work.noted") -> None:
    await ServerEvent.objects.acreate(log=log, id=id, subject="work", type=type, facts={"of": id})


async def ids(engine: Engine, log: Log) -> list[str]:
    return [event.id for event in await store.events(log.pk, limit=100).afetch(engine.pool)]


async def test_events_are_appended_in_the_order_in_which_they_became_due(engine: Engine, log: Log) -> None:
    for id in ("z", "b", "a"):
        await due(log, id)
    await engine.announcer.announce()
    assert await ids(engine, log) == ["eventsite-z", "eventsite-b", "eventsite-a"]
    assert not await ServerEvent.objects.filter(log=log).aexists()


async def test_a_refused_event_holds_up_no_other(engine: Engine, log: Log, caplog: pytest.LogCaptureFixture) -> None:
    await due(log, "first", type="no\nname")
    await due(log, "second")
    await engine.announcer.announce()
    await engine.announcer.announce()
    assert await ids(engine, log) == ["eventsite-second"]
    assert [event.id async for event in ServerEvent.objects.filter(log=log)] == ["first"]
    assert "first is refused" in caplog.text


async def test_an_event_that_was_appended_before_is_forgotten(engine: Engine, log: Log) -> None:
    for _ in range(2):
        await due(log, "once")
        await engine.announcer.announce()
    assert await ids(engine, log) == ["eventsite-once"]
    assert not await ServerEvent.objects.filter(log=log).aexists()
