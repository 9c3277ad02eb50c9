"""The projection with which a replay begins: the first events of its source tell what kind of source it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from projections.catalog.agent_run import agent_run
from projections.replay.default import is_agent_run
from tests.support.agent_runs import order_run
from tests.support.histories import FOLDERS, imported_events


def begins_run(*types: str, stream: str = "run-1") -> bool:
    return is_agent_run([(type, stream) for type in types])


@pytest.mark.parametrize("type", sorted(agent_run.handlers.keys() - {"span.failed", "state.snapshot", "state.patched"}))
def test_the_first_event_of_a_run_of_agents_is_enough(type: str) -> None:
    assert begins_run(type)


def test_it_stays_a_run_of_agents_as_more_events_come() -> None:
    types = [event.type for event in order_run().history.events]
    assert all(begins_run(*types[:n]) for n in range(1, len(types)))
    assert begins_run("workflow.started", "GET /orders", "agent.started", "user.message", "model.replied")
    assert begins_run("workflow.started", *["span.ended"] * 5, "model.replied")
    assert begins_run("order.placed", "workflow.started", "agent.started", *["state.patched"] * 5)


@pytest.mark.parametrize(
    "types",
    [
        [],
        ["order.placed"],
        ["span.ended", "span.failed"],
        ["state.snapshot", "state.patched"],
        ["order.placed", "workflow.started", "payment.initiated"],
        ["system.message", "user.message", "tool.called", "tool.returned", "tool.called", "tool.returned"],
        ["task.delegated", "agent.message"],
    ],
)
def test_other_sources_are_no_runs_of_agents(types: list[str]) -> None:
    assert not begins_run(*types)


def test_the_process_of_an_agent_is_no_run() -> None:
    assert not begins_run("agent.started", stream="agent-router")
    assert not is_agent_run([("shift.opened", "shift-1"), ("agent.started", "agent-a"), ("agent.started", "agent-b")])


@pytest.mark.parametrize("format", FOLDERS)
def test_real_runs_of_other_kinds_keep_their_projection(shared_data: Path, format: str) -> None:
    heads: dict[tuple[str, str | None], list[tuple[str, str]]] = {}
    for event in imported_events(shared_data, format, FOLDERS[format]):
        for kind, name in (("stream", event.stream), ("workflow", event.correlation_id), ("agent", event.agent)):
            heads.setdefault((kind, name), []).append((event.type, event.stream))
    assert heads
    assert [name for name, head in heads.items() if is_agent_run(head[:10], is_whole=name[0] != "agent")] == []
