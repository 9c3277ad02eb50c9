"""System events change no state of an agent, of a workflow, or of a count, unless a projection asks for them."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from events.lists import reads as lists
from events.models import Log
from events.reading.db_work import run
from events.redaction import redact
from projections import registry
from projections.definition.projection import AGENT, LOG, STREAM, WORKFLOW, Projection, pointer
from projections.materialise.runner import Part
from projections.models import Snapshot
from projections.replay.window import window_at
from projections.states import current
from projections.states.at_moment import State
from projections.states.fold import Fold
from projections.states.moment import Moment
from projections.states.sources.indexed import WorkflowSource
from tests.support.running import append, expected, settle, states, totals, varied

CATALOGUE = [registry.PROJECTIONS[name] for name in ("agents", "counts", "lifecycle")]
WORK = {"agent": "router", "correlation_id": "w"}


def texts(log: Log, projection: Projection) -> dict[str, str]:
    return {key: text for key, (text, _, _) in states(log, projection.name).items()}


def append_work(log: Log) -> None:
    events: list[dict[str, Any]] = [
        {"type": "order.placed", "data": b'{"card": "4000"}'},
        {"type": "work.started", "data": b"{}"},
    ]
    append(log, [("order-1", {**event, **WORK}) for event in events])


def test_a_redaction_counts_as_no_work_and_adds_no_agent(log: Log) -> None:
    append_work(log)
    settle(log, *CATALOGUE)
    before = [texts(log, projection) for projection in CATALOGUE]

    redact(log.pk, 1, reason="a card", by="ada")
    settle(log, *CATALOGUE)
    settle(log, *CATALOGUE, part=Part.BESIDE)  # the builds from before are replaced, as they may hold the content

    assert [texts(log, projection) for projection in CATALOGUE] == before
    assert list(before[0]) == ["router"]
    assert json.loads(before[1]["all"])["events"] == 2


def test_states_that_are_folded_on_demand_leave_system_events_out_as_the_runner_does(log: Log) -> None:
    append_work(log)
    redact(log.pk, 1, reason="a card", by="router")
    settle(log, *CATALOGUE)
    for projection, key in zip(CATALOGUE, ("router", "all", "w"), strict=True):
        now: State = run(current.state(log.pk, projection, key))
        folded: State = run(current.state(log.pk, projection, key, at=Moment(position=3)))
        assert (now.text, now.events, now.position) == (folded.text, folded.events, folded.position)
        assert now.position == 2


def test_the_runner_folds_the_system_events_that_a_projection_admits_and_no_others(log: Log) -> None:
    keys = (STREAM, WORKFLOW, AGENT, LOG, pointer("/customer"))
    projections = [totals(name=f"totals-{n}", key=key) for n, key in enumerate(keys)]
    projections.append(totals(name="of-system", key=LOG, query="system:true"))
    events = varied(200)
    append(log, [(f"eventsite-{stream}" if n % 3 else stream, event) for n, (stream, event) in enumerate(events)])
    settle(log, *projections)
    for projection in projections:
        assert states(log, projection.name) == expected(log, projection)
        assert states(log, projection.name)


def test_the_replay_of_a_workflow_has_the_events_that_its_list_counts(log: Log) -> None:
    append_work(log)
    redact(log.pk, 1, reason="a card", by="ada")
    append(log, [("order-1", {"type": "work.finished", "data": b"{}", **WORK})])
    workflow = lists.workflow(log.pk, "w").first()
    assert workflow
    fold = Fold(log.pk, registry.PROJECTIONS["latest"], WorkflowSource("w"), 4)
    for place in (0, 3, 4):
        assert [(step.n, step.place) for step in run(window_at(fold, place=place)).steps] == [(1, 1), (2, 2), (3, 4)]
    assert (workflow.events, workflow.last_position) == (3, 4)


@pytest.mark.parametrize(("is_redacted", "kinds"), [(True, ["stream"]), (False, ["agent", "stream", "workflow"])])
def test_the_migration_drops_the_snapshots_that_may_have_counted_system_events(
    log: Log, is_redacted: bool, kinds: list[str]
) -> None:
    append_work(log)
    if is_redacted:
        redact(log.pk, 1, reason="a card", by="ada")
    numbers = dict.fromkeys(("n", "place", "events", "position", "version", "event_size", "kept_size", "seen"), 2)
    for kind in ("stream", "workflow", "agent"):
        names = {"projection": "latest", "kind": kind, "source": "w", "fingerprint": "f", "state": "{}"}
        Snapshot.objects.create(log=log, is_asked=False, **names, **numbers)
    import_module("projections.migrations.0010_system_events").drop_snapshots(apps, None)
    assert sorted(Snapshot.objects.filter(log=log).values_list("kind", flat=True)) == kinds
