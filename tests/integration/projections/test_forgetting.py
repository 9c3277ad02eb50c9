"""The content of a redacted event is forgotten: by every table of projections, and by every reader at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from events.models import Log, Member
from events.reading.db_work import run
from events.redaction import redact
from projections.definition.projection import Projection
from projections.jobs import dry_run, queue
from projections.jobs.queue import Beat
from projections.materialise import checkpoints
from projections.materialise.runner import Part
from projections.models import Job, JobStatus
from projections.states import current, snapshots
from projections.states.at_moment import state_at
from projections.states.fold import Pace
from projections.states.moment import Moment
from tests.support.factories import make_name
from tests.support.failing import failing
from tests.support.running import append, declare_only, settle

SECRET = "4000-secret"


MERGING = Projection("merging", about="For a test.", initial={}, materialised=True)
MERGING.on("*")(lambda state, event: {**state, **(event.data or {})})
PROJECTIONS = (failing("stop", key="card"), failing("park", key="card"), MERGING)


def charged(stream: str, **data: Any) -> tuple[str, dict[str, Any]]:
    return stream, {"type": "Charged", "data": json.dumps({"card": SECRET, **data}).encode()}


@pytest.fixture
def kinds_of_jobs(log: Log, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Copies of a secret in each table that can hold one. The events with the secret are those from 1 to 131."""
    declare_only(monkeypatch, *PROJECTIONS)
    kind = make_name("kind")
    for name, work in ((kind, _raise_secret), (f"{kind}-2", lambda job, beat: {"text": SECRET})):
        monkeypatch.setitem(queue._kinds, name, work)
    append(log, [charged("order-1", n=n) for n in range(130)])
    append(log, [charged("order-1", is_bad=True)])
    append(log, [("order-1", {"type": "Charged", "data": b'{"card": "c-2"}'})])
    settle(log, *PROJECTIONS)
    run(state_at(log.pk, MERGING, "order-1", at=Moment(position=131), pace=Pace(max_events=None)))
    for each in (kind, f"{kind}-2"):
        _do_job(log, each)
    return [kind, f"{kind}-2"]


def _raise_secret(job: Job, beat: Beat) -> None:
    raise ValueError(SECRET)


def _do_job(log: Log, kind: str) -> Job:
    expected = run(queue.ensure_job(log.pk, kind, "k", arguments={}, asker=log.name))
    job = queue.claim([kind])
    assert job
    assert job.id == expected.id
    queue.do(job)
    return Job.objects.get(pk=job.pk)


def redact_all(log: Log) -> None:
    for position in range(1, 132):
        redact(log.pk, position, reason="a card number", by="admin")


def tables_with_secret(log: Log) -> set[str]:
    tables = set()
    with connection.cursor() as cursor:
        for model in apps.get_app_config("projections").get_models():
            table = model._meta.db_table
            query = f"select exists (select from {table} as t where log_id = %s and to_jsonb(t)::text like %s)"
            cursor.execute(query, [log.pk, f"%{SECRET}%"])
            if cursor.fetchone() == (True,):
                tables.add(table)
    return tables


@pytest.mark.usefixtures("kinds_of_jobs")
def test_no_table_keeps_what_was_redacted(log: Log) -> None:
    assert tables_with_secret(log) == {"checkpoint", "job", "key_places", "parked", "projection_state", "snapshot"}
    redact_all(log)
    settle(log, *PROJECTIONS)
    settle(log, *PROJECTIONS, part=Part.BESIDE)
    snapshots.drop_stale()
    queue.forget_old()
    assert tables_with_secret(log) == set()
    assert run(current.state(log.pk, MERGING, "order-1")).value == {"card": "c-2"}


@pytest.mark.usefixtures("kinds_of_jobs")
def test_states_are_forgotten_where_no_new_build_can_take_over(log: Log) -> None:
    append(log, [("order-3", {"type": "Other", "data": b"{}"})])
    redact_all(log)
    stopping = Projection("merging", about="For a test.", initial={}, materialised=True, policy="stop")
    stopping.on("Other")(lambda state, event: {**state, **event.data["missing"]})
    settle(log, stopping)
    settle(log, stopping, part=Part.BESIDE)
    [build] = checkpoints.sound(log.pk).filter(projection="merging")
    assert (build.status, build.is_live) == ("stopped", False)
    assert "projection_state" not in tables_with_secret(log), "and projections that nobody declares forget, too"


