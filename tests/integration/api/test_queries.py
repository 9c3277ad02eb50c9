"""`q`: a query has one answer on all ways of asking, and no text in it does anything but select events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode

import httpx2
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from events import engine
from events.models import Log
from events.query.errors import InvalidQuery, NotForEvents
from events.query.match import event_matcher
from events.query.parse import MAX_CHARACTERS, MAX_DEPTH, MAX_SCANS, MAX_TERMS, parse
from events.query.printing import to_text
from events.query.tree import Name, Named, Pattern, Query, any_of
from events.reading import scan, store
from events.types import Append, Event
from tests.support.agreement import APPENDS
from tests.support.api import page, positions, write
from tests.support.factories import make_append
from tests.support.patience import PATIENCE
from tests.support.query_strategies import EVENT_QUERIES, parsed
from tests.support.streaming import Exchange

EXAMPLES = 40
LAST = Named(Name.TYPE, Pattern(("the last",)))
SSE = {"Accept": "text/event-stream"}


async def everything(log: Log) -> list[Event]:
    return await store.events(log.pk, limit=10_000).afetch(engine.current().pool)


def follow(token: str, **query: Any) -> Exchange:
    return Exchange("GET", "/api/events", token=token, query=urlencode(query), headers=SSE)


async def pages(api: httpx2.AsyncClient, cursor: str, path: str = "/api/events", **query: Any) -> list[dict[str, Any]]:
    """All events of a list, two a page."""
    events: list[dict[str, Any]] = []
    while True:
        answer = await page(api, path, limit=2, **query)
        assert answer["complete"]
        events += answer["events"]
        if answer["next"] is None or len(answer["events"]) < 2:
            return events
        query[cursor] = answer["next"]


async def polled(api: httpx2.AsyncClient, q: str) -> list[dict[str, Any]]:
    """The events of long polls, up to the last event."""
    events: list[dict[str, Any]] = []
    after = 0
    while not events or events[-1]["type"] != "the last":
        answer = await page(api, q=q, after=after, wait=30, limit=2)
        events += answer["events"]
        after = answer["next"]
    return events


async def streamed(exchange: Exchange) -> AsyncIterator[dict[str, Any]]:
    """The events of an event stream, up to the last event."""
    async for frame in exchange.frames():
        if "data" in frame and "event" not in frame:
            yield frame["data"]
            if frame["data"]["type"] == "the last":
                return


@pytest.fixture
def fresh(make_log: Callable[[], Log], make_token: Callable[..., str]) -> Iterator[tuple[Log, str]]:
    """A log and its token for each example."""
    logs = [make_log() for _ in range(EXAMPLES)]
    return iter([(log, make_token(log=log)) for log in logs])


@given(st.lists(APPENDS, min_size=2, max_size=6), st.lists(APPENDS, min_size=2, max_size=6), EVENT_QUERIES)
@settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
async def test_lists_long_polls_and_event_streams_give_what_fits(
    anyone: httpx2.AsyncClient,
    fresh: Iterator[tuple[Log, str]],
    before: list[Append],
    meanwhile: list[Append],
    query: Query,
) -> None:
    log, token = next(fresh)
    anyone.headers["Authorization"] = f"Bearer {token}"
    tree = any_of([query, LAST])
    q = to_text(tree)

    await engine.current().writer.append(log.pk, before)
    async with follow(token, q=q) as exchange:
        await exchange.start()
        polling = asyncio.create_task(polled(anyone, q))
        await engine.current().writer.append(log.pk, [*meanwhile, make_append("a", {"type": "the last"})])
        streamed_events = [event async for event in streamed(exchange)]

    events = await everything(log)
    fits = [event.position for event in filter(event_matcher(tree), events)]
    assert positions(streamed_events) == fits
    assert positions(await polling) == fits
    assert positions(await pages(anyone, "after", q=q)) == fits
    assert positions(await pages(anyone, "before", q=q, direction="backward")) == fits[::-1]
    of_a = [event.position for event in filter(event_matcher(tree), events) if event.stream == "a"]
    assert positions(await pages(anyone, "from_version", "/api/streams/a/events", q=q)) == of_a
    backward = await pages(anyone, "from_version", "/api/streams/a/events", q=q, direction="backward")
    assert positions(backward) == of_a[::-1]


@pytest.mark.parametrize(
    ("shorthand", "q"),
    [
        ({"type": ["A*", "B"]}, "type:A* OR type:B"),
        ({"type": ["*A"]}, 'type:"*A"'),
        ({"agent": ["x"], "stream": "s-1"}, "agent:x stream:s-1"),
        ({"correlation_id": "w*"}, 'correlation:"w*"'),
        ({"type": ["A1"], "q": "agent:x OR agent:y"}, "type:A1 (agent:x OR agent:y)"),
    ],
)
async def test_the_other_parameters_are_terms_beside_the_query(
    api: httpx2.AsyncClient, log: Log, shorthand: dict[str, Any], q: str
) -> None:
    names = [
        ("A1", "x", "w"),
        ("A2", "y", "w*"),
        ("B", None, "w*"),
        ("*A", "x", None),
        ("A1", "y", None),
        ("C", "x", "w"),
    ]
    await write(log, *[{"type": t, "agent": a, "correlation_id": c, "stream": f"s-{len(t)}"} for t, a, c in names])
    answer_to_shorthand = await page(api, **shorthand)
    assert answer_to_shorthand == await page(api, q=q)
    assert answer_to_shorthand["events"]


async def test_how_long_ago_counts_from_the_request(api: httpx2.AsyncClient, log: Log, token: str) -> None:
    now = datetime.now(UTC)
    await write(log, *[{"occurred_at": (now - timedelta(hours=hours)).isoformat()} for hours in (5, 3, 1)])
    assert positions((await page(api, q="since:4h"))["events"]) == [2, 3]
    assert positions((await page(api, q="until:2h"))["events"]) == [1, 2]
    async with follow(token, q="since:4h until:2h OR position:3") as exchange:
        assert [frame["id"] for frame in await exchange.events(2)] == ["2", "3"]


# A search that must stop early


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a search is over after its first slice of 2,000 positions."""
    monkeypatch.setattr(scan._Progress, "spent", 1e9)


