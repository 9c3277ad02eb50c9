"""The runner: its states equal a fold from zero, a log has one runner at a time, a deposed runner writes nothing."""

from __future__ import annotations

import random
from functools import partial

import psycopg
import pytest
from django.db import connection

from events import sessions
from events.models import Log
from events.reading import store
from events.redaction import redact
from projections.catalog.counts import counts
from projections.definition.fingerprint import fingerprint
from projections.definition.projection import AGENT, LOG, STREAM, WORKFLOW, Decoded, Key, Projection, decode, pointer
from projections.materialise import build as builds
from projections.materialise import checkpoints
from projections.materialise import runner as runners
from projections.materialise.batch import PLACES_IN_A_ROW
from projections.materialise.build import Build
from projections.materialise.runner import Part, Runner
from projections.models import Checkpoint, KeyPlaces, Lag, ProjectionState
from tests.support.running import (
    append,
    declared,
    expected,
    live,
    noted_places,
    settle,
    states,
    totals,
    until,
    varied,
)


def customer_and_stream(happened: Decoded) -> tuple[str, ...]:
    return (happened.data["customer"], happened.stream)


KEYS = (STREAM, WORKFLOW, AGENT, LOG, pointer("/customer"), Key("both", customer_and_stream))
BY_KEY = [totals(name=f"totals-{n}", key=key) for n, key in enumerate(KEYS)]
OF_LARGE = totals(name="of-large", query="data.amount>9")


def test_states_are_those_of_a_fold_from_zero_whatever_the_batches(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(1)
    projections = [*BY_KEY, OF_LARGE]
    for first in range(0, 300, 60):
        append(log, varied(60, first=first))
        monkeypatch.setattr(runners, "_FIRST_BATCH_POSITIONS", chance.randrange(1, 50))
        settle(log, *projections)
    for projection in projections:
        assert states(log, projection.name) == expected(log, projection)
        assert live(log, projection.name).position == 300


def test_the_places_of_keys_without_an_index_are_noted_and_of_no_others(log: Log) -> None:
    append(log, varied(900))
    by_stream, by_customer = BY_KEY[0], BY_KEY[4]
    settle(log, by_stream, by_customer, counts)
    events = store.events(log.pk, limit=1_000).fetch()
    for key, (_, count, _) in states(log, by_customer.name).items():
        places = noted_places(log, by_customer.name, key)
        events_of_key = [
            each for each in events if by_customer.reads(each) and key in by_customer.key.keys(decode(each))
        ]
        assert places == [each.position for each in events_of_key]
        assert len(places) == count > PLACES_IN_A_ROW
    assert set(KeyPlaces.objects.filter(log=log).values_list("projection", flat=True)) == {by_customer.name}
    others = ProjectionState.objects.filter(log=log).exclude(projection=by_customer.name)
    assert set(others.values_list("places", flat=True)) == {None}


def test_a_checkpoint_passes_what_its_projection_does_not_read(log: Log) -> None:
    append(log, [("order-1", {"type": "Other", "data": b"{}"})] * 3)
    settle(log, totals())
    assert live(log).position == 3
    assert states(log) == {}


def test_only_one_of_two_runners_advances(log: Log) -> None:
    append(log, varied(10))
    visits: list[str] = []
    one = Runner(logs=[log.pk], projections=declared(totals()))
    other = Runner(logs=[log.pk], projections=declared(totals()), at=visits.append)
    try:
        until(lambda: one.turn() or one.holds(log.pk))
        append(log, varied(10))
        assert not other.turn()
        assert not other.holds(log.pk)
        one.turn()
        assert live(log).position == 20
        assert visits == []
        one.close()
        append(log, varied(10))
        until(lambda: other.turn() or other.holds(log.pk))
    finally:
        one.close()
        other.close()
    assert live(log).position == 30
    assert states(log) == expected(log, totals())


def end_session(log: Log, *, but: int) -> None:
    """End the session that holds the log's lock, as happens when its process or host dies."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> %s",
            [Part.LIVE.value, log.pk, but],
        )


@pytest.mark.parametrize("point", ["locked", "folded", "stored", "written"])
def test_a_runner_that_was_deposed_writes_nothing(log: Log, point: str) -> None:
    append(log, varied(20))
    deposed_at: list[str] = []

    def depose(visited: str) -> None:
        if visited == point and not deposed_at:
            deposed_at.append(visited)
            end_session(log, but=0)
            settle(log, totals())

    slow = Runner(logs=[log.pk], projections=declared(totals()), at=depose)
    try:
        with pytest.raises(psycopg.OperationalError):
            until(lambda: slow.turn() and False)
    finally:
        slow.close()
    assert deposed_at == [point]
    assert states(log) == expected(log, totals())
    assert live(log).position == 20


def test_a_build_that_moved_meanwhile_is_not_written_again(log: Log) -> None:
    """If two runners ever believe that they hold a log, the second finds that the checkpoint has moved."""
    projection = totals()
    append(log, varied(20))
    settle(log, projection)
    before = states(log)
    Checkpoint.objects.filter(log=log).update(position=20)
    stale = Build(log.pk, "totals", 1, 1, fingerprint(projection), True, "stop", 10, 0.0, parked=0)
    session = psycopg.connect(sessions.address().conninfo, autocommit=True)
    with session:
        read_all = partial(_all_after, log, stale.position)
        moved = builds.advance(
            session, stale, projection, read_events=read_all, last=20, is_head=True, rate=0, at=lambda point: None
        )
    assert not moved
    assert states(log) == before


def _all_after(log: Log, after: int, upto: int) -> tuple[list[Decoded], int]:
    return [decode(each) for each in store.events(log.pk, after=after, limit=1_000).fetch()], upto


def test_a_runner_takes_over_from_one_that_went(log: Log) -> None:
    append(log, varied(5))
    one = Runner(logs=[log.pk], projections=declared(totals()))
    other = Runner(logs=[log.pk], projections=declared(totals()))
    try:
        until(lambda: one.turn() or one.holds(log.pk))
        append(log, varied(5))
        end_session(log, but=0)
        until(lambda: other.turn() or other.holds(log.pk))
        assert live(log).position == 10
    finally:
        one.close()
        other.close()


def test_the_runner_leaves_other_projections_alone(log: Log) -> None:
    append(log, varied(5))
    settle(log, Projection("asked", about="For a test."))
    assert not Checkpoint.objects.filter(log=log).exists()


def test_a_redacted_event_leaves_every_state(log: Log) -> None:
    projection = Projection("totals", about="For a test.", materialised=True)
    projection.on("*")(lambda state, happened: {**state, **(happened.data or {})})
    append(log, [("order-1", {"type": "A", "data": b'{"card": "4000-secret"}'}), *varied(5)])
    settle(log, projection)
    assert "4000-secret" in states(log)["order-1"][0]
    redact(log.pk, 1, reason="a card number", by="admin")
    settle(log, projection)
    settle(log, projection, part=Part.BESIDE)
    assert not ProjectionState.objects.filter(log=log, state__contains="4000-secret").exists()
    assert live(log).build == 2
    settle(log, projection)
    assert len(checkpoints.progress(log)) == 1


def test_the_lag_of_each_minute_is_noted(log: Log) -> None:
    append(log, varied(5))
    settle(log, totals())
    checkpoints.pause(log.pk, "totals", live(log).build)
    append(log, varied(5))
    settle(log, totals())
    assert Lag.objects.filter(log=log).latest("minute").events == 5
