"""Two processes on one log, each with writers and tails of its own."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count

from events.models import Event, Log
from events.reading import store
from tests.support.agent_processes import hear, say_go, start_agents
from tests.support.invariants import assert_whole
from tests.support.log_agents import ORDER, digest

pytestmark = pytest.mark.processes


def in_two_processes(task: str, log: Log, count: int) -> list[Any]:
    """The results of the two processes."""
    processes = [start_agents(task, log, name, count) for name in ("ada", "bob")]
    assert [hear(process) for process in processes] == ["ready"] * 2
    for process in processes:
        say_go(process)
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


def test_only_one_holds_a_resource_although_claims_go_to_many_streams(log: Log) -> None:
    """No version of a stream can say this, only the conditions of the claims."""
    count = 120
    answers = in_two_processes("claim", log, count)
    events = store.events(log.pk, limit=10_000).fetch()
    assert_whole(events)
    assert len(events) == 2 * 2 * count
    assert min(answer["refused"] for answer in answers) > 0
    assert len({event.stream for event in events}) == sum(answer["agents"] for answer in answers)
    by_resource = sorted(events, key=lambda event: (str(event.correlation_id), event.position))
    for _, of_resource in groupby(by_resource, key=lambda event: event.correlation_id):
        steps = [(event.type, event.stream) for event in of_resource]
        assert {step for step, _ in steps[::2]} == {"Claimed"}
        assert [("Released", holder) for _, holder in steps[::2]] == steps[1::2], "and whoever has it releases it"
