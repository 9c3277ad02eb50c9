"""Pages of events: they contain every event exactly once, and `next` always leads on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import httpx2
import pytest

from events.api import following
from events.models import Log
from tests.support.api import page, positions, write


async def test_an_empty_log_is_read_to_its_end(api: httpx2.AsyncClient) -> None:
    assert await page(api) == {"events": [], "next": 0, "head": 0, "complete": True}
    assert await page(api, direction="backward") == {"events": [], "next": None, "head": 0, "complete": True}
    assert await page(api, after=7) == {"events": [], "next": 7, "head": 0, "complete": True}
    assert await page(api, "/api/streams") == {"streams": [], "next": None, "head": 0, "behind": 0}


@pytest.mark.parametrize(
    ("query", "expected", "next_position"),
    [
        ({}, range(1, 11), 10),
        ({"limit": 4}, range(1, 5), 4),
        ({"after": 4, "limit": 4}, range(5, 9), 8),
        ({"after": 8, "limit": 4}, range(9, 11), 10),
        ({"after": 10}, [], 10),
        ({"after": 99}, [], 99),
        ({"before": 3}, [1, 2], 2),
        ({"after": 3, "before": 6}, [4, 5], 5),
        ({"after": 3, "before": 2}, [], 3),
        ({"before": 0}, [], 0),
        ({"before": 99}, range(1, 11), 10),
        ({"direction": "backward"}, range(10, 0, -1), None),
        ({"direction": "backward", "limit": 4}, range(10, 6, -1), 7),
        ({"direction": "backward", "before": 7, "limit": 4}, range(6, 2, -1), 3),
        ({"direction": "backward", "before": 3, "limit": 4}, [2, 1], None),
        ({"direction": "backward", "after": 7}, [10, 9, 8], None),
        ({"direction": "backward", "before": 1}, [], None),
        ({"direction": "backward", "before": 0}, [], None),
        ({"after": 2**63 - 1}, [], 2**63 - 1),
        ({"before": 2**63 - 1, "limit": 1000}, range(1, 11), 10),
    ],
)
async def test_a_page_is_what_lies_between(
    api: httpx2.AsyncClient, log: Log, query: dict[str, Any], expected: Iterable[int], next_position: int | None
) -> None:
    await write(log, *[{} for _ in range(10)])
    answer = await page(api, **query)
    assert positions(answer["events"]) == list(expected)
    assert (answer["next"], answer["head"]) == (next_position, 10)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("filters", [{}, {"type": "B"}], ids=["all", "filtered"])
async def test_pages_cover_everything_once_while_the_log_grows(
    api: httpx2.AsyncClient, log: Log, direction: str, filters: dict[str, str]
) -> None:
    def events(count: int) -> list[dict[str, Any]]:
        return [{"type": "AB"[n % 2]} for n in range(count)]

    await write(log, *events(100))
    stop = asyncio.Event()

    async def grow() -> None:
        while not stop.is_set():
            await write(log, *events(4))

    growing = asyncio.create_task(grow())
    events_read: list[dict[str, Any]] = []
    query: dict[str, Any] = {"direction": direction, "limit": 7, **filters}
    cursor = "after" if direction == "forward" else "before"
    while True:
        answer = await page(api, **query)
        assert all(event["position"] <= answer["head"] for event in answer["events"])
        events_read += answer["events"]
        if answer["next"] is None or (direction == "forward" and len(events_read) > 150):
            break
        assert answer["next"] != query.get(cursor) or not answer["events"]
        query[cursor] = answer["next"]
    stop.set()
    await growing
    numbers = sorted(positions(events_read))
    assert numbers == list(range(numbers[0], numbers[-1] + 1, 2 if filters else 1))
    assert numbers[0] == (2 if filters else 1)
    assert positions(events_read) == sorted(positions(events_read), reverse=direction == "backward")


async def test_a_follower_advances_past_what_does_not_match(api: httpx2.AsyncClient, log: Log) -> None:
    await write(
        log, *[{"type": "noise"} for _ in range(30)], {"type": "signal"}, *[{"type": "noise"} for _ in range(9)]
    )
    first = await page(api, type="signal", limit=5)
    assert (positions(first["events"]), first["next"], first["head"]) == ([31], 40, 40)
    assert (await page(api, type="nothing"))["next"] == 40
    assert (await page(api, type="nothing", before=20))["next"] == 19
    await write(log, {"type": "signal"})
    again = await page(api, type="signal", limit=5, after=first["next"])
    assert (positions(again["events"]), again["next"]) == ([41], 41)


NAMES = [
    "Order", "OrderPlaced", "Order%", "Order_x", "Order*x", "order", "Orders\U0010ffff", "Or", "*", "%", "\ud7ffx", "é",
]  # fmt: skip


@pytest.mark.parametrize("field", ["type", "agent"])
@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["Order"], ["Order"]),
        (["Order*"], ["Order", "OrderPlaced", "Order%", "Order_x", "Order*x", "Orders\U0010ffff"]),
        (["Order%"], ["Order%"]),
        (["Order%*"], ["Order%"]),
        (["Order_*"], ["Order_x"]),
        (["Order*x"], ["Order*x"]),
        (["Order**"], ["Order*x"]),
        (["order", "Or"], ["order", "Or"]),
        (["order", "OrderP*"], ["OrderPlaced", "order"]),
        (["*"], NAMES),
        (["%"], ["%"]),
        (["**"], ["*"]),
        (["Orders\U0010ffff*"], ["Orders\U0010ffff"]),
        (["\ud7ff*"], ["\ud7ffx"]),
        (["nothing*"], []),
    ],
)
async def test_types_and_agents_match_whole_or_by_prefix(
    api: httpx2.AsyncClient, log: Log, field: str, patterns: list[str], names: list[str]
) -> None:
    await write(
        log, *[{field: name} for name in NAMES], {"type": "A", "agent": None} if field == "agent" else {"type": "A"}
    )
    expected = [*names, "A"] if (field, patterns) == ("type", ["*"]) else names
    query: dict[str, Any] = {field: patterns}
    answer = await page(api, **query)
    assert [event[field] for event in answer["events"]] == expected
    answer_to_poll = await page(api, **query, after=0, wait=0.01)
    assert answer_to_poll["events"] == answer["events"]


async def test_filters_are_combined(api: httpx2.AsyncClient, log: Log) -> None:
    await write(
        log,
        {"type": "A", "agent": "x", "correlation_id": "w"},
        {"type": "A", "agent": "y", "correlation_id": "w"},
        {"type": "B", "agent": "x", "correlation_id": "w"},
        {"type": "A", "agent": "x", "correlation_id": "v"},
        {"type": "A", "agent": "x", "correlation_id": "w", "stream": "other"},
    )
    assert positions((await page(api, type="A", agent="x"))["events"]) == [1, 4, 5]
    assert positions((await page(api, correlation_id="w"))["events"]) == [1, 2, 3, 5]
    assert positions((await page(api, stream="other"))["events"]) == [5]
    assert positions((await page(api, type="A", agent="x", correlation_id="w", stream="order-1"))["events"]) == [1]


async def test_events_are_read_by_one_of_several_tags(api: httpx2.AsyncClient, log: Log) -> None:
    await write(log, *({"tags": tags} for tags in (["vip"], ["eu", "vip"], [], ["eu"], ["eu-west"])))
    for tag, expected in (("vip", [1, 2]), (["vip", "eu-west"], [1, 2, 5]), ("eu*", [2, 4, 5]), ("nothing", [])):
        assert positions((await page(api, tag=tag))["events"]) == expected
        assert positions((await page(api, tag=tag, direction="backward"))["events"]) == expected[::-1]
    assert positions((await page(api, tag="vip", q="tag:eu"))["events"]) == [2]


@pytest.mark.parametrize(
    ("query", "expected", "next_version"),
    [
        ({}, [1, 2, 3, 4, 5], 6),
        ({"limit": 2}, [1, 2], 3),
        ({"from_version": 3}, [3, 4, 5], 6),
        ({"from_version": 0}, [1, 2, 3, 4, 5], 6),
        ({"from_version": 6}, [], 6),
        ({"from_version": 99}, [], 99),
        ({"direction": "backward"}, [5, 4, 3, 2, 1], None),
        ({"direction": "backward", "limit": 2}, [5, 4], 3),
        ({"direction": "backward", "from_version": 3}, [3, 2, 1], None),
        ({"direction": "backward", "from_version": 2, "limit": 2}, [2, 1], None),
        ({"direction": "backward", "from_version": 0}, [], None),
        ({"direction": "backward", "from_version": 99, "limit": 1}, [5], 4),
    ],
)
async def test_a_stream_is_read_from_a_version_on(
    api: httpx2.AsyncClient, log: Log, query: dict[str, Any], expected: list[int], next_version: int | None
) -> None:
    for _ in range(5):
        await write(log, {}, {"stream": "other"})
    answer = await page(api, "/api/streams/order-1/events", **query)
    assert [event["version"] for event in answer["events"]] == expected
    assert {event["stream"] for event in answer["events"]} <= {"order-1"}
    assert (answer["next"], answer["head"]) == (next_version, 10)


async def test_a_stream_that_is_not_there_is_empty_to_read_and_404_to_look_up(api: httpx2.AsyncClient) -> None:
    nothing = {"events": [], "next": 1, "head": 0, "complete": True, "version": 0}
    assert await page(api, "/api/streams/nothing/events") == nothing
    answer = await api.get("/api/streams/nothing")
    assert (answer.status_code, answer.json()["code"], answer.json()["stream"]) == (404, "no-such-stream", "nothing")
    answer = await api.get("/api/events/1")
    assert (answer.status_code, answer.json()["code"], answer.json()["position"]) == (404, "no-such-event", 1)
    assert (await api.get("/api/events/0")).json()["code"] == "no-such-event"


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"limit": 3},
        {"direction": "backward", "limit": 3},
        {"q": "type:Nothing"},
        {"from_version": 5},
        {"from_version": 99},
    ],
)
async def test_a_page_of_a_stream_says_at_which_version_the_stream_is(
    api: httpx2.AsyncClient, log: Log, query: dict[str, Any]
) -> None:
    await write(log, {"stream": "other-1"}, *[{} for _ in range(7)], {"stream": "other-1"})
    answer = await page(api, "/api/streams/order-1/events", **query)
    assert (answer["version"], answer["head"]) == (7, 9)


async def test_a_stream_is_looked_up(api: httpx2.AsyncClient, log: Log) -> None:
    await write(log, {}, {})
    assert await page(api, "/api/streams/order-1") == {"stream": "order-1", "category": "order", "version": 2}


async def test_streams_are_listed_by_name(api: httpx2.AsyncClient, log: Log) -> None:
    names = ["a-1", "a-2", "a_3", "b", "é-1"]
    await write(log, *[{"stream": name} for name in reversed(names)])

    async def stream_names(**query: Any) -> list[str]:
        return [stream["stream"] for stream in (await page(api, "/api/streams", **query))["streams"]]

    assert await stream_names() == names
    assert await stream_names(prefix="a") == ["a-1", "a-2", "a_3"]
    assert await stream_names(prefix="a_") == ["a_3"]
    assert await stream_names(category="a") == ["a-1", "a-2"]
    assert await stream_names(after="a_3") == ["b", "é-1"]
    assert await stream_names(prefix="a", after="a-1", limit=1) == ["a-2"]
    first = await page(api, "/api/streams", limit=3)
    assert (first["next"], first["head"]) == ("a_3", 5)
    assert (await page(api, "/api/streams", limit=3, after=first["next"]))["next"] is None


async def test_an_event_is_the_same_wherever_it_is_read(api: httpx2.AsyncClient, log: Log) -> None:
    await write(log, {"data": b'{"b": 1.50, "a": "\\u00e9"}'})
    one = await page(api, "/api/events/1")
    assert list(one) == [
        "position", "stream", "version", "id", "type", "data", "metadata", "agent", "schema_version",
        "correlation_id", "causation_id", "occurred_at", "recorded_at", "tags",
    ]  # fmt: skip
    assert (await page(api))["events"] == (await page(api, "/api/streams/order-1/events"))["events"] == [one]


@pytest.mark.parametrize("path", ["/api/events", "/api/streams/order-1/events"])
@pytest.mark.parametrize("direction", ["forward", "backward"])
async def test_a_page_ends_with_the_event_that_passes_its_bytes_and_next_leads_on(
    api: httpx2.AsyncClient, log: Log, monkeypatch: pytest.MonkeyPatch, path: str, direction: str
) -> None:
    monkeypatch.setattr(following, "_PAGE_BYTES", 1_000)
    await write(log, *[{"data": '"{}"'.format("é" * 200).encode()} for _ in range(7)])
    forward = direction == "forward"
    pages: list[list[int]] = []
    query: dict[str, Any] = {"direction": direction}
    while True:
        answer = await page(api, path, **query)
        pages.append(positions(answer["events"]))
        if answer["complete"]:
            break
        going_on = "from_version" if "streams" in path else "after" if forward else "before"
        query[going_on] = answer["next"]
    expected_pages = [[1, 2, 3], [4, 5, 6], [7]]
    assert pages == (expected_pages if forward else [[7, 6, 5], [4, 3, 2], [1]])
