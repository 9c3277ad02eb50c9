"""A secret of four digits, once redacted, can't be guessed from anything that the database keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from events import redaction
from events.models import Log
from events.reading.db_work import run
from events.types import Append
from projections import registry
from projections.definition.projection import Projection
from projections.jobs import queue
from projections.jobs.queue import Beat
from projections.materialise import batch
from projections.materialise.runner import Part
from projections.models import Job
from projections.states import fold_cursor, snapshots
from projections.states.at_moment import state_at
from projections.states.fold import Pace
from projections.states.moment import Moment
from tests.support import commands
from tests.support.commands import redact_event
from tests.support.factories import make_append, make_name
from tests.support.failing import failing
from tests.support.guesses import Guesser, dump
from tests.support.running import declare_only, settle

PIN = "4711"


MERGING = Projection("merging", about="For a test.", initial={}, materialised=True)
MERGING.on("*")(lambda state, event: {**state, **(event.data or {}), "more": event.event.metadata})


class Secret:
    """What was appended with a secret, in each way there is; `positions` are those of the events that hold it."""

    def __init__(self) -> None:
        self.name = make_name("pin")
        self.positions = [1, 2, 3, 5, 6, 7, 8, 9]

    def appends(self, pin: str = PIN) -> list[Append]:
        secret = f"{self.name}:{pin}"

        def charged(id: str, **data: Any) -> dict[str, Any]:
            data = {"pin": secret, **data}
            return {"id": id, "type": "Charged", "data": json.dumps(data).encode(), "correlation_id": "run-1"}

        plain = {"id": "plain", "type": "Charged", "data": b'{"pin": "none"}'}
        return [
            make_append("by-id", charged("by-id")),
            make_append("by-key", charged("by-key"), idempotency_key="k-1"),
            make_append("several", charged("several"), plain, charged("several-2"), idempotency_key="k-2"),
            make_append("tagged", charged("tagged") | {"tags": ["b", "a"]}),
            make_append("merged", {"id": "meta", "type": "Noted", "data": b"{}", "metadata": _pin_alone(secret)}),
            make_append("merged", {"id": "long", "type": "Noted", "data": _long(secret), "agent": "ada"}),
            make_append("by-id", charged("bad", is_bad=True)),
            make_append("by-id", {"id": "end", "type": "Ended", "data": b'{"pin": "none"}'}),
        ]


def _pin_alone(secret: str) -> bytes:
    return json.dumps({"pin": secret}).encode()


def _long(secret: str) -> bytes:
    """A value of which `collisions` keeps a hash."""
    return json.dumps({"note": f"{secret} {'x' * 2_100}"}).encode()


@pytest.fixture
def secret(log: Log, monkeypatch: pytest.MonkeyPatch) -> Secret:
    """A secret that reached every table that can hold content, and the planner's statistics."""
    secret = Secret()
    catalogue = [each for each in registry.PROJECTIONS.values() if each.materialised]
    declare_only(monkeypatch, failing("stop", key="pin"), failing("park", key="pin"), MERGING, *catalogue)
    # Two events are enough for a full row of places, and one for a snapshot.
    monkeypatch.setattr(batch, "PLACES_IN_A_ROW", 2)
    monkeypatch.setattr(fold_cursor, "SPACING_EVENTS", 1)
    commands.append(log, *secret.appends())
    settle(log, *registry.PROJECTIONS.values())
    run(state_at(log.pk, MERGING, "by-id", at=Moment(position=9), pace=Pace(max_events=None)))
    do_jobs(log, secret, monkeypatch)
    analyze()
    return secret


def do_jobs(log: Log, secret: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    def tell(job: Job, beat: Beat) -> dict[str, Any]:
        return {"text": f"{secret.name}:{PIN}"}

    def fail(job: Job, beat: Beat) -> dict[str, Any]:
        raise ValueError(f"{secret.name}:{PIN}")

    for work in (tell, fail):
        kind = make_name("kind")
        monkeypatch.setitem(queue._kinds, kind, work)
        run(queue.ensure_job(log.pk, kind, "k", arguments={}, asker=log.name))
        do_one(log, kind)


def do_one(log: Log, kind: str) -> None:
    job = queue.claim([kind])
    assert job
    assert job.log_id == log.pk
    queue.do(job)


def analyze() -> None:
    """Collect statistics, as autovacuum does."""
    with connection.cursor() as cursor:
        cursor.execute("analyze")


def redact_all(log: Log, secret: Secret) -> None:
    """Redact, and let the processes of a server do what they do from time to time."""
    *others, last = secret.positions
    for position in others:
        redaction.redact(log.pk, position, reason="a pin", by="ada")
    redact_event(log, last)
    settle(log, *registry.PROJECTIONS.values())
    settle(log, *registry.PROJECTIONS.values(), part=Part.BESIDE)
    snapshots.drop_stale()
    queue.forget_old()


TABLES = {"event", "append_key", "checkpoint", "job", "key_places", "parked", "projection_state", "snapshot"}
NAMES = {"asker", "fingerprint", "kind", "own_fingerprint", "policy", "projection", "status"}
"""Texts in the tables of projections that say nothing of events."""
SAMPLED_TEXTS = """
    select distinct s.attname
    from pg_stats s join pg_attribute a on a.attrelid = s.tablename::regclass and a.attname = s.attname
    where s.tablename = any(%s) and a.atttypid in ('text'::regtype, 'jsonb'::regtype)"""


def test_no_table_tells_a_right_guess_from_a_wrong_one(log: Log, secret: Secret) -> None:
    guesser = Guesser(secret.name, secret.appends)
    before = dump(log)
    assert {table: guesser.right_guesses(before[table]) for table in TABLES} == {table: {PIN} for table in TABLES}
    redact_all(log, secret)
    assert guesser.right_guesses("\n".join(dump(log).values())) == set()


@pytest.mark.usefixtures("secret")
def test_the_planner_samples_no_column_that_may_hold_what_events_say() -> None:
    """A sample stays where it is when its row is deleted."""
    tables = [model._meta.db_table for model in apps.get_app_config("projections").get_models()]
    with connection.cursor() as cursor:
        cursor.execute(SAMPLED_TEXTS, [tables])
        assert {name for (name,) in cursor.fetchall()} <= NAMES
