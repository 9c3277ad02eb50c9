"""Events that came over OpenTelemetry although a rule of the log would have refused them are findings of a replay."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from events.appending.checks import new_append
from events.engine import Engine
from events.leases.demands import Demands, demand
from events.models import Log
from events.pauses.pausing import pause, resume
from events.pauses.target import Target
from events.reading import scan, store
from events.reading.db_work import run
from events.rules import read_no_rules
from projections.replay import against_rules as against_rules_module
from projections.replay.against_rules import AgainstRules, against_rules
from projections.replay.findings import Finding, findings
from projections.replay.views.template_functions import source_findings
from projections.states.sources.base import Source
from projections.states.sources.indexed import AgentSource, StreamSource, WorkflowSource
from tests.support.commands import redact_event
from tests.support.factories import make_event

ROUTER, WORKFLOW = Target("agent", "router"), Target("workflow", "order-1")
OVER_OTEL = b'{"otel": {"trace": "a", "span": "b"}}'


@pytest.fixture
def change(log: Log) -> Callable[[Callable[[Engine], Awaitable[object]]], datetime]:
    """Set a rule of the log; return the time of the event that records it."""

    def change(order: Callable[[Engine], Awaitable[object]]) -> datetime:
        async def set_rule() -> None:
            async with Engine() as engine:
                await order(engine)

        asyncio.run(set_rule())
        log.refresh_from_db()
        [event] = store.event(log.pk, log.head).fetch()
        return event.recorded_at

    return change


@pytest.fixture
def pauses(log: Log, change: Callable[..., datetime]) -> Callable[[Target], datetime]:
    return lambda target: change(lambda engine: pause(engine.writer, log.pk, target, reason="why", by="mara"))


@pytest.fixture
def resumes(log: Log, change: Callable[..., datetime]) -> Callable[[Target], datetime]:
    return lambda target: change(lambda engine: resume(engine.writer, log.pk, target, reason="why", by="mara"))


def tell(log: Log, *times: datetime, agent: str = "router", metadata: bytes = OVER_OTEL, stream: str = "run-1") -> None:
    """Append an event for each time, as the worker does that maps spans: no rule refuses it."""

    async def append() -> None:
        async with Engine(read_rules=read_no_rules) as engine:
            for time in times:
                event = make_event(
                    stream,
                    type="tool.called",
                    agent=agent,
                    metadata=metadata,
                    correlation_id="order-1",
                    occurred_at=time.isoformat(),
                )
                [outcome] = await engine.writer.append(log.pk, [new_append(stream, [event])])
                assert not isinstance(outcome, Exception)

    asyncio.run(append())


def found(log: Log, source: Source, *, upto: int | None = None) -> list[tuple[int, str, bool]]:
    """The position, the title and the certainty of each finding."""
    return [(each.position, each.title, each.is_sure) for each in found_in(log, source, upto=upto)]


def found_in(log: Log, source: Source, *, upto: int | None = None) -> Sequence[Finding]:
    log.refresh_from_db()
    events = source.read(log.pk, after=0, upto=upto or log.head, limit=100).fetch()
    events = [event for event in events if event.position <= (upto or log.head)]
    return run(findings(log.pk, source, events=events, head=log.head)).newest


@pytest.mark.parametrize("source", [StreamSource("run-1"), WorkflowSource("order-1"), AgentSource("router")])
@pytest.mark.parametrize("target", [ROUTER, WORKFLOW])
def test_what_a_paused_agent_or_workflow_did_is_a_finding_at_each_of_its_events(
    log: Log, pauses: Callable[[Target], datetime], target: Target, source: Source
) -> None:
    tell(log, datetime(2026, 1, 31, tzinfo=UTC))
    since = pauses(target)
    tell(log, since - timedelta(seconds=30), since + timedelta(minutes=1), since + timedelta(seconds=2))
    assert found(log, source) == [(4, "Worked while paused", True), (5, "Possibly worked while paused", False)]
    assert found(log, source, upto=4) == [(4, "Worked while paused", True)]
    [finding, _] = found_in(log, source)
    assert finding.words == f"the {target.kind} {target.name} was paused since #2"
    assert finding.place == source.place(store.event(log.pk, 4).fetch()[0])


def test_pages_have_a_row_for_all_that_was_done_in_a_pause_and_what_is_sure_comes_first(
    log: Log, pauses: Callable[[Target], datetime]
) -> None:
    since = pauses(ROUTER)
    tell(log, since + timedelta(seconds=2), *[since + timedelta(minutes=n) for n in range(1, 4)])
    for number in range(6):
        agent = f"agent-{number}"
        tell(log, pauses(Target("agent", agent)) + timedelta(seconds=2), agent=agent)
    log.refresh_from_db()
    events = WorkflowSource("order-1").read(log.pk, after=0, upto=log.head, limit=100).fetch()
    shown = source_findings(log, "workflow", "order-1", events)
    assert [(row.first.position, row.first.title, row.events) for row in shown.rows] == [
        (3, "Worked while paused", 4),
        *[(9 + 2 * number, "Possibly worked while paused", 1) for number in range(1, 5)],
    ]
    assert shown.left_out == 2


def test_after_a_pause_nothing_is_a_finding(
    log: Log, pauses: Callable[[Target], datetime], resumes: Callable[[Target], datetime]
) -> None:
    pauses(ROUTER)
    until = resumes(ROUTER)
    tell(log, until, until + timedelta(minutes=1))
    assert found(log, WorkflowSource("order-1")) == []


def test_only_what_came_over_opentelemetry_is_judged(log: Log, pauses: Callable[[Target], datetime]) -> None:
    later = pauses(ROUTER) + timedelta(minutes=1)
    tell(log, later, metadata=b"{}")
    tell(log, later, stream="order-1")
    tell(log, later, agent="shipper")
    assert found(log, WorkflowSource("order-1")) == []
    tell(log, later)
    assert found(log, WorkflowSource("order-1")) == [(5, "Worked while paused", True)]


def test_a_redacted_pause_of_an_agent_tells_nothing_more(log: Log, pauses: Callable[[Target], datetime]) -> None:
    pauses(ROUTER)
    tell(log, pauses(WORKFLOW) + timedelta(minutes=1))
    assert [each.words for each in found_in(log, StreamSource("run-1"))] == [
        "the agent router was paused since #1",
        "the workflow order-1 was paused since #2",
    ]
    redact_event(log, 1)
    redact_event(log, 2)
    assert [each.words for each in found_in(log, StreamSource("run-1"))] == ["the workflow order-1 was paused since #2"]


@pytest.mark.parametrize(
    ("demands", "is_found"),
    [
        (Demands(workflows=True), True),
        (Demands(streams=("run-",)), True),
        (Demands(types=("tool.called",)), True),
        (Demands(streams=("order-",), types=("tool.returned",)), False),
        (Demands(), False),
    ],
)
def test_what_needed_a_lease_is_a_finding(
    log: Log, change: Callable[..., datetime], demands: Demands, is_found: bool
) -> None:
    change(lambda engine: demand(engine.writer, log.pk, Demands(workflows=True), by="mara"))
    since = change(lambda engine: demand(engine.writer, log.pk, demands, by="mara"))
    tell(log, since + timedelta(minutes=1))
    assert found(log, StreamSource("run-1")) == ([(3, "Without a lease", True)] if is_found else [])


def test_a_stream_that_is_no_run_s_is_not_searched(log: Log, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert run(against_rules(log.pk, StreamSource("order-1"), last=1, head=1)) == AgainstRules()
    with django_assert_num_queries(2):
        assert run(against_rules(log.pk, StreamSource("run-1"), last=1, head=1)) == AgainstRules()


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("constant", ["_MOST_FOUND", "_BUDGET_SECONDS"])
def test_pages_say_from_which_event_on_the_rules_were_looked_at(
    log: Log,
    pauses: Callable[[Target], datetime],
    client: Client,
    user: User,
    monkeypatch: pytest.MonkeyPatch,
    constant: str,
) -> None:
    client.force_login(user)
    since = pauses(ROUTER)
    tell(log, *(since + timedelta(minutes=minute) for minute in range(1, 6)))
    pages = [f"/logs/{log.name}/streams/run-1/", f"/logs/{log.name}/replay/stream/run-1/5"]
    for page in pages:
        assert "the rules of the log" not in client.get(page).content.decode()
    monkeypatch.setattr(against_rules_module, constant, 2 if constant == "_MOST_FOUND" else -1.0)
    monkeypatch.setattr(scan, "_FIRST_PLACES", 2)
    for page in pages:
        text = client.get(page).content.decode()
        assert re.search(r"the rules of the log from #[45] on", text), text