@pytest.mark.usefixtures("kinds_of_jobs")
def test_no_reader_is_given_what_was_redacted(log: Log, client: Client, member: Member, user: User) -> None:
    client.force_login(user)
    at = f"/logs/{log.name}/"
    paths = [
        f"projections/{each.name}/{part}"
        for each in PROJECTIONS
        for part in ("", "?format=md", "states", "?part=parked")
    ]
    paths += [f"projections/{each.name}/state?key={key}" for each in PROJECTIONS for key in ("c-2", SECRET[:4])]
    paths += ["projections/", "agents/", *(f"projections/{each.name}/rebuild" for each in PROJECTIONS)]
    paths += ["replay/stream/order-1/132?by=merging"]
    before = [path for path in paths if SECRET in client.get(at + path).content.decode()]
    assert len(before) >= 6
    redact_all(log)
    assert [path for path in paths if SECRET in client.get(at + path).content.decode()] == []
    assert checkpoints.progress(log) == []
    assert list(dry_run.dry_run(log.pk, MERGING)) == []


def test_jobs_that_have_ended_are_not_shown_after_a_redaction(log: Log, kinds_of_jobs: list[str]) -> None:
    append(log, [("order-2", {"type": "Other", "data": b"{}"})])
    jobs = queue.jobs_of_log(log.pk, limit=10).fetch()
    assert {SECRET in str(job.result) + job.error for job in jobs} == {True}
    redact(log.pk, 1, reason="a card number", by="admin")
    assert queue.jobs_of_log(log.pk, limit=10).fetch() == []
    assert queue.job_by_id(log.pk, jobs[0].id).first() is None
    redone = _do_job(log, kinds_of_jobs[1])
    assert queue.job_by_id(log.pk, redone.id).first(), "what began after the redaction is shown"


def test_a_job_is_done_again_where_an_event_was_redacted_meanwhile(
    log: Log, kinds_of_jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, runs = make_name("kind"), []

    def work(job: Job, beat: Beat) -> dict[str, Any]:
        runs.append(job.id)
        if len(runs) == 1:
            redact(log.pk, 1, reason="a card number", by="admin")
        return {"run": len(runs)}

    monkeypatch.setitem(queue._kinds, kind, work)
    job = _do_job(log, kind)
    assert (job.status, job.result, job.attempt) == (JobStatus.QUEUED, None, 0)
    again = queue.claim([kind])
    assert again
    queue.do(again)
    job.refresh_from_db()
    assert (job.status, job.result, runs) == (JobStatus.DONE, {"run": 2}, [job.id, job.id])


def test_the_servers_log_does_not_say_what_a_job_failed_of(
    log: Log, kinds_of_jobs: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    assert SECRET in _do_job(log, kinds_of_jobs[0]).error
    assert "failed: ValueError" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.usefixtures("kinds_of_jobs")
def test_a_replays_page_is_sent_whole_where_a_row_was_redacted(
    log: Log, client: Client, member: Any, user: Any
) -> None:
    client.force_login(user)
    url = f"/logs/{log.name}/replay/stream/order-1/131?by=merging"
    page = client.get(url).content.decode()
    window = page.partition('data-window="')[2].partition('"')[0]
    assert window
    page_without_rows = client.get(url, headers={"HX-Request": "true", "X-Window": window}).content.decode()
    assert '<div id="steps"></div>' in page_without_rows
    redact(log.pk, 130, reason="a card number", by="admin")
    anew = client.get(url, headers={"HX-Request": "true", "X-Window": window}).content.decode()
    assert '<div id="steps"></div>' not in anew


@pytest.mark.usefixtures("kinds_of_jobs")
def test_a_job_that_is_cancelled_while_it_waits_is_shown_as_cancelled(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    redact(log.pk, 1, reason="a card number", by="admin")
    kind = make_name("kind")
    monkeypatch.setitem(queue._kinds, kind, _raise_secret)
    job = run(queue.ensure_job(log.pk, kind, "k", arguments={}, asker=log.name))
    queue.cancel(log.pk, job.id)
    waiting_job = queue.job_by_id(log.pk, job.id).first()
    assert waiting_job
    assert waiting_job.status == JobStatus.CANCELLED


@pytest.mark.usefixtures("kinds_of_jobs")
def test_states_are_forgotten_although_a_newer_build_began_after_the_redaction(log: Log) -> None:
    redact_all(log)
    checkpoints.rebuild(log.pk, MERGING)
    settle(log, *PROJECTIONS)
    live = checkpoints.live(log.pk, MERGING.name)
    assert not live.exists(), "the build that holds it is retired at once, and the newer one is not ready"
    settle(log, *PROJECTIONS, part=Part.BESIDE)
    assert "projection_state" not in tables_with_secret(log)
    assert live.filter(key="order-1").exists()


@pytest.mark.usefixtures("kinds_of_jobs")
def test_states_are_not_read_by_anybody_before_the_runner_has_retired_them(log: Log) -> None:
    live = checkpoints.live(log.pk, MERGING.name)
    assert live.exists()
    redact_all(log)
    assert not live.exists()
