"""On real runs the database and the matcher agree, and each question about the runs is a query of one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from events.models import Log
from events.query.parse import parse
from events.reading import scan, store
from events.types import Event
from tests.support.agreement import disagreements
from tests.support.commands import import_events
from tests.support.factories import make_log

FORMATS = {
    "who-and-when": "who-and-when",
    "openhands": "openhands",
    "tau-bench": "tau-bench",
    "github-archive": "github-archive-pinot",
}
QUERIES = [
    "",
    "type:tool.*",
    "type:*message",
    "agent:WebSurfer OR agent:Orchestrator",
    "-agent:*",
    "category:tau",
    "category:who*",
    "-has:cause has:correlation",
    "correlation:tau-airline-47",
    "since:2021-07-21T07:00 until:2021-07-21T08:00",
    "until:2024-01-01",
    "since:2024-01-01 until:2026-01-01",
    "position:100..200 OR version:1",
    "data.ledger.is_request_satisfied.answer:true",
    "-data.ledger.is_request_satisfied.answer:true has:data.ledger",
    "data.reward:1",
    "data.reward:0.0",
    "data.reward<1",
    "data.name:*reservation*",
    "has:data.arguments.reservation_id",
    "data.info.task.actions.name:cancel_reservation",
    "data.info.task.actions[0].name:get_user_details",
    "data.payload.commits[*].author.name:*a*",
    "data.payload.size>1",
    "data.payload.size:1..3 -type:PushEvent",
    "data.id>100",
    'data.id>"1"',
    "data.timestamp<2024-09",
    "data.target:WebSurfer",
    "data.args.thought:*",
    "metadata.source.index:10..20",
    "metadata.source.format:tau-bench",
    '"Demon Slayer"',
    "traceback",
    '"\\"answer\\": true"',
    '"\\n\\n"',
    "é",
    "…",
    '-"the"',
    "cancel_reservation (agent:airline-agent OR agent:user-simulator) -type:tool.returned",
]


@pytest.fixture(scope="module")
def real(
    shared_data: Path, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[Log, list[Event]]]:
    """A log with all real runs, and its events."""
    with django_db_blocker.unblock():
        log = make_log()
        for format, folder in FORMATS.items():
            import_events(log, shared_data / folder, format=format)
        yield log, store.events(log.pk, limit=100_000).fetch()


@pytest.mark.parametrize("query", QUERIES)
def test_the_database_and_the_matcher_agree(database: None, real: tuple[Log, list[Event]], query: str) -> None:
    log, events = real
    assert len(events) > 5_000
    assert not disagreements(log, [parse(query)], events)


def ask(log: Log, query: str) -> list[Event]:
    return list(scan.search_events(log.pk, parse(query), limit=100, budget=60).fetch().events)


def test_which_trials_of_task_47_cancelled_a_reservation(database: None, real: tuple[Log, list[Event]]) -> None:
    events = ask(real[0], "correlation:tau-airline-47 type:tool.called data.name:cancel_reservation")
    assert [event.stream for event in events] == ["tau-airline-47-3", "tau-airline-47-2", "tau-airline-47-0"]


def test_what_websurfer_said_before_the_ledger_was_satisfied(database: None, real: tuple[Log, list[Event]]) -> None:
    question = "stream:whowhen-hc-12 (agent:WebSurfer OR data.ledger.is_request_satisfied.answer:true)"
    satisfied, *others = ask(real[0], question)
    assert satisfied.agent == "Orchestrator"
    assert [event.version for event in others] == [13, 9, 5]
    assert {event.agent for event in others} == {"WebSurfer"}
