"""An installation of version 0.1 goes on without a rebuild: its stored rows get today's fingerprint."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from events.models import Log
from events.reading.db_work import run
from projections import registry
from projections.materialise.earlier_fingerprint import carry_over, earlier_fingerprint
from projections.models import Checkpoint, ProjectionState, Snapshot
from projections.states.at_moment import state_at
from projections.states.fold import Pace
from projections.states.snapshots import drop_stale
from tests.support.folds import some_event
from tests.support.running import append, settle, totals

TOTALS = totals(name="totals-of-an-old-installation")


def events(count: int) -> list[tuple[str, dict[str, Any]]]:
    return [("order-1", some_event(n)) for n in range(count)]


def checkpoint(log: Log) -> Checkpoint:
    return Checkpoint.objects.get(log=log, projection=TOTALS.name)


@pytest.fixture
def old_log(log: Log, monkeypatch: pytest.MonkeyPatch) -> Log:
    """A log with a materialised projection and with snapshots, as version 0.1 left them."""
    monkeypatch.setitem(registry.PROJECTIONS, TOTALS.name, TOTALS)
    append(log, events(250))
    settle(log, TOTALS)
    run(state_at(log.pk, TOTALS, "order-1", pace=Pace(max_events=None)))
    Checkpoint.objects.filter(log=log).update(fingerprint=earlier_fingerprint(TOTALS))
    for snapshot in Snapshot.objects.filter(log=log):
        Snapshot.objects.filter(pk=snapshot.pk).delete()
        snapshot.fingerprint = earlier_fingerprint(TOTALS)
        snapshot.save(force_insert=True)
    return log


def test_bringing_the_database_up_to_date_carries_kept_rows_over(old_log: Log) -> None:
    states = ProjectionState.objects.filter(log=old_log).count()
    snapshots = Snapshot.objects.filter(log=old_log).count()
    assert states
    assert snapshots
    call_command("migrate", verbosity=0)
    append(old_log, events(40))
    settle(old_log, TOTALS)
    assert (checkpoint(old_log).build, checkpoint(old_log).position) == (1, 290)
    drop_stale()
    assert Snapshot.objects.filter(log=old_log).count() == snapshots


def test_a_second_time_nothing_is_left_to_carry_over(old_log: Log) -> None:
    assert carry_over()
    assert carry_over() == 0


def test_rows_of_other_code_stay_as_they_are(old_log: Log) -> None:
    Checkpoint.objects.filter(log=old_log).update(fingerprint="0" * 64)
    carry_over()
    assert checkpoint(old_log).fingerprint == "0" * 64
