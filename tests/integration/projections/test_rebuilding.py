"""A rebuild runs beside the live build, is complete before readers see it, and never disturbs the live build."""

from __future__ import annotations

import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from events.models import Log
from projections.definition.projection import Projection
from projections.jobs.dry_run import dry_run
from projections.materialise import checkpoints
from projections.materialise import runner as runners
from projections.materialise.runner import Part, Runner
from projections.models import Checkpoint, Policy, ProjectionState
from projections.values.exact_json import loads
from tests.support.running import (
    append,
    declare_only,
    declared,
    expected,
    kept_states,
    live,
    poisoned,
    rebuilt,
    settle,
    states,
    totals,
    until,
    varied,
)


def reader_view(log: Log) -> tuple[set[int], int]:
    """The view of a reader at one moment: the builds of the states, and the newest position."""
    rows = checkpoints.live(log.pk, "totals").values_list("state", "position")
    rows_read = [(loads(state)["marker"], position) for state, position in rows]
    return {marker for marker, _ in rows_read}, max(position for _, position in rows_read)


def test_readers_see_one_whole_build_while_another_takes_over_under_load(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "_FIRST_BATCH_POSITIONS", 20)
    old, new = totals(marker=1), totals(marker=2, version=2)
    append(log, varied(300))
    settle(log, old)
    looks: list[tuple[set[int], int]] = []
    keys: set[int] = set()
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            looks.append(reader_view(log))
            keys.add(checkpoints.live(log.pk, "totals").count())
        connections.close_all()

    reader = threading.Thread(target=watch)
    live_runner = Runner(logs=[log.pk], projections=declared(old))
    beside = Runner(Part.BESIDE, logs=[log.pk], projections=declared(new))
    checkpoints.rebuild(log.pk, new)
    reader.start()
    try:
        first = 300
        while live(log).version == 1:
            append(log, varied(30, first=first))
            first += 30
            live_runner.turn()
            beside.turn()
            assert first < 3000, "it never catches up"
    finally:
        is_over.set()
        reader.join()
        live_runner.close()
        beside.close()
    assert all(len(markers) == 1 for markers, _ in looks)
    assert [markers for markers, _ in looks] == sorted((markers for markers, _ in looks), key=min)
    assert [position for _, position in looks] == sorted(position for _, position in looks)
    assert len(keys) == 1
    settle(log, new)
    assert states(log) == expected(log, new)


