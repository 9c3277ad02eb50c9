"""A search does a bounded amount of work, and says truthfully how far it came."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import DjangoAssertNumQueries

from events.engine import Engine
from events.errors import TooSlow
from events.models import Log
from events.query.compiled import compiled
from events.query.errors import NotForEvents
from events.query.parse import parse
from events.reading import scan
from events.reading.scan import Search, SearchResult
from tests.support.commands import append
from tests.support.factories import make_append

MANY = 5_000
"""More events than the first slice looks at."""


@pytest.fixture
def full_log(log: Log) -> Log:
    """A log with `Odd` at every second position, and at position 7 `Rare` with the tag `rare`."""
    events: list[dict[str, Any]] = [{"type": "Odd" if n % 2 else "Even"} for n in range(1, MANY + 1)]
    events[6] = {"type": "Rare", "tags": ["rare"]}
    append(log, make_append("numbers-1", *events))
    return log


def positions(result: SearchResult) -> list[int]:
    return [event.position for event in result.events]


def search(log: Log, query: str, **options: int | bool | float) -> Search:
    return scan.search_events(log.pk, parse(query), **{"limit": 3, "budget": 60, **options})  # type: ignore[arg-type]


def test_the_newest_come_first_and_the_search_ends_with_the_last_that_is_wanted(full_log: Log) -> None:
    result = search(full_log, "type:Odd").fetch()
    assert positions(result) == [4999, 4997, 4995]
    assert (result.searched_to, result.at_end) == (4995, False)


def test_a_search_goes_on_from_where_it_stopped(full_log: Log) -> None:
    result = search(full_log, "type:Odd", before=4995).fetch()
    assert positions(result) == [4993, 4991, 4989]


def test_a_rare_event_is_found_slices_away_and_the_end_is_reached(full_log: Log) -> None:
    result = search(full_log, "type:R*e").fetch()
    assert (positions(result), result.searched_to, result.at_end) == ([7], 1, True)


@pytest.mark.parametrize(
    ("query", "statements"),
    [("type:Rare", 1), ("tag:rare", 1), ("type:Rar*", 2), ("type:Rare version:7", 2)],
)
def test_a_name_alone_is_found_in_one_statement_however_rare(
    full_log: Log, query: str, statements: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    query_of_search = search(full_log, query, head=MANY)
    with django_assert_num_queries(statements):
        result = query_of_search.fetch()
    assert (positions(result), result.searched_to, result.at_end) == ([7], 1, True)


@pytest.mark.parametrize(
    ("query", "positions_with_it"),
    [
        ("tag:a", [3, 1]),
        ("tag:a tag:b", [3]),
        ("tag:a OR tag:c", [4, 3, 1]),
        ("tag:b (tag:a OR tag:c)", [3]),
        ("tag:a -tag:b", [1]),
        ("tag:a OR type:Bare", [5, 3, 1]),
        ("tag:*", [4, 3, 2, 1]),
        ("-has:tag", [5]),
        ('tag:""', []),
    ],
)
def test_a_search_for_tags_finds_the_events_of_its_log_alone(
    log: Log, other_log: Log, query: str, positions_with_it: list[int]
) -> None:
    events: list[dict[str, Any]] = [{"tags": tags} for tags in (["a"], ["b"], ["b", "a"], ["c"])]
    append(log, make_append("order-1", *events, {"type": "Bare"}))
    append(other_log, make_append("order-1", *({"tags": ["a", "b", "c"]} for _ in range(9))))
    backward, forward = (search(log, query, limit=9, backward=backward).fetch() for backward in (True, False))
    assert positions(backward) == positions_with_it
    assert positions(forward) == positions_with_it[::-1]
    assert positions(search(log, query, limit=9, after=1, before=4).fetch()) == [
        n for n in positions_with_it if 1 < n < 4
    ]


def test_a_search_forward_ends_at_the_head(full_log: Log) -> None:
    assert positions(search(full_log, "type:Odd", backward=False, after=4990).fetch()) == [4991, 4993, 4995]
    result = search(full_log, "type:Odd", backward=False, after=4995).fetch()
    assert (positions(result), result.searched_to, result.at_end) == ([4997, 4999], MANY, True)


@pytest.mark.parametrize(
    ("bounds", "searched_to"), [({"before": 1}, 1), ({"after": MANY}, MANY + 1), ({"after": 10**20}, MANY + 1)]
)
def test_a_search_of_nothing_reaches_the_end(full_log: Log, bounds: dict[str, int], searched_to: int) -> None:
    assert search(full_log, "", **bounds).fetch() == SearchResult((), searched_to, at_end=True, complete=True)


def test_an_empty_log_is_searched_at_once(log: Log) -> None:
    assert search(log, "").fetch() == SearchResult((), 1, at_end=True, complete=True)


def test_when_the_time_is_up_the_search_says_how_far_it_came(full_log: Log) -> None:
    pages: list[SearchResult] = [search(full_log, "type:R*e", budget=0.0001).fetch()]
    assert not pages[0].at_end
    assert not pages[0].complete
    assert 1 < pages[0].searched_to < MANY
    while not pages[-1].at_end:
        pages.append(search(full_log, "type:R*e", before=pages[-1].searched_to, budget=0.0001).fetch())
    assert [place for page in pages for place in positions(page)] == [7]


def test_only_the_time_asked_for_is_searched(log: Log) -> None:
    late = [4_000, 4_002]
    events = [{"occurred_at": f"2026-01-0{2 if n in late else 1}T00:00:00Z"} for n in range(1, MANY + 1)]
    append(log, make_append("times-1", *events))
    result = search(log, "since:2026-01-02", budget=0.0001).fetch()
    assert (positions(result), result.at_end) == ([4_002, 4_000], True)
    result = search(log, "since:2026-01-02 type:Nothing*", budget=0.0001).fetch()
    assert (result.events, result.searched_to, result.at_end) == ((), 1, True), "by the index, all"
    assert search(log, "since:2026-01-03", budget=0.0001).fetch().at_end
    assert search(log, "since:2026-01-01 until:2026-01-02", before=4_001, limit=2).fetch().searched_to == 3_998


def test_both_ways_of_running_find_the_same(full_log: Log) -> None:
    searches = [search(full_log, text) for text in ("type:Odd", "type:R*e", "-type:Odd -type:Even", "since:2020-01-01")]

    async def run() -> list[SearchResult]:
        async with Engine() as engine:
            return [await each.afetch(engine.pool) for each in searches]

    assert asyncio.run(run()) == [each.fetch() for each in searches]


def test_queries_that_python_takes_for_equal_are_compiled_apart() -> None:
    one, true = (compiled(parse(text)) for text in ("data.paid:1", "data.paid:true"))
    assert one != true
    assert compiled(parse("data.paid:1")) is one


def slow_search(log: Log, head: int, seconds: float = 0.0002) -> Search:
    """A search with a condition that nothing fits; each event takes so many seconds or more."""
    asleep = "(pg_sleep(%s)::text <> '')", (seconds,)
    return Search(log.pk, asleep, head, window=None, after=None, before=None, backward=True, limit=1, budget=0.1)


def test_a_slice_that_takes_too_long_is_cancelled_and_asked_in_parts(full_log: Log) -> None:
    result = slow_search(full_log, head=MANY).fetch()
    assert MANY - 2_000 + 1 < result.searched_to < MANY, "less than the first slice"
    assert not result.at_end
    assert connection.is_usable()


def test_one_event_is_looked_at_even_if_it_takes_longer_than_the_search_may(full_log: Log) -> None:
    result = slow_search(full_log, head=5, seconds=0.3).fetch()
    assert (result.searched_to, result.at_end) == (5, False)


def test_a_query_that_takes_too_long_for_one_event_is_refused(full_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_MAX_TIMEOUT_SECONDS", 0.1)
    with pytest.raises(TooSlow):
        slow_search(full_log, head=5, seconds=5).fetch()
    assert connection.is_usable()


async def test_a_cancelled_slice_leaves_the_pool_as_it_was(engine: Engine, log: Log) -> None:
    await engine.writer.append(log.pk, [make_append("numbers-1", *({} for _ in range(3_000)))])
    result = await slow_search(log, head=3_000).afetch(engine.pool)
    assert 3_000 - 2_000 + 1 < result.searched_to < 3_000
    async with engine.pool.connection() as session:
        assert await (await session.execute("show statement_timeout")).fetchone() == ("30s",)


@pytest.mark.parametrize("steps", ["[0]", "[*]", ".a"])
def test_the_longest_path_is_within_what_the_database_can_follow(log: Log, steps: str) -> None:
    append(log, make_append("a-1", {"data": b"1"}))
    path = f"data{steps * 200}"
    result = [search(log, query).fetch() for query in (f"{path}:1", f"{path}:0..2", f"has:{path}")]
    assert [positions(each) for each in result] == [[] if steps == ".a" else [1]] * 3


def test_a_query_about_a_state_is_refused(log: Log) -> None:
    with pytest.raises(NotForEvents):
        search(log, "state.a:1")
