"""`application/x-ndjson`: any number of lines, each an append of its own, in order, with bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from pytest_django import Settings

from events import engine
from events.api import ndjson
from events.errors import OutcomeUnknown, QueueFull, Unavailable
from events.models import Log, Scope
from events.reading import store
from events.types import Append
from tests.support.api import NDJSON, head, line
from tests.support.patience import PATIENCE
from tests.support.streaming import Exchange


async def send(api: httpx2.AsyncClient, body: bytes | AsyncIterator[bytes]) -> httpx2.Response:
    return await api.post("/api/events", content=body, headers=NDJSON)


async def everything(api: httpx2.AsyncClient) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    after = 0
    while True:
        page = (await api.get("/api/events", params={"after": after, "limit": 1000})).json()
        events += page["events"]
        after = page["next"]
        if after == page["head"]:
            return events


@pytest.mark.parametrize(
    "body",
    [
        line(1) + b"\n" + line(2) + b"\n",
        line(1) + b"\n" + line(2),
        line(1) + b"\r\n" + line(2) + b"\r\n",
        b"\n\n" + line(1) + b"\n  \n\r\n" + line(2) + b"\n\n",
    ],
    ids=["plain", "no final newline", "CRLF", "blank lines"],
)
async def test_each_line_is_an_event(api: httpx2.AsyncClient, body: bytes) -> None:
    answer = await send(api, body)
    assert answer.status_code == 200
    assert answer.json() == {"appended": 2, "replayed": 0, "failed": 0, "last_position": 2, "errors": []}
    assert [event["data"] for event in await everything(api)] == [{"n": 1}, {"n": 2}]


async def test_a_line_has_tags(api: httpx2.AsyncClient) -> None:
    tags: list[Any] = [["vip", "a b,c"], [], [f"t{n}" for n in range(17)], ["a", "a"], [""], "vip", None]
    answer = await send(api, b"\n".join(line(n, tags=each) for n, each in enumerate(tags)))
    assert answer.json()["appended"] == 2
    refused = [(error["line"], error["code"]) for error in answer.json()["errors"]]
    assert refused == [(number, "invalid") for number in range(3, 8)]
    assert [event["tags"] for event in await everything(api)] == [["vip", "a b,c"], []]


async def test_a_byte_order_mark_before_a_line_is_skipped(api: httpx2.AsyncClient) -> None:
    mark = b"\xef\xbb\xbf"
    answer = await send(api, mark + line(1) + b"\r\n" + mark + line(2) + b"\r\n")
    assert answer.json() == {"appended": 2, "replayed": 0, "failed": 0, "last_position": 2, "errors": []}


async def test_lines_in_another_encoding_are_told_which(api: httpx2.AsyncClient) -> None:
    answer = (await send(api, line(1).decode().encode("utf-16"))).json()
    assert [(error["code"], "UTF-16" in error["detail"]) for error in answer["errors"]] == [("invalid", True)]


async def test_a_line_says_what_its_append_asks_of_the_log(api: httpx2.AsyncClient, log: Log) -> None:
    demands = {"expected_version": "no_stream", "read_position": 7, "idempotency_key": "k-1"}
    lines = [
        line(1, **demands),
        line(2, expected_version=0),
        line(1, expected_version=1, read_position=8),
        line(1, **demands),
        line(1, expected_version=1),
        line(1, data=0, idempotency_key="k-1"),
        line(1, expected_version="stream_exists"),
    ]
    answer = (await send(api, b"\n".join(lines))).json()
    assert (answer["appended"], answer["replayed"]) == (4, 1)
    assert [(error["line"], error["code"]) for error in answer["errors"]] == [
        (5, "wrong-expected-version"),
        (6, "key-reused"),
    ]
    events = await store.events(log.pk, limit=9).afetch(engine.current().pool)
    assert [(event.expected_version, event.read_position) for event in events] == [
        (0, 7), (0, None), (1, 8), (-1, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "demand",
    [
        {"expected_version": -1},
        {"expected_version": "sometimes"},
        {"read_position": -1},
        {"read_position": 2**63},
        {"idempotency_key": ""},
        {"idempotency_key": "a\x07"},
    ],
)
async def test_a_line_that_asks_for_what_there_is_not_is_refused_and_named(
    api: httpx2.AsyncClient, demand: dict[str, Any]
) -> None:
    (error,) = (await send(api, line(1, **demand))).json()["errors"]
    assert (error["line"], error["code"]) == (1, "invalid")
    assert next(iter(demand)) in error["detail"]


async def test_no_lines_are_no_error(api: httpx2.AsyncClient) -> None:
    for body in (b"", b"\n"):
        answer = await send(api, body)
        assert answer.json() == {"appended": 0, "replayed": 0, "failed": 0, "last_position": None, "errors": []}


async def test_a_bad_line_is_reported_and_the_rest_goes_on(api: httpx2.AsyncClient) -> None:
    bad = [
        (b"nonsense", "invalid"),
        (b'{"type": "A", "data": 1}', "invalid"),
        (line(stream=".."), "invalid"),
        (line(unknown=1), "invalid"),
        (line(data="x" * (1024 * 1024)), "too-large"),
        (b"x" * (3 * 1024 * 1024), "too-large"),
        (b'{"stream": "a", "type": "A", "data": 1e9999}', "number-too-large"),
        (b'{"stream": "a", "stream": "a", "type": "A", "data": 1}', "invalid"),
        (b'{"stream": "a", "type": "A", "data": "\xff"}', "invalid"),
        (line(id="known", type="B"), "id-conflict"),
    ]
    answer = (await send(api, b"\n".join([line(id="known"), b"", *(text for text, _ in bad), line(5)]))).json()
    assert (answer["appended"], answer["failed"], answer["last_position"]) == (2, len(bad), 2)
    assert [(error["line"], error["code"]) for error in answer["errors"]] == [
        (number, code) for number, (_, code) in enumerate(bad, 3)
    ]
    assert "stream" in answer["errors"][1]["detail"]


async def test_the_first_hundred_errors_are_those_of_the_first_lines(api: httpx2.AsyncClient) -> None:
    await send(api, line(id="known"))
    conflicts = [line(id="known", type="B")] * 60
    sound = [line(n) for n in range(1000)]
    answer = (await send(api, b"\n".join([*conflicts, *sound, *[b"nonsense"] * 200]))).json()
    assert (answer["appended"], answer["failed"]) == (1000, 260)
    assert [error["line"] for error in answer["errors"]] == [*range(1, 61), *range(1061, 1101)]


async def test_a_body_without_end_is_read_only_as_fast_as_it_is_written(api: httpx2.AsyncClient) -> None:
    count, piece = 30_000, 500
    ahead: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, count, piece):
            ahead.append(start - writer.settled)
            yield b"\n".join(line(n, id=str(n)) for n in range(start, start + piece)) + b"\n"

    writer = Settling()
    first = (await send(api, body())).json()
    assert first == {"appended": count, "replayed": 0, "failed": 0, "last_position": count, "errors": []}
    assert max(ahead) <= 2 * ndjson._CHUNK_LINES + piece


class Settling:
    """The number of events that the engine's writer has written."""

    def __init__(self) -> None:
        self.settled = 0
        writer = engine.current().writer
        self._append, writer.append = writer.append, self.append  # type: ignore[method-assign, assignment]

    async def append(self, log_id: int, appends: list[Append], **kwargs: Any) -> Any:
        outcomes = await self._append(log_id, appends, **kwargs)
        self.settled += len(outcomes)
        return outcomes