def test_a_new_version_begins_by_itself_and_takes_over(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = totals(marker=1), totals(marker=2, version=2)
    append(log, varied(30))
    settle(log, old)
    declare_only(monkeypatch, new)
    settle(log, new)
    assert [each.state for each in checkpoints.progress(log)] == ["code changed", "building"]
    assert reader_view(log)[0] == {1}
    settle(log, new, part=Part.BESIDE)
    assert (live(log).version, live(log).build, live(log).state) == (2, 2, "live")
    assert states(log) == expected(log, new)


def test_an_older_version_leaves_a_newer_build_alone(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hosts, one of which still runs the old code."""
    append(log, varied(30))
    settle(log, totals(version=2))
    append(log, varied(10))
    declare_only(monkeypatch, totals(version=1))
    settle(log, totals(version=1))
    assert [(each.state, each.position) for each in checkpoints.progress(log)] == [("newer", 30)]


def test_changed_code_stands_still_until_it_is_rebuilt(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    old, changed = totals(marker=1), totals(marker=2)
    append(log, varied(30))
    settle(log, old)
    append(log, varied(10))
    declare_only(monkeypatch, changed)
    settle(log, changed)
    assert (live(log).state, live(log).position, live(log).lag) == ("code changed", 30, 10)
    rebuilt(log, changed)
    assert (live(log).state, live(log).position, live(log).build) == ("live", 40, 2)
    assert states(log) == expected(log, changed)


def test_a_build_is_removed_after_another_took_over(log: Log) -> None:
    append(log, varied(30))
    settle(log, totals(marker=1))
    keys = kept_states(log)
    rebuilt(log, totals(marker=2))
    assert kept_states(log) == keys
    assert Checkpoint.objects.filter(log=log).count() == 1


def test_a_cancelled_rebuild_leaves_nothing(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "_FIRST_BATCH_POSITIONS", 10)
    append(log, varied(60))
    settle(log, totals(marker=1))
    before = states(log)
    checkpoints.rebuild(log.pk, totals(marker=2))
    beside = Runner(Part.BESIDE, logs=[log.pk], projections=declared(totals(marker=2)))
    try:
        until(lambda: beside.turn() or beside.holds(log.pk))
        assert ProjectionState.objects.filter(log=log, build=2).exists()
        checkpoints.cancel(log.pk, "totals")
    finally:
        beside.close()
    settle(log, totals(marker=2), part=Part.BESIDE)
    assert states(log) == before
    assert kept_states(log) == len(before)


def test_a_rebuild_goes_on_where_its_worker_ended(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "_FIRST_BATCH_POSITIONS", 10)
    new = totals(marker=2)
    append(log, varied(60))
    settle(log, totals(marker=1))
    checkpoints.rebuild(log.pk, new)
    for _ in range(3):
        beside = Runner(Part.BESIDE, logs=[log.pk], projections=declared(new))
        until(lambda runner=beside: runner.turn() or runner.holds(log.pk))  # type: ignore[misc]
        beside.close()
    settle(log, new, part=Part.BESIDE)
    assert states(log) == expected(log, new)


def test_a_live_build_advances_in_the_middle_of_a_rebuild(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "_FIRST_BATCH_POSITIONS", 10)
    old = totals(marker=1)
    append(log, varied(30))
    settle(log, old)
    live_runner = Runner(logs=[log.pk], projections=declared(old))
    positions: list[int] = []

    def meanwhile(point: str) -> None:
        if point == "folded" and not positions:
            append(log, varied(5))
            until(lambda: live_runner.turn() or live_runner.holds(log.pk))
            positions.append(live(log).position)

    checkpoints.rebuild(log.pk, totals(marker=2))
    beside = Runner(Part.BESIDE, logs=[log.pk], projections=declared(totals(marker=2)), at=meanwhile)
    try:
        until(lambda: beside.turn() or beside.holds(log.pk))
    finally:
        beside.close()
        live_runner.close()
    assert positions == [35]


def test_a_paused_build_stands_still(log: Log) -> None:
    projection = totals()
    append(log, varied(10))
    settle(log, projection)
    checkpoints.pause(log.pk, "totals", live(log).build)
    append(log, varied(10))
    settle(log, projection)
    assert live(log).position == 10
    checkpoints.resume(log.pk, "totals", live(log).build)
    settle(log, projection)
    assert live(log).position == 20


def test_a_rebuild_keeps_the_policy_and_parks_anew(log: Log) -> None:
    projection = totals()
    append(log, varied(10))
    settle(log, projection)
    checkpoints.set_policy(log.pk, "totals", Policy.PARK)
    append(log, [poisoned("order-1"), *varied(10)])
    settle(log, projection)
    rebuilt(log, projection)
    assert (live(log).build, live(log).parked, live(log).policy) == (2, 1, "park")


def test_a_dry_run_says_what_would_change_and_changes_nothing(log: Log) -> None:
    old, new = totals(marker=1), totals(marker=2)
    append(log, varied(60))
    settle(log, old)
    before = states(log)
    trials = list(dry_run(log.pk, new))
    assert len(trials) == 5
    assert {(change.path, change.old, change.value) for trial in trials for change in trial.changes} == {
        ("/marker", 1, 2)
    }
    assert states(log) == before


def test_a_dry_run_goes_on_where_a_state_is_not_json(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    append(log, varied(60))
    settle(log, totals(marker=1))
    new = totals(marker=0.5)
    trials = list(dry_run(log.pk, new))
    assert len(trials) == 5
    assert {(trial.after, trial.failed_at) for trial in trials} == {(None, None)}
    assert all("/marker: a float" in str(trial.failure) for trial in trials)
    declare_only(monkeypatch, new)
    out = StringIO()
    call_command("rebuild_projection", "totals", "--log", log.name, "--dry-run", stdout=out)
    assert out.getvalue().count("has no state: /marker: a float has lost digits") == 5


def test_the_command_rebuilds(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = totals(marker=1), totals(marker=2)
    append(log, varied(30))
    settle(log, old)
    declare_only(monkeypatch, new)
    out = StringIO()
    call_command("rebuild_projection", "totals", "--log", log.name, "--dry-run", stdout=out)
    assert "replace /marker: 1 → 2" in out.getvalue()
    assert reader_view(log)[0] == {1}
    call_command("rebuild_projection", "totals", "--log", log.name, stdout=out)
    assert "Build 2 of totals in" in out.getvalue()
    assert states(log) == expected(log, new)


def test_the_command_rebuilds_all_whose_code_changed(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    append(log, varied(30))
    same, old, new = totals(name="same"), totals(marker=1), totals(marker=2)
    settle(log, same, old)
    declare_only(monkeypatch, same, new)
    out = StringIO()
    call_command("rebuild_projection", "--changed", "--log", log.name, stdout=out)
    assert out.getvalue() == f"Build 2 of totals in {log.name} is live, at event 30.\n"
    assert (live(log).state, live(log, "same").build) == ("live", 1)
    assert states(log) == expected(log, new)
    for wrong in ([], ["totals", "--changed"]):
        with pytest.raises(CommandError, match="Name a projection, or use --changed"):
            call_command("rebuild_projection", *wrong)


def test_the_command_says_where_a_rebuild_stops(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Projection("totals", about="For a test.", materialised=True)
    old.on("A")(lambda state, happened: {})
    append(log, [*varied(10), poisoned("order-1")])
    settle(log, old)
    declare_only(monkeypatch, totals(policy="stop"))
    with pytest.raises(CommandError, match="stopped at event 11: RuntimeError: poisoned"):
        call_command("rebuild_projection", "totals", "--log", log.name, stdout=StringIO())
