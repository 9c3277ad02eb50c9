"""Two processes on one log, each with writers and tails of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count

from events.models import Event, Log
from events.reading import store
from tests.support.invariants import assert_whole
from tests.support.log_agents import ORDER, digest
from tests.support.processes import die_with_parent
from tests.support.server import CHECKOUT, database_variables

pytestmark = pytest.mark.processes


def in_two_processes(task: str, log: Log, count: int) -> list[Any]:
    """The results of the two processes."""
    environment = {
        **os.environ,
        **database_variables(),
        "DJANGO_SETTINGS_MODULE": "eventsite.settings",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.log_agents", task, str(log.pk), name, str(count)],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=die_with_parent(),
            text=True,
        )
        for name in ("ada", "bob")
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return [json.loads(answer) for answer in answers]


def test_every_tail_of_every_process_sees_the_whole_log(log: Log) -> None:
    count = 2_000
    answers = in_two_processes("write-and-follow", log, count)
    events = store.events(log.pk, limit=2 * count).fetch()
    assert_whole(events)
    assert sorted(pair for answer in answers for pair in answer["acknowledged"]) == [[e.position, e.id] for e in events]
    assert [answer["contiguous"] for answer in answers] == [[True, True]] * 2
    assert {each for answer in answers for each in answer["received"]} == {digest([[e.position, e.id] for e in events])}


def test_competing_agents_believe_together_what_the_log_holds(log: Log) -> None:
    """Both processes work on each of 10,000 orders at once; no event is lost or written twice, no order is too long."""
    count = 10_000
    answers = in_two_processes("compete", log, count)
    events = Event.objects.filter(log=log)
    with connection.cursor() as cursor:
        cursor.execute("select agent, count(*), sum(data::text::int) from event where log_id = %s group by 1", [log.pk])
        sums = {agent: {"events": number, "amount": amount} for agent, number, amount in cursor.fetchall()}
    conflicts = [answer.pop("conflicts") for answer in answers]
    assert [sums[name] for name in ("ada", "bob")] == answers
    assert min(conflicts) > 0
    log.refresh_from_db()
    assert log.head == events.count() == count * ORDER
    orders = events.values("stream").annotate(events=Count("position"), versions=Count("version", distinct=True))
    assert set(orders.values_list("events", "versions").distinct()) == {(ORDER, ORDER)}
    assert orders.count() == count
