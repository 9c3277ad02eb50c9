"""The types of a log are numbered by their first events, and a number never changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.appending.checks import new_append, new_event
from events.engine import Engine
from events.lists import keeper, type_numbers
from events.lists.type_numbers import MOST_NUMBERED, TypeNumbers
from events.models import ListCheckpoint, Log, NumberedType
from events.sessions import direct
from events.sql import lists as sql
from events.sql import load
from events.types import Append
from tests.support.commands import append, export_events, import_events, redact_event

TYPES = st.lists(st.text(st.sampled_from("ab.Ü"), min_size=1, max_size=3), max_size=30)


def events_of(type_names: Sequence[str], stream: str = "s-1") -> Append:
    return new_append(stream, [new_event(stream, name, data=b"1") for name in type_names])


def by_first_event(type_names: Sequence[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(type_names), 1)}


def numbers(log: Log, type_names: Sequence[str]) -> dict[str, int]:
    """The numbers that a process finds which has met no type yet."""
    type_numbers._known.clear()
    of = TypeNumbers(log.pk).of
    return {name: of(name) for name in type_names}


def stored(log: Log) -> dict[str, int]:
    return dict(NumberedType.objects.filter(log=log).values_list("name", "number"))


def keep_lists(log: Log, step_events: int = 5_000) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.KEEP, {"log_id": log.pk, "most": step_events})


@given(TYPES, st.lists(st.integers(1, 20), max_size=4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_numbers_are_the_same_wherever_the_keeper_is(
    engine: Engine, make_log: Callable[[], Log], type_names: list[str], steps: list[int]
) -> None:
    log = await sync_to_async(make_log)()
    await engine.writer.append(log.pk, [events_of(type_names)] if type_names else [])
    expected = by_first_event(type_names)
    assert await sync_to_async(numbers)(log, type_names) == expected
    for step in steps:
        await sync_to_async(keep_lists)(log, step)
        assert await sync_to_async(numbers)(log, type_names) == expected
    await sync_to_async(keep_lists)(log)
    assert await sync_to_async(stored)(log) == expected


async def test_a_process_goes_on_from_the_numbers_that_it_knows(engine: Engine, log: Log) -> None:
    for type_names in (["A", "B", "A"], ["C", "B", "D"], ["E"]):
        await engine.writer.append(log.pk, [events_of(type_names)])
        page = TypeNumbers(log.pk)
        await page.load(type_names, engine.pool)
        assert [page.of(name) for name in type_names] == [" ABCDE".index(name) for name in type_names]
        if "C" in type_names:
            await sync_to_async(keep_lists)(log)


async def test_several_keepers_give_each_type_one_number_and_readers_find_it(engine: Engine, log: Log) -> None:
    type_names = [f"Type{n * 7 % 31}" for n in range(90)]
    seen: set[tuple[str, int]] = set()

    def keep_until_whole() -> None:
        with closing(connection), psycopg.connect(direct().conninfo, autocommit=True) as session:
            while ListCheckpoint.objects.get(log=log).position < 2 * len(type_names):
                keeper.keep(session, step_events=3)

    async def append_all() -> None:
        for name in type_names:
            await engine.writer.append(log.pk, [events_of([name], name)])
            await engine.writer.append(log.pk, [events_of([name], name)])
            type_numbers._known.clear()
            page = TypeNumbers(log.pk)
            await page.load([name], engine.pool)
            seen.add((name, page.of(name)))

    await asyncio.gather(append_all(), *(asyncio.to_thread(keep_until_whole) for _ in range(3)))
    assert await sync_to_async(stored)(log) == by_first_event(type_names) == dict(seen)
    assert len(seen) == 31


def test_a_page_reads_numbers_once_and_the_next_one_none(
    log: Log, django_assert_num_queries: Callable[[int], object]
) -> None:
    append(log, events_of(["A", "B"]))
    for queries in (1, 0):
        with django_assert_num_queries(queries):  # type: ignore[attr-defined]
            page = TypeNumbers(log.pk)
            assert [page.of(name) for name in "ABA"] == [1, 2, 1]
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        page = TypeNumbers(log.pk)
        assert [page.of(name) for name in ("nowhere", "nothing")] == [0, 0]


def test_a_type_too_far_behind_the_keeper_gets_its_number_later(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "TYPES", sql.TYPES.replace(f"+ {sql.MOST_FRESH_EVENTS})", "+ 3)"))
    append(log, events_of(["A", "A", "B", "C", "A"]))
    assert numbers(log, "ABC") == {"A": 1, "B": 2, "C": 0}
    keep_lists(log, 1)
    assert numbers(log, "ABC") == {"A": 1, "B": 2, "C": 3}


def test_types_after_the_numbered_ones_take_a_number_by_their_name_and_no_room(log: Log) -> None:
    type_names = [f"Type{n}" for n in range(MOST_NUMBERED + 40)]
    append(log, events_of(type_names))
    fresh = numbers(log, type_names)
    assert [fresh[name] for name in type_names[:MOST_NUMBERED]] == list(range(1, MOST_NUMBERED + 1))
    assert all(1 <= fresh[name] <= MOST_NUMBERED for name in type_names[MOST_NUMBERED:])
    assert len({fresh[name] % 48 for name in type_names[MOST_NUMBERED:]}) > 20
    for step in (900, 80, 5_000):
        keep_lists(log, step)
        assert numbers(log, type_names) == fresh
    assert len(stored(log)) == MOST_NUMBERED


def test_lists_made_anew_and_a_restored_log_have_the_same_numbers(
    log: Log, make_log: Callable[[], Log], tmp_path: Path
) -> None:
    append(log, events_of(["C", "A", "C", "B", "A"]))
    redact_event(log, 2)
    keep_lists(log)
    before = stored(log)
    call_command("rebuild_lists", log=log.name)
    export_events(log, tmp_path / "a.jsonl")
    restored = make_log()
    import_events(restored, tmp_path / "a.jsonl", restore=True)
    assert stored(log) == before == {"C": 1, "A": 2, "B": 3, "event.redacted": 4}
    assert numbers(restored, list(before)) == before


@pytest.mark.parametrize("most_types", [10_000, 3], ids=["by the index", "from the beginning"])
def test_the_migration_numbers_the_types_that_lists_have_come_to(
    log: Log, make_log: Callable[[], Log], most_types: int
) -> None:
    type_names = ["C", "A", "C", "B", "A", "D", "Late"]
    append(log, events_of(type_names))
    empty = make_log()
    keep_lists(log, 6)
    NumberedType.objects.all().delete()  # the migration numbers the types of all logs
    with connection.cursor() as cursor:
        cursor.execute(load("number_first_types").replace("c.position, 10000)", f"c.position, {most_types})"))
    assert stored(log) == {"C": 1, "A": 2, "B": 3, "D": 4}
    assert stored(empty) == {}
    assert numbers(log, type_names) == by_first_event(type_names)
    keep_lists(log)
    assert stored(log) == by_first_event(type_names)
