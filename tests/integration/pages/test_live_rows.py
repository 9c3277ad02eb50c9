"""The timeline's socket: every row once, in order, from any position, and for members only."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace as replace_limits
from typing import Any
from urllib.parse import quote

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.test import AsyncClient
from msgspec.structs import replace
from pytest_django import Settings

from events.access import watch
from events.engine import Engine
from events.lists.type_numbers import TypeNumbers
from events.live import consumer, feed
from events.live.frame import rows_html
from events.models import Log, Member
from events.reading import store
from events.views.glyphs import Glyphs
from tests.support.live_sockets import Socket, append, cookies_of, frame_of, rows, shown_positions, socket
from tests.support.patience import PATIENCE


async def test_a_row_arrives_as_the_page_would_show_it(engine: Engine, log: Log, member: Member, user: User) -> None:
    async with socket(log.name, user, "after=0") as watching:
        assert await watching.connect()
        await append(engine, log, {"type": "<b>Placed", "data": b'{"sku": "A-7"}'})
        html = (await frame_of(watching))["html"]
        assert html.startswith("<article")
        assert f'href="/logs/{log.name}/events/1"' in html
        assert "&lt;b&gt;Placed" in html
        assert "A-7" in html


async def test_a_new_type_has_the_same_glyph_in_a_live_row_and_on_the_page(
    engine: Engine, log: Log, member: Member, user: User
) -> None:
    async with socket(log.name, user, "after=0") as watching:
        assert await watching.connect()
        await append(engine, log, {"type": "A"}, {"type": "B"}, {"type": "order.failed"}, {"type": "A"}, {"type": "D"})
        html = (await frame_of(watching))["html"]
    client = AsyncClient()
    await client.aforce_login(user)
    page = (await client.get(f"/logs/{log.name}/")).content.decode().partition('id="rows"')[2]
    assert shapes(html) == ["4", "1", "error", "2", "1"]
    assert shapes(page)[:5] == shapes(html)


def shapes(html: str) -> list[str]:
    """The shapes of the glyphs, as the rows have them."""
    return re.findall(r'<use href="#t-(\w+)"', html)


async def test_a_viewer_that_comes_back_gets_every_row_once(
    engine: Engine, log: Log, member: Member, user: User
) -> None:
    await append(engine, log, *[{}] * 5)
    async with socket(log.name, user, "after=2") as first:
        assert await first.connect()
        numbers = await rows(first, 5)
    await append(engine, log, *[{}] * 5)
    async with socket(log.name, user, f"after={numbers[-1]}") as second:
        assert await second.connect()
        numbers += await rows(second, 10)
    assert numbers == list(range(3, 11))


async def test_only_what_fits_the_filter_comes_and_the_position_moves_on(
    engine: Engine, log: Log, member: Member, user: User
) -> None:
    async with socket(log.name, user, "after=0&q=type:B*") as watching:
        assert await watching.connect()
        await append(engine, log, {"type": "A"}, {"type": "B1"}, {"type": "A"}, {"type": "B2"}, {"type": "A"})
        frame = await frame_of(watching)
        assert (frame["rows"], frame["position"]) == (2, 5)


async def test_live_rows_fit_any_query(engine: Engine, log: Log, member: Member, user: User) -> None:
    query = "after=0&q=" + quote('data.items.n>2 -agent:till (type:A OR "b c") since:1h')
    async with socket(log.name, user, query) as watching:
        assert await watching.connect()
        data = b'{"items": [{"n": 1}, {"n": 3}]}'
        await append(
            engine,
            log,
            {"type": "A", "data": data},
            {"type": "A", "data": data, "agent": "till"},
            {"type": "B", "data": data},
            {"type": "B", "data": b'{"items": {"n": 9}, "text": "a B C d"}'},
            {"type": "A", "data": data, "occurred_at": "2020-01-01T00:00:00Z"},
            {"type": "A", "data": b'{"items": {"n": "3"}}'},
        )
        frame = await frame_of(watching)
        assert (shown_positions(frame), frame["position"]) == ([4, 1], 6)


async def test_events_that_come_together_come_in_one_frame(
    engine: Engine, log: Log, member: Member, user: User
) -> None:
    async with socket(log.name, user, "after=0") as watching:
        assert await watching.connect()
        await append(engine, log, {})
        assert (await frame_of(watching))["rows"] == 1
        for _ in range(20):
            await append(engine, log, {})
        frames = 0
        row_count = 1
        while row_count < 21:
            row_count += (await frame_of(watching))["rows"]
            frames += 1
        assert frames <= 10


async def test_more_rows_than_a_page_draws_become_an_exact_gap(
    engine: Engine, log: Log, member: Member, user: User
) -> None:
    await append(engine, log, *[{"type": "A"}, {"type": "B"}] * 1_300)
    async with socket(log.name, user, "after=0&q=type:A") as watching:
        assert await watching.connect()
        frame = await frame_of(watching)
        assert frame["rows"] == 1_300
        positions = shown_positions(frame)
        (counted,) = re.findall(r"<strong>([\d,]+) not shown", frame["html"])
        assert len(positions) + int(counted.replace(",", "")) == 1_300
        assert positions == sorted(positions, reverse=True)
        assert positions[0] == 2_599
        assert f'href="/logs/{log.name}/?q=type%3AA&amp;before={positions[-1]}"' in frame["html"]


async def test_a_burst_is_told_to_its_last_event_at_once(
    engine: Engine, log: Log, member: Member, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tail may cut the burst into batches anywhere; no row may wait for later events.
    monkeypatch.setattr(feed, "_GATHER_SECONDS", 2 * PATIENCE)
    async with socket(log.name, user, "after=0") as watching:
        assert await watching.connect()
        await append(engine, log, *[{}] * 5_000)
        row_count = 0
        while row_count < 5_000:
            row_count += (await frame_of(watching))["rows"]
        assert row_count == 5_000


async def test_a_viewer_that_comes_back_late_gets_an_exact_count(
    engine: Engine, log: Log, member: Member, user: User
) -> None:
    await append(engine, log, *[{}] * 2_000)
    async with socket(log.name, user, "after=500") as watching:
        assert await watching.connect()
        frame = await frame_of(watching)
        assert (frame["rows"], frame["position"]) == (1_500, 2_000)
        assert "1,400 not shown" in frame["html"]
        assert "#501 to #1,900" in frame["html"]
        assert shown_positions(frame) == list(range(2_000, 1_900, -1))


async def test_a_viewer_that_comes_back_to_a_filter_gets_an_exact_count(
    engine: Engine, log: Log, member: Member, user: User
) -> None:
    await append(engine, log, *[{"type": "A"}, {"type": "B"}] * 1_300)
    async with socket(log.name, user, "after=10&q=type:B*") as watching:
        assert await watching.connect()
        frame = await frame_of(watching)
        assert (frame["rows"], frame["position"]) == (1_295, 2_600)
        assert "1,195 not shown" in frame["html"]
        assert shown_positions(frame) == list(range(2_600, 2_400, -2))


async def test_a_viewer_that_only_counts_gets_no_rows(engine: Engine, log: Log, member: Member, user: User) -> None:
    async with socket(log.name, user, "after=0&q=type:A&counts=on") as watching:
        assert await watching.connect()
        await append(engine, log, {"type": "A"}, {"type": "B"}, {"type": "A"})
        frame = await frame_of(watching)
        assert frame == {"position": 3, "rows": 2, "html": "", "redacted": {}}


async def test_a_row_is_rendered_anew_when_its_event_was_redacted(engine: Engine, log: Log) -> None:
    await append(engine, log, {"data": b'{"secret": "s3cret"}'})
    event = await store.event(log.pk, 1).afirst(engine.pool)
    assert event
    numbers = TypeNumbers(log.pk)
    await numbers.load([event.type], engine.pool)
    assert "s3cret" in rows_html(log.name, [event], Glyphs(numbers))[0]
    assert "s3cret" not in rows_html(log.name, [replace(event, data="{}")], Glyphs(numbers))[0]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("after=x", "after: Enter a whole number."),
        (f"after={2**64}", f"after: Ensure this value is less than or equal to {2**63 - 1}."),
        ("q=agnet:router", "q: Column 1: there is no field 'agnet'."),
        ("q=state.a:1", "q: state is for replays and lists of states"),
        ("q=" + "é" * 10_001, "q: Column 10001"),
    ],
)
async def test_a_query_that_can_not_be_read_is_refused_with_the_reason(
    engine: Engine, log: Log, member: Member, user: User, query: str, reason: str
) -> None:
    async with socket(log.name, user, query) as watching:
        assert await watching.connect()
        closed = await watching.receive()
        assert (closed["type"], closed["code"]) == ("websocket.close", 4400)
        assert closed["reason"].startswith(reason)
        assert len(closed["reason"].encode()) <= 123


async def closed_with(watching: Socket) -> int:
    """The code with which the socket is closed; frames before it are skipped."""
    async with asyncio.timeout(PATIENCE):
        while (output := await watching.receive())["type"] != "websocket.close":
            pass
    return int(output["code"])


async def test_strangers_and_the_not_signed_in_are_told_so_and_sent_nothing(
    engine: Engine, log: Log, user: User
) -> None:
    await append(engine, log, {})
    for name, person, code in ((log.name, user, 4404), ("no-such-log", user, 4404), (log.name, None, 4401)):
        async with socket(name, person, "after=0") as watching:
            assert await watching.connect()
            assert await watching.receive() == {"type": "websocket.close", "code": code}


async def test_a_former_member_is_cut_off(
    engine: Engine, log: Log, member: Member, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "CHECK_SECONDS", 0.05)
    async with socket(log.name, user) as watching:
        assert await watching.connect()
        await database_sync_to_async(member.delete)()
        assert await closed_with(watching) == 4404


async def test_whose_session_ended_is_asked_to_sign_in_again(
    engine: Engine, log: Log, member: Member, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "CHECK_SECONDS", 0.05)
    cookies = await cookies_of(user)
    watching = Socket(log.name, cookies, "")
    assert await watching.connect()
    await SessionStore(cookies["sessionid"]).aflush()
    assert await closed_with(watching) == 4401
    await watching.close()


async def test_a_busy_log_does_not_keep_who_left_it(
    engine: Engine, log: Log, member: Member, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The access is checked by the clock, also while rows come.
    monkeypatch.setattr(watch, "CHECK_SECONDS", 0.3)
    async with socket(log.name, user, "after=0") as watching:
        assert await watching.connect()
        await append(engine, log, {})
        await frame_of(watching)
        await database_sync_to_async(member.delete)()

        async def busy() -> None:
            while True:
                await append(engine, log, {})

        appending = asyncio.create_task(busy())
        assert await closed_with(watching) == 4404
        appending.cancel()


async def test_a_viewer_that_does_not_read_is_cut_off_too(
    engine: Engine, log: Log, member: Member, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "CHECK_SECONDS", 0.05)
    send, has_begun, stuck = consumer.LiveConsumer.send, asyncio.Event(), asyncio.Event()

    async def send_nothing(self: consumer.LiveConsumer, *args: Any, **kwargs: Any) -> None:
        if "html" in kwargs.get("text_data", "") and self.scope["query_string"] == b"after=0":
            if has_begun.is_set():
                stuck.set()
                await asyncio.Event().wait()
            has_begun.set()
        await send(self, *args, **kwargs)

    monkeypatch.setattr(consumer.LiveConsumer, "send", send_nothing)
    async with socket(log.name, user, "after=0") as watching:
        assert await watching.connect()
        await append(engine, log, {})
        await asyncio.wait_for(stuck.wait(), PATIENCE)
        await database_sync_to_async(member.delete)()
        assert await closed_with(watching) == 4404


async def test_one_live_page_more_than_a_person_may_have_is_told_so(
    engine: Engine, log: Log, member: Member, user: User, settings: Settings
) -> None:
    settings.EVENTSITE = replace_limits(settings.EVENTSITE, person_max_sockets=1)
    async with socket(log.name, user) as first:
        assert await first.connect()
        await first.receive()
        async with socket(log.name, user) as second:
            assert await second.connect()
            closed = await second.receive()
            assert (closed["code"], closed["reason"]) == (4429, "You have 1 live pages open: close some.")
    async with socket(log.name, user) as third:
        assert await third.connect()
        assert "position" in json.loads((await third.receive())["text"])