async def test_lines_keep_their_order_and_sending_all_again_is_replayed(api: httpx2.AsyncClient) -> None:
    lines = [line(n, id=str(n)) for n in range(3_000)]
    first = (await send(api, b"\n".join(lines))).json()
    again = (await send(api, b"\n".join(lines))).json()
    assert first["appended"] == again["replayed"] == first["last_position"] == again["last_position"] == 3_000
    assert [event["data"]["n"] for event in await everything(api)] == list(range(3_000))


async def test_one_id_twice_among_the_lines_is_written_once(api: httpx2.AsyncClient) -> None:
    answer = (await send(api, b"\n".join([line(1, id="a"), line(1, id="a"), line(2, id="a")]))).json()
    assert (answer["appended"], answer["replayed"], answer["failed"]) == (1, 1, 1)
    assert answer["errors"][0]["line"] == 3


async def test_a_line_may_arrive_in_any_pieces(api: httpx2.AsyncClient) -> None:
    whole = b"\n".join(line(n, data="é😀" * 50) for n in range(20))

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(whole), 7):
            yield whole[start : start + 7]

    assert (await send(api, body())).json()["appended"] == 20
    assert {event["data"] for event in await everything(api)} == {"é😀" * 50}


async def test_a_request_may_be_longer_than_other_requests(api: httpx2.AsyncClient, settings: Settings) -> None:
    settings.EVENTSITE = replace(settings.EVENTSITE, request_max_bytes=1000, request_max_events=10)
    answer = await send(api, b"\n".join(line(n) for n in range(100)))
    assert (answer.status_code, answer.json()["appended"]) == (200, 100)


