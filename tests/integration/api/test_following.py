"""Long polls and server-sent events: no event is lost or comes twice, and no client waits for another."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from types import SimpleNamespace

import httpx2
import pytest
from asgiref.sync import sync_to_async

from events import redaction
from events.api import event_stream, responses
from events.api.query_schemas import ReadAs
from events.engine import Engine
from events.models import Log
from events.types import Event
from eventsite.http_protocol import FLOW
from tests.support.api import SSE, follow, page, positions, tails, until_followed, write
from tests.support.patience import PATIENCE, until
from tests.support.server import Server
from tests.support.streaming import Exchange

# Long polls


async def test_a_long_poll_answers_at_once_what_is_there(api: httpx2.AsyncClient, log: Log) -> None:
    await write(log, {}, {})
    answer = await page(api, after=1, wait=60)
    assert (positions(answer["events"]), answer["next"]) == ([2], 2)


async def test_a_long_poll_waits_for_the_first_match(api: httpx2.AsyncClient, log: Log) -> None:
    await write(log, {"type": "noise"})
    waiting = asyncio.create_task(page(api, type="signal", wait=60))
    await until_followed()
    await write(log, {"type": "noise"})
    await write(log, {"type": "signal"})
    answer = await waiting
    assert positions(answer["events"]) == [3]
    assert answer["next"] == answer["head"] == 3
    assert tails() == 0


async def test_a_long_poll_ends_empty_and_further_on(api: httpx2.AsyncClient, log: Log) -> None:
    waiting = asyncio.create_task(page(api, type="signal", wait=0.2))
    await until_followed()
    await write(log, {"type": "noise"}, {"type": "noise"})
    answer = await waiting
    assert answer == {"events": [], "next": 2, "head": 2, "complete": True}


async def test_a_long_poll_keeps_to_its_limit(api: httpx2.AsyncClient, log: Log) -> None:
    waiting = asyncio.create_task(page(api, wait=60, limit=2))
    await until_followed()
    await write(log, *[{} for _ in range(5)])
    first = await waiting
    assert first["next"] == first["events"][-1]["position"]
    assert len(first["events"]) <= 2
    rest = await page(api, after=first["next"])
    assert positions(first["events"] + rest["events"]) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("query", ["direction=backward&wait=60", "before=5&wait=60"])
async def test_only_reading_on_waits(api: httpx2.AsyncClient, query: str) -> None:
    answer = await asyncio.wait_for(api.get(f"/api/events?{query}"), PATIENCE)
    assert answer.json()["events"] == []


async def test_a_long_poll_ends_when_the_client_goes(engine: Engine, token: str) -> None:
    async with Exchange("GET", "/api/events", token=token, query="wait=60"):
        await until_followed()
    assert tails() == 0


# Server-sent events


async def test_an_event_stream_goes_on_from_where_it_was_asked_to(
    api: httpx2.AsyncClient, log: Log, token: str
) -> None:
    await write(log, {}, {}, {})
    async with follow(token, "after=1") as exchange:
        frames = await exchange.events(2)
        await write(log, {})
        frames += await exchange.events(1)
        assert exchange.status == 200
        assert exchange.headers["content-type"] == "text/event-stream"
        assert exchange.headers["cache-control"] == "private, no-store"
        assert exchange.headers["x-accel-buffering"] == "no"
    assert [frame["id"] for frame in frames] == ["2", "3", "4"]
    assert [frame["data"] for frame in frames] == (await page(api, after=1))["events"]


async def test_the_last_event_id_resumes_without_loss_or_repeats(engine: Engine, log: Log, token: str) -> None:
    await write(log, *[{} for _ in range(5)])
    received: list[int] = []
    for _ in range(5):
        last = {"Last-Event-ID": str(received[-1])} if received else {}
        async with follow(token, "after=0", headers=last) as exchange:
            received += [frame["data"]["position"] for frame in await exchange.events(2)]
        await write(log, {}, {})
    assert received == list(range(1, 11))


async def test_a_heartbeat_carries_the_position_scanned_to(
    engine: Engine, log: Log, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "_HEARTBEAT_SECONDS", 0.05)
    await write(log, *[{"type": "noise"} for _ in range(3)])
    async with follow(token, "type=signal") as exchange:
        async for frame in exchange.frames():
            if frame.get("event") == "heartbeat" and frame["id"] == "3":
                break
            assert "data" not in frame or frame["event"] == "heartbeat"
        assert frame["data"] == {"position": 3}
        await write(log, {"type": "signal"})
        assert [heartbeat["id"] for heartbeat in await exchange.events(1)] == ["4"]


async def test_a_busy_log_that_does_not_match_still_gives_heartbeats(
    engine: Engine, log: Log, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "_HEARTBEAT_SECONDS", 0.2)
    async with follow(token, "type=signal") as exchange:
        await exchange.start()
        stop = asyncio.Event()

        async def noise() -> None:
            while not stop.is_set():
                await write(log, {"type": "noise"})

        making = asyncio.create_task(noise())
        beats: list[int] = []
        async for frame in exchange.frames():
            if frame.get("event") == "heartbeat":
                beats.append(int(frame["id"]))
            if len(beats) == 3:
                break
        stop.set()
        await making
    assert beats == sorted(beats)
    assert beats[-1] > 0


async def test_filters_hold_for_event_streams(engine: Engine, log: Log, token: str) -> None:
    await write(log, {"type": "A1"}, {"type": "B"}, {"type": "A2", "stream": "other"}, {"type": "A3", "agent": "x"})
    async with follow(token, "type=A*&stream=order-1") as exchange:
        assert [frame["id"] for frame in await exchange.events(2)] == ["1", "4"]


async def test_line_breaks_in_a_payload_stay_in_their_frame(api: httpx2.AsyncClient, log: Log, token: str) -> None:
    payloads = ['{\n "a":\r\n 1,\r "b": [\n\n]}', '"\\n\\ndata: x\\n\\n"', '"\u2028\u0085"']
    await write(log, *[{"data": text.encode()} for text in payloads])
    async with follow(token) as exchange:
        frames = await exchange.events(3)
    assert [frame["data"]["data"] for frame in frames] == [{"a": 1, "b": []}, "\n\ndata: x\n\n", "\u2028\u0085"]
    assert [frame["data"] for frame in frames] == (await page(api))["events"]


@pytest.mark.parametrize("query", ["before=5", "direction=backward"])
async def test_an_event_stream_only_goes_forward(api: httpx2.AsyncClient, query: str) -> None:
    answer = await api.get(f"/api/events?{query}", headers=SSE)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_a_client_that_goes_away_frees_its_follower(engine: Engine, log: Log, token: str) -> None:
    async with follow(token) as first, follow(token) as second:
        await first.start()
        await second.start()
        await write(log, {})
        await first.events(1)
        await second.events(1)
        [tail] = engine.tails._tails.values()
        assert len(tail.followers) == 2
    assert tails() == 0


async def test_a_slow_reader_is_waited_for_by_nobody_and_holds_one_batch(engine: Engine, log: Log, token: str) -> None:
    async with follow(token, window=1) as slow, follow(token) as quick:
        await slow.start()
        for _ in range(20):
            await write(log, *[{} for _ in range(50)])
        frames = await quick.events(1000)
        assert [int(frame["id"]) for frame in frames] == list(range(1, 1001))
        assert slow.waiting == 1, "the server stops writing while the client does not read"
        assert [int(frame["id"]) for frame in await slow.events(1000)] == list(range(1, 1001))
    assert tails() == 0


async def test_an_event_is_encoded_once_for_all_who_follow(
    engine: Engine, log: Log, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    event_json = responses.event_json

    def counted(event: Event, read_as: ReadAs) -> bytes:
        encoded.append(event.position)
        return event_json(event, read_as)

    monkeypatch.setattr(event_stream, "event_json", counted)
    queries = ["", "", "", "type=A*", "type=A*", "stream=order-1"]
    async with AsyncExitStack() as stack:
        exchanges = [await stack.enter_async_context(follow(token, query)) for query in queries]
        for exchange in exchanges:
            await exchange.start()
        await until(lambda: [1 for tail in engine.tails._tails.values() if len(tail.followers) == len(queries)])
        await until(
            lambda: all(follower._waiting for tail in engine.tails._tails.values() for follower in tail.followers)
        )
        await write(log, {"type": "A"}, {"type": "A"})
        for exchange in exchanges:
            assert [frame["id"] for frame in await exchange.events(2)] == ["1", "2"]
    assert encoded == [1, 2]


async def test_events_that_wait_for_a_slow_reader_are_read_again_after_a_redaction(
    engine: Engine, log: Log, token: str
) -> None:
    async with follow(token, window=1) as slow:
        await slow.start()
        await until(lambda: slow.waiting)  # the next batch waits for room
        await write(log, {"data": b'"s3cret"'}, {})
        [tail] = engine.tails._tails.values()
        await until(lambda: tail.head == 2)
        marker = (await sync_to_async(redaction.redact)(log.pk, 1, reason="a secret", by="ada")).marker_position
        await until(lambda: tail.redacted_at == marker)
        frames = await slow.events(3)
    assert [frame["id"] for frame in frames] == ["1", "2", "3"]
    assert [frame["data"]["data"] for frame in frames[:2]] == [None, {}]


async def test_matches_that_wait_for_a_slow_reader_are_read_again_after_a_redaction(
    engine: Engine, log: Log, token: str
) -> None:
    await write(log, {"data": b'"s3cret"', "type": "A"}, {"type": "B"})
    async with follow(token, "type=A", window=1) as slow:
        await slow.start()
        await until(lambda: slow.waiting)
        [tail] = engine.tails._tails.values()
        await until(lambda: tail.head == 2)
        marker = (await sync_to_async(redaction.redact)(log.pk, 1, reason="a secret", by="ada")).marker_position
        await until(lambda: tail.redacted_at == marker)
        [frame] = await slow.events(1)
    assert (frame["id"], frame["data"]["data"]) == ("1", None)


async def test_a_client_with_room_is_sent_events_and_nothing_else(engine: Engine, log: Log, token: str) -> None:
    exchange = follow(token)
    exchange._scope["extensions"] = {FLOW: SimpleNamespace(write_paused=False)}
    async with exchange:
        await exchange.start()
        await write(log, {}, {})
        await exchange.events(2)
        assert not exchange.waiting
        bodies = exchange.bodies
    assert bodies[0] == b"retry: 1000\n\n"
    assert b"" not in bodies


async def test_a_client_whose_buffer_is_full_is_waited_for_first(engine: Engine, log: Log, token: str) -> None:
    exchange = follow(token)
    exchange._scope["extensions"] = {FLOW: SimpleNamespace(write_paused=True)}
    async with exchange:
        await exchange.start()
        await write(log, {}, {})
        await exchange.events(2)
        assert exchange.bodies[1] == b""


async def test_twenty_followers_see_the_same(engine: Engine, log: Log, token: str) -> None:
    exchanges = [follow(token, f"after={n}") for n in range(20)]
    async with asyncio.TaskGroup() as group:

        async def see(exchange: Exchange, after: int) -> None:
            async with exchange:
                ids = [int(frame["id"]) for frame in await exchange.events(200 - after)]
                assert ids == list(range(after + 1, 201))

        for after, exchange in enumerate(exchanges):
            group.create_task(see(exchange, after))
        for _ in range(20):
            await write(log, *[{} for _ in range(10)])
    assert tails() == 0


async def test_a_follower_resumes_across_a_server_restart(server: Server, log: Log, token: str) -> None:
    headers = {**SSE, "Authorization": f"Bearer {token}"}

    async def read(client: httpx2.AsyncClient, count: int, last: int) -> list[int]:
        ids: list[int] = []
        async with client.stream(
            "GET", "/api/events", headers={**headers, "Last-Event-ID": str(last)} if last else headers
        ) as answer:
            async for text in answer.aiter_lines():
                if text.startswith("id: "):
                    ids.append(int(text[4:]))
                if len(ids) == count:
                    break
        return ids

    async with Engine(), httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE) as client:
        await write(log, *[{} for _ in range(5)])
        received = await read(client, 3, 0)
        await asyncio.to_thread(server.kill)
        await write(log, *[{} for _ in range(2)])
        server.start()  # in this thread: the server would end with another one
        received += await read(client, 4, received[-1])
    assert received == list(range(1, 8))
