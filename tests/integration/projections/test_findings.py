"""A finding of the catalogue is shown at the event at which its fault happened."""

from __future__ import annotations

import json

import pytest

from events.appending.checks import new_append
from events.models import Log
from events.reading.db_work import run
from events.types import Append
from projections.catalog.collisions import collisions
from projections.models import Snapshot
from projections.replay.findings import Finding, findings
from projections.states.fold import Pace
from projections.states.sources.base import Source
from projections.states.sources.indexed import AgentSource, LogSource, StreamSource, WorkflowSource
from projections.states.sources.query import QuerySource
from tests.support.commands import append
from tests.support.factories import make_event
from tests.support.running import settle


def newest_findings(log: Log, source: Source) -> list[Finding]:
    log.refresh_from_db()
    events = [each for each in source.read(log.pk, after=0, upto=log.head, limit=100).fetch() if source.has(each)]
    return list(run(findings(log.pk, source, events=events, head=log.head)).newest)


def append_of_stops(agent: str, stops: int, workflow: str, *, read: int) -> Append:
    event = make_event("list-1", agent=agent, data=b'{"stops": %d}' % stops, correlation_id=workflow)
    return new_append("list-1", [event], read_position=read)


def test_the_findings_of_the_runner_are_shown_if_a_fold_is_too_long(lost: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.replay.findings._PACE", Pace(chunk_events=1, max_events=1))
    settle(lost, collisions)
    lost.refresh_from_db()
    source = StreamSource("list-1")
    events = source.read(lost.pk, after=0, upto=lost.head, limit=100).fetch()
    result = run(findings(lost.pk, source, events=events, head=lost.head))
    assert [(each.position, each.place, each.title) for each in result.newest] == [(3, 3, "Lost update")]
    assert collisions in [projection for projection, _ in result.missing]
    assert result.awaited == "lost updates, events out of order"


def test_findings_that_are_only_counted_are_said_to_be_missing(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.catalog.collisions._FOUND", 2)
    append(log, *[append_of_stops("router" if n % 2 else "optimizer", n, "run", read=0) for n in range(6)])
    log.refresh_from_db()
    source = StreamSource("list-1")
    events = source.read(log.pk, after=0, upto=log.head, limit=100).fetch()
    result = run(findings(log.pk, source, events=events, head=log.head))
    assert [each.place for each in result.newest] == [5, 6]
    assert (result.unlisted, result.total) == (3, 5)


@pytest.mark.parametrize("source", [AgentSource("shipper"), QuerySource("type:*.shipped")])
def test_a_part_of_what_happened_is_not_taken_for_the_whole(log: Log, source: Source) -> None:
    types = (("shop", "order.placed"), ("shipper", "order.shipped"))
    append(log, *[new_append("order-1", [make_event("order-1", type=type, agent=agent)]) for agent, type in types])
    assert newest_findings(log, source) == []


def message(agent: str, text: str, *, stream: str = "run-1") -> Append:
    type = "user.message" if agent == "user" else "agent.message"
    data = json.dumps({"content": text}).encode()
    return new_append(stream, [make_event(stream, type=type, agent=agent, data=data, correlation_id="run")])


@pytest.fixture
def lost(log: Log) -> Log:
    """Three workflows write in one stream. The third overwrites what the second wrote, without having read it."""
    append(
        log,
        append_of_stops("router", 1, "one", read=0),
        append_of_stops("router", 2, "two", read=1),
        append_of_stops("optimizer", 3, "three", read=1),
    )
    return log


@pytest.mark.parametrize(
    ("workflow", "position", "words"), [("two", 2, "overwritten by optimizer (#3)"), ("three", 3, "by router (#2)")]
)
def test_a_workflow_shows_what_others_lost_by_it_and_it_by_others(
    lost: Log, workflow: str, position: int, words: str
) -> None:
    source = WorkflowSource(workflow)
    assert newest_findings(lost, source) == []
    settle(lost, collisions)
    [only] = newest_findings(lost, source)
    assert (only.position, only.place, only.title, only.is_sure) == (position, position, "Lost update", True)
    assert words in only.words
    assert only.link
    assert (only.link.by, only.link.pointer) == ("latest", "/stops")
    assert (only.link.stream, only.link.version) == ("list-1", 3)
    assert newest_findings(lost, WorkflowSource("one")) == []


@pytest.mark.parametrize(
    "source", [StreamSource("list-1"), LogSource(), AgentSource("optimizer"), QuerySource("type:*")]
)
def test_a_lost_update_is_found_once(lost: Log, source: Source) -> None:
    settle(lost, collisions)
    assert [each.position for each in newest_findings(lost, source)] == [3]


def films(*names: str) -> str:
    return "\n".join(["Films:", *(f"{n}. {name}" for n, name in enumerate(names, 1))])


@pytest.mark.parametrize("source", [StreamSource("run-1"), WorkflowSource("run")])
def test_a_list_that_changes_on_the_way_is_found_where_it_is_repeated(log: Log, source: Source) -> None:
    names = ("Anna", "Bert", "Carl", "Dora", "Emil")
    append(
        log,
        message("user", "Which are the first 5?"),
        message("surfer", films(*names, "Finn")),
        message("writer", films(*names[:4], "Finn")),
    )
    words = "Films by writer lacks Emil and has Finn (number 6 there), unlike surfer (#2)"
    [sure] = [each for each in newest_findings(log, source) if each.is_sure]
    assert (sure.position, sure.title, sure.words) == (3, "List changed on the way", words)
    assert sure.link
    assert (sure.link.by, sure.link.pointer, sure.link.stream) == ("run", "/lists/Films/items", None)
    append(log, message("writer", films(*names)))
    assert not any(each.is_sure for each in newest_findings(log, source))


def test_the_findings_of_a_window_are_kept_for_its_next_step(log: Log) -> None:
    append(log, *[append_of_stops("router", n, "one", read=n) for n in range(150)])
    first = newest_findings(log, StreamSource("list-1"))
    stored_states = Snapshot.objects.filter(log=log, projection=collisions.name, is_asked=True)
    assert [each.n for each in stored_states] == [100]  # the source was read up to here
    assert newest_findings(log, StreamSource("list-1")) == first
    assert stored_states.count() == 1
