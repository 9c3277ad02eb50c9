"""A redaction while people watch: the data is never sent again, and every open list is told which row to replace."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from pytest_django import Settings

from events import redaction
from events.engine import Engine
from events.live import feed
from events.live.frame import Frame, Gathering
from events.models import Log, Member
from tests.support.live_sockets import Socket, append, shown_positions, socket
from tests.support.patience import PATIENCE, until

SECRET = "4111-1111-1111-1111"
"""The data of an event before its redaction."""


@pytest.fixture(autouse=True)
def seen_by_a_member(member: Member) -> None:
    """Make the person who watches a member of the log."""


async def append_secret(engine: Engine, log: Log, **fields: Any) -> None:
    await append(engine, log, {"data": json.dumps({"card": SECRET}).encode(), **fields})


async def redact(log: Log, position: int) -> int:
    """Redact an event; return the position of the event that records it."""
    redacted = await sync_to_async(redaction.redact)(log.pk, position, reason="a card's number", by="ada")
    return redacted.marker_position


async def frames_to(watching: Socket, position: int) -> list[dict[str, Any]]:
    """The frames up to a position. None of them may hold the secret."""
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE):
        while not frames or frames[-1]["position"] < position:
            frames.append(json.loads((await watching.receive())["text"]))
    return frames


def feed_of(log: Log) -> feed._Feed | None:
    """The feed of a log that is being watched, once it knows the end of the log."""
    feeds = [each for view, each in feed._feeds.items() if view.log_id == log.pk and each._position is not None]
    return feeds[0] if feeds else None


@asynccontextmanager
async def read_by_another(engine: Engine, log: Log) -> AsyncIterator[None]:
    """Follow the log while the block runs, so that its tail reads on without the feed."""

    async def follow() -> None:
        async for _ in engine.tails.follow(log.pk, after=0):
            pass

    following = asyncio.create_task(follow())
    yield
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


def redacted_in(frames: list[dict[str, Any]]) -> dict[str, str]:
    return {position: row for frame in frames for position, row in frame["redacted"].items()}


async def test_a_frame_drawn_before_a_redaction_is_not_sent_after_it(engine: Engine, log: Log, user: User) -> None:
    await append(engine, log, {})
    async with socket(log.name, user, "after=1") as first:
        assert await first.connect()
        await until(lambda: feed_of(log))
        await append_secret(engine, log)
        assert any(SECRET in frame["html"] for frame in await frames_to(first, 2))
        marker = await redact(log, 2)
        await frames_to(first, marker)
        async with socket(log.name, user, "after=1") as second:
            assert await second.connect()
            frames = await frames_to(second, marker)
    assert SECRET not in json.dumps(frames)
    assert sorted(position for frame in frames for position in shown_positions(frame)) == [2, marker]


async def test_every_viewer_gets_the_emptied_row(engine: Engine, log: Log, user: User) -> None:
    async with socket(log.name, user, "after=0") as watching:
        assert await watching.connect()
        await append_secret(engine, log)
        await frames_to(watching, 1)
        marker = await redact(log, 1)
        frames = await frames_to(watching, marker)
    assert list(redacted_in(frames)) == ["1"]
    assert 'data-position="1"' in redacted_in(frames)["1"]
    assert SECRET not in json.dumps(frames)
    assert frames[-1]["rows"] == 1  # the event that records the redaction


async def test_a_query_that_fits_no_redaction_is_told_of_it(engine: Engine, log: Log, user: User) -> None:
    async with socket(log.name, user, "after=0&q=type:Paid") as watching:
        assert await watching.connect()
        await append_secret(engine, log, type="Paid")
        await frames_to(watching, 1)
        frames = await frames_to(watching, await redact(log, 1))
    assert frames[-1]["rows"] == 0
    assert list(redacted_in(frames)) == ["1"]


async def test_a_viewer_that_only_counts_is_told_the_redacted_positions(engine: Engine, log: Log, user: User) -> None:
    async with socket(log.name, user, "after=0&counts=on&q=stream:other") as watching:
        assert await watching.connect()
        await append_secret(engine, log)
        await frames_to(watching, 1)
        frames = await frames_to(watching, await redact(log, 1))
    assert redacted_in(frames) == {"1": ""}


async def test_a_viewer_that_comes_back_is_told_of_redactions_made_meanwhile(
    engine: Engine, log: Log, user: User
) -> None:
    await append_secret(engine, log)
    await append_secret(engine, log)
    earlier = await redact(log, 1)
    marker = await redact(log, 2)
    async with socket(log.name, user, f"after={earlier}") as watching:
        assert await watching.connect()
        frames = await frames_to(watching, marker)
    assert list(redacted_in(frames)) == ["2"]


async def test_only_the_last_of_many_redactions_come_with_their_rows(
    engine: Engine, log: Log, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_REDACTED_ROWS", 1)
    await append_secret(engine, log)
    await append_secret(engine, log)
    await redact(log, 1)
    marker = await redact(log, 2)
    async with socket(log.name, user, "after=2") as watching:
        assert await watching.connect()
        rows = redacted_in(await frames_to(watching, marker))
    assert rows["1"] == ""
    assert 'data-position="2"' in rows["2"]


async def test_rows_that_were_gathered_before_a_redaction_are_read_again(
    engine: Engine, log: Log, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A burst is gathered for up to a second; the frame with the redaction must come only after the burst is drawn."""
    gathered: list[int] = []

    async def has_more(self: feed._Feed, came: int, gathering: Gathering) -> bool:
        gathered.append(gathering.position)
        await until(lambda: engine.tails.redacted_at(log.pk))
        return False

    monkeypatch.setattr(feed._Feed, "_has_more", has_more)
    async with read_by_another(engine, log), socket(log.name, user, "after=0") as watching:
        assert await watching.connect()
        await until(lambda: feed_of(log))
        await append_secret(engine, log)
        await until(lambda: gathered)
        marker = await redact(log, 1)
        frames = await frames_to(watching, marker)
    assert gathered[0] == 1
    assert SECRET not in json.dumps(frames)
    assert list(redacted_in(frames)) == ["1"]


