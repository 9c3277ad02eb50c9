"""What frameworks really send, mapped to events and folded by the projections that know such runs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from events.types import Event
from projections.catalog.agent_run import agent_run
from projections.catalog.lifecycle import lifecycle
from projections.catalog.open_agents import walk
from projections.catalog.run import run
from projections.definition.projection import decode
from projections.replay.default import is_agent_run
from projections.testing import assert_pure
from tests.support.histories import History, folded
from tests.support.mapped import mapped, records_in, spans_in
from tests.support.otlp import captures


@pytest.fixture(scope="module")
def runs(shared_data: Path) -> dict[str, list[Event]]:
    """The events of each captured run, by its name."""
    return {
        f"{name} {number}": list(_events(each.events))
        for name, requests in captures(shared_data)
        for number, each in enumerate(mapped(spans_in(requests), records_in(requests)))
    }


def _events(mapped_events: Any) -> Iterator[Event]:
    history = History()
    for each in mapped_events:
        named = {name: getattr(each, name) for name in ("agent", "id", "causation_id", "correlation_id")}
        yield history.say(each.type, stream=each.stream, text=each.data.decode(), **named)


def test_a_replay_of_each_begins_with_agent_run_however_few_events_there_are(runs: dict[str, list[Event]]) -> None:
    heads = {name: [(event.type, event.stream) for event in events[:10]] for name, events in runs.items()}
    assert len(heads) >= 12
    assert [name for name, head in heads.items() for n in range(1, len(head)) if not is_agent_run(head[:n])] == []


def test_at_the_end_of_each_nothing_is_open_or_pending(runs: dict[str, list[Event]]) -> None:
    for name, events in runs.items():
        state: Any = assert_pure(agent_run, events)
        pending = [key for key, call in state["calls"].items() if call["outcome"] == "pending"]
        assert (state["status"], state["open_agents"], pending) == ("finished", {}, []), name
        assert state["tools"]["reserve_van"] == {"pending": 0, "returned": 1, "failed": 1, "retried": 1}, name
        assert all(call["by"] in state["agents"] for call in state["calls"].values()), name


def test_no_token_of_any_is_lost_or_counted_twice(runs: dict[str, list[Event]]) -> None:
    for name, events in runs.items():
        replies = [decode(event).data for event in events if event.type == "model.replied"]
        state: Any = folded(agent_run, events)
        for counted in (state["usage"], folded(run, events)["usage"] or {}):
            for kind in ("input_tokens", "output_tokens"):
                assert counted.get(kind, 0) == sum(reply.get(kind, 0) for reply in replies), name
        assert sum(each.get("replies", 0) for each in state["agents"].values()) == len(replies), name


def test_an_agent_that_an_agent_calls_stands_under_it(runs: dict[str, list[Event]]) -> None:
    paths = set()
    for name in ("openai-agents/openinference 0", "pydantic-ai/otel 0"):
        state: Any = agent_run.initial
        for event in runs[name]:
            state = agent_run.reduce(state, decode(event))
            paths |= {"/".join(path) for path, _ in walk(state["open_agents"])}
    assert paths == {"dispatcher", "router", "notifier", "router/weigher", "dispatcher/router", "dispatcher/notifier"}


def test_each_has_ended_and_nobody_is_accused_in_whatever_order_its_events_come(runs: dict[str, list[Event]]) -> None:
    for name, events in runs.items():
        state: Any = assert_pure(lifecycle, events)
        assert (state["state"], state["unfinished"], state["illegal"]) == ("Completed", {}, 0), name
        assert set(state["agents"].values()) == {"Completed"}, name
        for seed in range(5):
            shuffled = random.Random(seed).sample(events, len(events))
            assert folded(lifecycle, shuffled)["illegal"] == 0, name


def test_run_knows_the_question_and_the_answer_if_the_content_was_sent(runs: dict[str, list[Event]]) -> None:
    known = {name: folded(run, events) for name, events in runs.items()}
    assert sum(state["question"] is not None for state in known.values()) >= 10
    for name, state in known.items():
        assert (state["phase"] == "finished") is (state["workflow"] is not None), name
        assert (state["answer"] is None) is (state["question"] is None), name
        assert state["failed_calls"] == 1, name