async def fill(log: Log) -> None:
    """Write 5,000 events; the 7th and the 4,990th are rare."""
    await write(log, *[{"type": "Rare" if n in (7, 4_990) else "Common"} for n in range(1, 5_001)])


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("direction", "cursor", "steps"),
    [
        ("forward", "after", [([7], 2_000, False), ([], 4_000, False), ([4_990], 5_000, True)]),
        ("backward", "before", [([4_990], 3_001, False), ([], 1_001, False), ([7], None, True)]),
    ],
)
async def test_a_search_that_stops_says_so_and_going_on_misses_nothing(
    api: httpx2.AsyncClient, log: Log, direction: str, cursor: str, steps: list[tuple[list[int], int | None, bool]]
) -> None:
    await fill(log)
    query: dict[str, Any] = {"q": "type:R*e", "direction": direction}
    for expected_positions, leads_on, complete in steps:
        answer = await page(api, **query)
        assert (positions(answer["events"]), answer["next"], answer["complete"]) == (
            expected_positions,
            leads_on,
            complete,
        )
        query[cursor] = answer["next"]


@pytest.mark.usefixtures("hurried")
async def test_a_search_in_a_stream_stops_at_a_version(api: httpx2.AsyncClient, log: Log) -> None:
    await write(log, {}, stream="another")
    await fill(log)
    path = "/api/streams/order-1/events"
    answer = await page(api, path, q="type:R*e version>7")
    assert (answer["events"], answer["next"], answer["complete"]) == ([], 2_001, False)
    answer = await page(api, path, q="type:R*e", from_version=3_001)
    assert ([event["version"] for event in answer["events"]], answer["next"]) == ([4_990], 5_001)
    answer = await page(api, path, q="type:R*e", direction="backward", from_version=4_989)
    assert (answer["events"], answer["next"], answer["complete"]) == ([], 2_989, False)