async def test_a_client_that_goes_away_leaves_whole_lines_only(
    api: httpx2.AsyncClient, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndjson, "_CHUNK_LINES", 10)
    body = b"\n".join(line(n, id=str(n)) for n in range(100))
    cut = body[: len(body) // 2]
    async with Exchange("POST", "/api/events", token=token, headers=NDJSON, body=[cut], abandoned=True) as exchange:
        await asyncio.wait_for(exchange.task, PATIENCE)
    whole = cut.count(b"\n")
    numbers = [event["data"]["n"] for event in await everything(api)]
    assert numbers == list(range(len(numbers)))
    assert whole - 10 < len(numbers) <= whole
    again = (await send(api, body)).json()
    assert (again["replayed"], again["appended"]) == (len(numbers), 100 - len(numbers))


@pytest.fixture
def narrow_token(make_token: Callable[..., str]) -> str:
    return make_token(Scope.APPEND, stream_prefix="s-1", agent="router")


async def test_a_token_reaches_the_lines_of_its_prefix_only(anyone: httpx2.AsyncClient, narrow_token: str) -> None:
    anyone.headers["Authorization"] = f"Bearer {narrow_token}"
    answer = (await send(anyone, b"\n".join([line(1), line(2), line(1, agent="other"), line(8)]))).json()
    assert (answer["appended"], answer["failed"]) == (2, 2)
    assert [(error["line"], error["code"]) for error in answer["errors"]] == [(2, "forbidden"), (3, "forbidden")]


@pytest.mark.parametrize("error", [Unavailable, OutcomeUnknown])
async def test_a_database_that_is_away_ends_it_with_the_counts_so_far(
    api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, error: type[Unavailable | OutcomeUnknown]
) -> None:
    monkeypatch.setattr(ndjson, "_CHUNK_LINES", 10)
    writer = engine.current().writer
    append = writer.append
    calls: list[int] = []

    async def fail_later(log_id: int, appends: list[Append], **kwargs: Any) -> Any:
        calls.append(len(appends))
        return await append(log_id, appends, **kwargs) if len(calls) < 3 else [error()] * len(appends)

    monkeypatch.setattr(writer, "append", fail_later)
    answer = await send(api, b"\n".join([b"bad", *(line(n) for n in range(99))]))
    assert (answer.status_code, answer.json()["code"]) == (503, error.code)
    assert answer.headers["retry-after"] == "2"
    assert (answer.json()["appended"], answer.json()["failed"], answer.json()["last_position"]) == (19, 1, 19)
    assert "All lines up to line 20 are done" in answer.json()["detail"]
    assert calls[3:] == [], "nothing more is written after the failure"


async def test_a_full_queue_is_waited_for_and_then_refused_with_the_counts(
    api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndjson, "_CHUNK_LINES", 10)
    monkeypatch.setattr(ndjson, "_PATIENCE_SECONDS", 0.2)
    writer = engine.current().writer
    append = writer.append
    full = iter([True, False])

    async def full_for_a_moment(log_id: int, appends: list[Append], **kwargs: Any) -> Any:
        if next(full, True):
            raise QueueFull
        return await append(log_id, appends, **kwargs)

    monkeypatch.setattr(writer, "append", full_for_a_moment)
    answer = await send(api, b"\n".join(line(n) for n in range(30)))
    assert (answer.status_code, answer.json()["code"], answer.json()["appended"]) == (503, "queue-full", 10)
    monkeypatch.undo()
    assert await head(api) == 10
