"""The positions of a key's events: those that the runner noted, or those that an index of the log gives."""

from __future__ import annotations

from importlib import import_module
from itertools import chain
from typing import Any

import pytest
from django.db import connection, transaction

from events.models import Log
from events.reading import store
from events.reading.db_work import run
from projections import pointer
from projections.catalog.counts import counts
from projections.definition.projection import Projection, decode
from projections.materialise.batch import PLACES_IN_A_ROW
from projections.states.at_moment import state_at
from projections.states.fold import Pace
from projections.states.moment import Moment
from projections.states.sources.parse import source_of
from tests.support.folds import from_zero
from tests.support.running import append, settle, totals, varied

EVENTS = 900


@pytest.fixture
def noted(log: Log) -> Projection:
    """A projection whose keys have about 250 events each: a full row of places and part of another, or more."""
    projection = totals(key=pointer("/customer"))
    append(log, varied(EVENTS))
    settle(log, projection)
    return projection


def places_of(log: Log, projection: Projection, key: str) -> list[int]:
    events = store.events(log.pk, limit=EVENTS).fetch()
    return [each.position for each in events if projection.reads(each) and key in projection.key.keys(decode(each))]


@pytest.mark.parametrize("after", [0, 1, 300, 383, 384, 385, 700, EVENTS - 1])
@pytest.mark.parametrize("limit", [1, 7, PLACES_IN_A_ROW, 400])
def test_the_events_after_any_place_are_read_in_order(log: Log, noted: Projection, after: int, limit: int) -> None:
    source = run(source_of(log.pk, noted, "c-1"))
    every = places_of(log, noted, "c-1")
    for upto in (EVENTS, 500, after):
        expected = [place for place in every if after < place <= upto][:limit]
        events_read = source.read(log.pk, after=after, upto=upto, limit=limit).fetch()
        assert [each.position for each in events_read] == expected


@pytest.mark.parametrize("place", [0, 1, 2, 384, 640, EVENTS, 2 * EVENTS])
def test_the_events_around_any_place_are_found(log: Log, noted: Projection, place: int) -> None:
    source = run(source_of(log.pk, noted, "c-1"))
    every = places_of(log, noted, "c-1")
    for side in (1, 80, 150):
        near = run(source.near(log.pk, place, head=EVENTS, side=side))
        back, ahead = [each for each in every if each <= place], [each for each in every if each > place]
        assert [each.position for each in near.events] == [*back[-side - 1 :], *ahead[:side]]
        assert (near.begins, near.ends) == (len(back) <= side, len(ahead) <= side)


def test_a_step_is_found_by_its_number_anywhere(log: Log, noted: Projection) -> None:
    source = run(source_of(log.pk, noted, "c-1"))
    every = places_of(log, noted, "c-1")
    for n in (1, 2, PLACES_IN_A_ROW, PLACES_IN_A_ROW + 1, len(every) - 1, len(every)):
        assert run(source.nth_place(log.pk, n, passed_count=0, place=0, head=EVENTS)) == every[n - 1]
    assert run(source.nth_place(log.pk, len(every) + 1, passed_count=0, place=0, head=EVENTS)) is None


@pytest.mark.parametrize(
    ("key", "kind"), [("all", "log"), ("type:A", "type"), ("agent:router", "agent"), ("stream:order-1", "stream")]
)
def test_an_index_leads_to_what_is_counted(log: Log, key: str, kind: str) -> None:
    append(log, varied(60))
    append(log, [("order-1", {"type": "A", "data": b"{}", "agent": "router"})])
    settle(log, counts)
    assert run(source_of(log.pk, counts, key)).kind == kind
    events = store.events(log.pk, limit=100).fetch()
    for position in (20, 61):
        state = run(state_at(log.pk, counts, key, at=Moment(position=position), pace=Pace(max_events=None)))
        assert state == from_zero(counts, key, events[:position])


@pytest.mark.parametrize("events", [1, PLACES_IN_A_ROW - 1, PLACES_IN_A_ROW, PLACES_IN_A_ROW + 1, 3 * PLACES_IN_A_ROW])
def test_places_noted_by_earlier_versions_are_carried_over_and_back(database: None, events: int) -> None:
    migration = import_module("projections.migrations.0008_key_places")
    places = {key: [n * 3 + i for n in range(events)] for i, key in enumerate(("a", "b"))}
    names = "log_id int, projection text, build int, key text"
    # Temporary tables of this session hide the real ones; a pooler gives a session to one transaction only.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"create temp table projection_event ({names}, n bigint, position bigint) on commit drop")
        cursor.execute(f"create temp table key_places ({names}, position bigint, positions bigint[]) on commit drop")
        cursor.execute(f"create temp table projection_state ({names}, places bigint[]) on commit drop")
        for projection, key, positions in [*(("own", *each) for each in places.items()), ("counts", "all", [1, 2])]:
            cursor.execute("insert into projection_state values (1, %s, 1, %s)", [projection, key])
            rows = [(projection, key, n, position) for n, position in enumerate(positions, 1)]
            cursor.executemany("insert into projection_event values (1, %s, 1, %s, %s, %s)", rows)
        places_by_key = dict(
            _rows(cursor, "select key, array_agg(position order by n) from projection_event group by key")
        )
        cursor.execute(migration._CARRY_OVER)
        for key, expected in places.items():
            full = _rows(cursor, "select position, positions from key_places where key = %s order by position", key)
            [(rest,)] = _rows(cursor, "select places from projection_state where key = %s", key)
            assert [position for position, _ in full] == [row[0] for _, row in full]
            assert {len(row) for _, row in full} <= {PLACES_IN_A_ROW}
            assert [*chain.from_iterable(row for _, row in full), *rest] == expected
        assert _rows(cursor, "select places from projection_state where projection = 'counts'") == [(None,)]
        cursor.execute("truncate projection_event")
        cursor.execute(migration._CARRY_BACK)
        back = dict(_rows(cursor, "select key, array_agg(position order by n) from projection_event group by key"))
        assert back == {key: positions for key, positions in places_by_key.items() if key != "all"}


def _rows(cursor: Any, sql: str, *parameters: str) -> list[Any]:
    cursor.execute(sql, parameters)
    return list(cursor.fetchall())