@pytest.mark.usefixtures("hurried")
async def test_a_full_page_is_complete(api: httpx2.AsyncClient, log: Log) -> None:
    await fill(log)
    answer = await page(api, q="type:C*n", limit=3)
    assert (positions(answer["events"]), answer["next"], answer["complete"]) == ([1, 2, 3], 3, True)


@pytest.mark.usefixtures("hurried")
async def test_a_long_poll_that_has_more_to_search_says_so_at_once(api: httpx2.AsyncClient, log: Log) -> None:
    await fill(log)
    answer = await asyncio.wait_for(page(api, q="type:R*e", after=7, wait=60), PATIENCE)
    assert (answer["events"], answer["next"], answer["complete"]) == ([], 2_007, False)


@pytest.mark.usefixtures("hurried")
async def test_an_event_stream_searches_on_until_it_is_live(api: httpx2.AsyncClient, log: Log, token: str) -> None:
    await fill(log)
    async with follow(token, q="type:R*e") as exchange:
        frames = await exchange.events(2)
        await write(log, {"type": "Common"}, {"type": "Rare"})
        frames += await exchange.events(1)
    assert [frame["id"] for frame in frames] == ["7", "4990", "5002"]


# Queries of a token that is bound to a prefix


@pytest.fixture
def prefixed(make_token: Callable[..., str]) -> str:
    return make_token(stream_prefix="mine-")


@pytest.mark.parametrize(
    "q", ["-x", "stream:other-1", "-stream:mine-1", "type:A OR stream:other-1", "NOT (type:B type:C)"]
)
async def test_no_query_leads_out_of_a_tokens_prefix(
    anyone: httpx2.AsyncClient, log: Log, prefixed: str, q: str
) -> None:
    q = f"{q} OR version:1"
    streams = ("mine-1", "other-1", "mine-2", "mine", "mine-1", "other-1", "mine-3")
    await write(log, *[{"type": "A", "stream": stream} for stream in streams])
    fits = event_matcher(parse(q))
    expected = [event.position for event in await everything(log) if event.stream.startswith("mine-") and fits(event)]
    anyone.headers["Authorization"] = f"Bearer {prefixed}"
    assert positions((await page(anyone, q=q))["events"]) == expected
    async with follow(prefixed, q=q) as exchange:
        assert [int(frame["id"]) for frame in await exchange.events(len(expected))] == expected
    assert (await anyone.get("/api/streams/other-1/events", params={"q": q})).status_code == 403


# Conditions that a list of events can't have

