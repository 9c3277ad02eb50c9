"""Many viewers of one log: each frame is drawn once for all of them, and a slow viewer delays no other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from events.engine import Engine
from events.live import feed
from events.live.frame import MAX_ROWS, Frame, Gathering, View
from events.models import Log
from events.query.parse import parse
from events.reading import scan
from tests.support.factories import make_append
from tests.support.patience import PATIENCE, until

Watch = AsyncGenerator[Frame]


@pytest_asyncio.fixture
async def watching(engine: Engine) -> AsyncIterator[AsyncExitStack]:
    """A stack whose contexts end before the engine does."""
    async with AsyncExitStack() as stack:
        yield stack


async def watch(stack: AsyncExitStack, log: Log, query: str = "", *, after: int = 0) -> Watch:
    view = View(log.pk, log.name, parse(query))
    return await stack.enter_async_context(aclosing(feed.watch(view, after=after, heartbeat=PATIENCE)))


async def next_of(frames: Watch) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        frame: dict[str, Any] = json.loads((await anext(frames)).text)
    return frame


async def append(engine: Engine, log: Log, events: int) -> None:
    await engine.writer.append(log.pk, [make_append("order-1", *[{}] * events)])


async def test_viewers_of_the_same_rows_get_one_frame_drawn_once(
    engine: Engine, log: Log, watching: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws: list[int] = []
    draw = Gathering.draw

    def counted(self: Gathering, *arguments: Any) -> Frame:
        draws.append(self.position)
        return draw(self, *arguments)

    monkeypatch.setattr(Gathering, "draw", counted)
    viewers = [await watch(watching, log) for _ in range(20)]
    waiting = asyncio.gather(*(anext(viewer) for viewer in viewers))
    await until(lambda: log.pk in {view.log_id for view, each in feed._feeds.items() if each._position is not None})
    await append(engine, log, 3)
    async with asyncio.timeout(PATIENCE):
        frames = await waiting
    assert {id(frame) for frame in frames} == {id(frames[0])}
    assert draws == [3]


async def test_a_viewer_that_does_not_read_delays_nobody_and_gets_an_exact_account(
    engine: Engine, log: Log, watching: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "FRAME_SECONDS", 0)
    quick, slow = await watch(watching, log), await watch(watching, log)
    await append(engine, log, 1)
    assert (await next_of(quick))["position"] == (await next_of(slow))["position"] == 1
    for n in range(1, 31):
        await append(engine, log, 100)
        while (await next_of(quick))["position"] < 1 + 100 * n:
            pass
    frame = await next_of(slow)
    assert (frame["position"], frame["rows"]) == (3_001, 3_000)
    assert "2,900 not shown" in frame["html"]
    await append(engine, log, 1)
    assert await next_of(slow) == await next_of(quick)


async def test_a_viewer_that_is_a_little_late_gets_every_row(
    engine: Engine, log: Log, watching: AsyncExitStack
) -> None:
    quick, late = await watch(watching, log), await watch(watching, log)
    await append(engine, log, 1)
    await next_of(quick)
    await append(engine, log, 1)
    await next_of(quick)
    await append(engine, log, MAX_ROWS - 2)
    await next_of(quick)
    rows = 0
    while rows < MAX_ROWS:
        rows += (frame := await next_of(late))["rows"]
        assert "not shown" not in frame["html"]
    assert rows == MAX_ROWS


async def test_views_do_not_mix(engine: Engine, log: Log, other_log: Log, watching: AsyncExitStack) -> None:
    ours = await watch(watching, log, "type:Placed")
    paid = await watch(watching, log, "type:Paid")
    theirs = await watch(watching, other_log)
    await append(engine, other_log, 5)
    await append(engine, log, 2)
    assert [(await next_of(each))["rows"] for each in (ours, paid, theirs)] == [2, 0, 5]


async def test_frames_of_large_events_stay_small(engine: Engine, log: Log, watching: AsyncExitStack) -> None:
    viewer = await watch(watching, log)
    data = json.dumps({"text": "x" * (2**20 - 100), "id": 7}).encode()
    for _ in range(3):
        await engine.writer.append(log.pk, [make_append("order-1", {"data": data})])
    row_count = 0
    while row_count < 3:
        frame = await anext(viewer)
        assert len(frame.text) < 10_000
        row_count += json.loads(frame.text)["rows"]


async def test_a_feed_ends_with_the_last_who_watches(engine: Engine, log: Log) -> None:
    async with AsyncExitStack() as stack:
        viewers = [await watch(stack, log) for _ in range(2)]
        await append(engine, log, 1)
        for viewer in viewers:
            await next_of(viewer)
        assert any(view.log_id == log.pk for view in feed._feeds)
    assert not any(view.log_id == log.pk for view in feed._feeds)


async def test_a_long_count_is_split_into_frames_that_are_each_exact(
    engine: Engine, log: Log, watching: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_COUNT_SECONDS", 0)  # as if the first slice took all the time
    monkeypatch.setattr(feed, "_FIRST_SLICE_EVENTS", 700)
    for _ in range(2):
        await engine.writer.append(log.pk, [make_append("order-1", *[{"type": "A"}, {"type": "B"}] * 500)])
    viewer = await watch(watching, log, "-type:A", after=0)
    frames = [await next_of(viewer) for _ in range(3)]
    assert [(frame["position"], frame["rows"]) for frame in frames] == [(700, 350), (1_400, 350), (2_000, 300)]
    assert [frame["html"].count("data-position") for frame in frames] == [350, 350, 300]


async def test_rows_that_are_far_apart_are_all_found(
    engine: Engine, log: Log, watching: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "search_events", partial(scan.search_events, budget=0))  # a search ends after one slice
    for _ in range(3):
        await engine.writer.append(
            log.pk, [make_append("order-1", {"data": b'{"n": 1}'}, *[{"type": "B"}] * 999, {"data": b'{"n": true}'})]
        )
    viewer = await watch(watching, log, "data.n:1", after=0)
    frame = await next_of(viewer)
    assert (frame["position"], frame["rows"], frame["html"].count("data-position")) == (3_003, 3, 3)


def test_views_are_equal_where_their_queries_are_written_alike(log: Log) -> None:
    def view(query: str) -> View:
        return View(log.pk, log.name, parse(query))

    assert view("a  type:x AND agent:y") == view("a type:x agent:y")
    assert hash(view("a")) == hash(view("a"))
    assert view("data.paid:true") != view("data.paid:1")


async def test_rows_of_large_events_are_read_in_pieces(
    engine: Engine, log: Log, watching: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_PAGE_BYTES", 1_000)
    sizes: list[int] = []
    afetch = scan.Search.afetch

    async def counted(self: scan.Search, pool: Any) -> scan.SearchResult:
        result = await afetch(self, pool)
        sizes.append(len(result.events))
        return result

    monkeypatch.setattr(scan.Search, "afetch", counted)
    await engine.writer.append(log.pk, [make_append("order-1", *[{"data": b'"%b"' % (b"x" * 600)}] * 5)])
    result = await next_of(await watch(watching, log))
    assert (result["rows"], result["html"].count("data-position")) == (5, 5)
    assert sizes == [2, 2, 1]


async def test_frames_that_are_kept_are_bounded_in_bytes(
    engine: Engine, log: Log, watching: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "FRAME_SECONDS", 0)
    monkeypatch.setattr(feed, "_KEPT_BYTES", 10)
    viewer = await watch(watching, log)
    for n in range(1, 6):
        await append(engine, log, 1)
        while (await next_of(viewer))["position"] < n:
            pass
    [frames_in_memory] = [each._frames for view, each in feed._feeds.items() if view.log_id == log.pk]
    assert len(frames_in_memory) == 1