async def test_a_redaction_that_comes_in_a_burst_is_told_with_it(
    engine: Engine, log: Log, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def has_more(self: feed._Feed, came: int, gathering: Gathering) -> bool:
        return gathering.position < 3

    monkeypatch.setattr(feed._Feed, "_has_more", has_more)
    async with socket(log.name, user, "after=0") as watching:
        assert await watching.connect()
        await until(lambda: feed_of(log))
        await append_secret(engine, log)
        await redact(log, 1)
        await append(engine, log, {})
        frames = await frames_to(watching, 3)
    assert SECRET not in json.dumps(frames)
    assert list(redacted_in(frames)) == ["1"]


async def test_a_redaction_that_the_tail_reads_while_a_frame_is_drawn_is_told_in_the_next(
    engine: Engine, log: Log, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing: list[int] = []
    frame_of = feed._Feed._frame_of

    async def slow(self: feed._Feed, gathering: Gathering) -> Frame:
        drawing.append(gathering.position)
        await until(lambda: engine.tails.redacted_at(log.pk))
        return await frame_of(self, gathering)

    monkeypatch.setattr(feed._Feed, "_frame_of", slow)
    async with read_by_another(engine, log), socket(log.name, user, "after=0") as watching:
        assert await watching.connect()
        await until(lambda: feed_of(log))
        await append_secret(engine, log)
        await until(lambda: drawing)
        frames = await frames_to(watching, await redact(log, 1))
    assert list(redacted_in(frames)) == ["1"]


async def test_a_frame_that_is_being_drawn_when_a_redaction_comes_is_drawn_again(
    engine: Engine, log: Log, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    await append_secret(engine, log)
    drawing, redacted = asyncio.Event(), asyncio.Event()
    older = feed._Feed._older

    async def slow(self: feed._Feed, after: int, before: int, limit: int) -> Any:
        events = await older(self, after, before, limit)
        drawing.set()
        await redacted.wait()
        return events

    monkeypatch.setattr(feed._Feed, "_older", slow)
    async with socket(log.name, user, "after=0") as watching:
        assert await watching.connect()
        await drawing.wait()
        marker = await redact(log, 1)
        await until(lambda: engine.tails.redacted_at(log.pk) == marker)
        redacted.set()
        frames = await frames_to(watching, marker)
    assert SECRET not in json.dumps(frames)


async def test_a_viewer_hears_of_a_redaction_at_once(engine: Engine, log: Log, user: User, settings: Settings) -> None:
    """The feed must learn of the redaction at once, not when the tail next reads the log by itself."""
    settings.EVENTSITE = replace(settings.EVENTSITE, tail_poll_interval=2 * PATIENCE)
    async with socket(log.name, user, "after=0") as watching:
        assert await watching.connect()
        await append_secret(engine, log)
        await frames_to(watching, 1)
        await frames_to(watching, await redact(log, 1))