LISTS = [("/api/events", {}), ("/api/events?wait=60", {}), ("/api/events", SSE), ("/api/streams/order-1/events", {})]
REFUSED = [
    ("agnet:router", {"code": InvalidQuery.code, "column": 1, "suggestion": "agent:"}),
    ("type:A (", {"code": InvalidQuery.code, "column": 9}),
    ("type:A \0", {"code": InvalidQuery.code, "column": 8, "suggestion": None}),
    ("x" * (MAX_CHARACTERS + 1), {"code": InvalidQuery.code, "column": MAX_CHARACTERS + 1}),
    ("(" * MAX_CHARACTERS, {"code": InvalidQuery.code}),
    ("-" * MAX_CHARACTERS, {"code": InvalidQuery.code}),
    ("(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1), {"code": InvalidQuery.code}),
    ("-(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1), {"code": InvalidQuery.code}),
    ("a " * (MAX_SCANS + 1), {"code": InvalidQuery.code}),
    ("type:a*b " * (MAX_SCANS + 1), {"code": InvalidQuery.code}),
    (" OR ".join(["data.a:*b"] * (MAX_SCANS + 1)), {"code": InvalidQuery.code}),
    ("type:a " * (MAX_TERMS + 1), {"code": InvalidQuery.code}),
    ("state.a:1", {"code": NotForEvents.code}),
    ("-(type:A changed:/a)", {"code": NotForEvents.code}),
]


@pytest.mark.parametrize(("path", "headers"), LISTS, ids=["list", "poll", "event stream", "stream"])
@pytest.mark.parametrize(("q", "said"), REFUSED, ids=[q[:20] for q, _ in REFUSED])
async def test_a_query_that_can_not_be_asked_is_refused_with_the_reason(
    api: httpx2.AsyncClient, path: str, headers: dict[str, str], q: str, said: dict[str, Any]
) -> None:
    answer = await asyncio.wait_for(api.get(httpx2.URL(path).copy_merge_params({"q": q}), headers=headers), PATIENCE)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    problem = answer.json()
    assert problem["detail"]
    assert {name: problem[name] for name in said} == said


LARGEST = [
    "(" * (MAX_DEPTH - 1) + "a" + ")" * (MAX_DEPTH - 1),
    " ".join("-(a b OR c)" for _ in range(MAX_SCANS // 3)),
    " OR ".join(f"data.a[*].b:x{n}*y" for n in range(MAX_SCANS)),
    " ".join('"' + "é" * 45 + '"' for _ in range(MAX_SCANS)),
    " OR ".join(f"data.a[*].b:x{n}*" for n in range(MAX_TERMS)),
]


@pytest.mark.parametrize("q", LARGEST, ids=range(len(LARGEST)))
async def test_the_largest_query_is_answered(api: httpx2.AsyncClient, log: Log, q: str) -> None:
    await write(log, {"data": b'{"a": [{"b": "x7y"}, {"b": 1}]}'}, {"data": b'"a b c"'})
    fits = event_matcher(parse(q))
    expected = [event.position for event in await everything(log) if fits(event)]
    assert positions((await page(api, q=q))["events"]) == expected


async def test_streams_are_not_asked_for_by_a_query(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/api/streams", params={"q": "type:A"})
    assert (answer.status_code, answer.json()["field"]) == (422, "q")


# Texts that are not queries

PLACES = [
    "{}", '"{}"', "-{}", "({})", "{}:a", "type:{}", 'type:"{}"', "type:a*{}", "category:{}", "has:{}", "id:{}",
    "position:{}", "version>{}", "since:{}", 'until:"{}"', "data.{}:1", 'data."{}":1', 'data.a."{}"[*]:a', "data[{}]:1",
    "data.a:{}", 'data.a:"{}"', "data.a>{}", 'data.a<"{}"', "data.a:1..{}", "metadata.{}:{}", "has:data.{}",
]  # fmt: skip
TRIES = [
    "'; drop table event; --", "') or true --", "' or '1'='1", "\\", "\\'", "\\\"; --", '" || "a', "$$", "$1", "%s",
    "%(a)s", "%%", "{0}", "*/ or /*", "a' union select hash from token --", "1; select pg_sleep(30)", "\\x00",
    '") || true || ("', '" ? (@ == 1) "', ".keyvalue()", "$.**", "@.a", "a\x1fb", "\x1f", "\u2028", "';\n--", "E'\\047",
    "::jsonb", "\\u0000",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
async def test_no_text_in_a_query_is_anything_else(api: httpx2.AsyncClient, log: Log, place: str) -> None:
    await write(
        log, {"data": b'{"a": "x"}', "type": "a"}, *[{"type": "t", "data": orjson.dumps({"a": t})} for t in TRIES]
    )
    events = await everything(log)
    for text in TRIES:
        q = place.replace("{}", text)
        answer = await api.get("/api/events", params={"q": q})
        if (tree := parsed(q)) is None:
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid-query"), q
        else:
            assert answer.status_code == 200, (q, answer.text)
            assert positions(answer.json()["events"]) == [
                *map(attrgetter("position"), filter(event_matcher(tree), events))
            ]


@pytest.mark.parametrize("field", ["type", "agent", "stream", "correlation_id"])
async def test_no_text_beside_a_query_is_anything_else(api: httpx2.AsyncClient, log: Log, field: str) -> None:
    texts = [text for text in TRIES if text.isprintable()]
    await write(log, *[{field: text} for text in texts])
    for text in texts:
        assert [event[field] for event in (await page(api, **{field: text}))["events"]] == [text]
