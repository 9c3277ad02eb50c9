"""The smaller built-in projections, and the rules that all projections must keep."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.catalog.agent_run import agent_run
from projections.catalog.agent_state import agent_state
from projections.catalog.agents import agents
from projections.catalog.collisions import collisions
from projections.catalog.counts import counts
from projections.catalog.latest import latest
from projections.catalog.lifecycle import lifecycle
from projections.catalog.orders import orders
from projections.catalog.run import run
from projections.catalog.transcript import transcript
from projections.definition.projection import Projection, decode
from projections.testing import assert_pure
from projections.values.change import Json
from projections.values.exact_json import dumps
from tests.support.histories import FOLDERS, START, History, by_key, folded, imported_events
from tests.support.json_values import VALUES

CATALOG = (latest, collisions, lifecycle, run, agent_run, agent_state, transcript, orders, counts, agents)
TYPES = [type.replace("*", "x") for type in orders.handlers] + ["order.placed", "payment.failed", "notification.sent"]
NAMES = st.sampled_from(["order", "status", "stops", "reason", "attempt", "van", "channel"])


def test_counts_are_kept_in_all_and_by_type_agent_and_stream() -> None:
    history = History()
    history.say("A", agent="x", stream="s")
    history.say("A", agent="y", stream="t")
    history.say("B", stream="t")
    states = by_key(counts, history.events)
    assert {key: state["events"] for key, state in states.items()} == {
        "all": 3, "type:A": 2, "agent:x": 1, "stream:s": 1, "agent:y": 1, "stream:t": 2, "type:B": 1,
    }  # fmt: skip
    assert (states["stream:t"]["types"], states["stream:t"]["agents"]) == ({"A": 1, "B": 1}, {"y": 1})
    assert (states["all"]["first"]["position"], states["all"]["last"]["position"]) == (1, 3)


def test_counts_tell_a_hundred_names_apart_and_count_the_rest_together() -> None:
    history = History()
    for n in range(250):
        history.say(f"type {n % 125}", agent=f"agent {n}")
    state = by_key(counts, history.events)["all"]
    assert (len(state["types"]), state["other_types"]) == (100, 50)
    assert (len(state["agents"]), state["other_agents"]) == (100, 150)


def test_an_agents_state_says_what_it_did_last_and_how_busy_it_is() -> None:
    history = History()
    for minute in (0, 0, 10, 24, 5):
        at = START + timedelta(minutes=minute)
        history.say("job.failed", agent="a", correlation_id=f"w{minute}", occurred_at=at)
    history.say("noted", agent="a", occurred_at=START)
    state = by_key(agents, history.events)["a"]
    assert (state["events"], state["last_15_minutes"]) == (6, 2)
    assert list(state["minutes"]) == ["2026-01-01T00:10+00:00", "2026-01-01T00:24+00:00"]
    assert (state["last"]["type"], state["last_seen"]) == ("noted", "2026-01-01T00:24:00+00:00")
    assert (state["workflow"], list(state["workflows"])) == ("w5", ["w0", "w10", "w24", "w5"])
    assert (state["failures"], state["last_failure"]["position"]) == (5, 5)


def test_a_transcript_holds_what_was_said_in_order() -> None:
    history = History()
    history.say("task.delegated", {"content": "Look it up.", "target": "b"}, agent="a")
    history.say("tool.called", {"name": "look", "arguments": {"id": 1, "deep": True}}, agent="b")
    history.say("noted", {"n": 1}, agent="c")
    history.say("message", "x" * 5_000, agent="b")
    state = history.folded(transcript)
    messages = [(each["id"], each["speaker"], each["to"], each["text"]) for each in state["said"]["1"]]
    assert messages[:2] == [("1", "a", "b", "Look it up."), ("2", "b", None, "look(id=1, deep=true)")]
    assert messages[2][3].endswith(" … 3,000 more characters")
    assert (state["messages"], state["speakers"]) == (3, {"a": 1, "b": 2})


def test_a_message_more_copies_a_hundred_messages_at_most() -> None:
    history = History()
    for n in range(250):
        history.say("message", str(n), agent="a")
    before = folded(transcript, history.events[:-1])
    after: Any = transcript.reduce(before, decode(history.events[-1]))
    assert {start: len(chunk) for start, chunk in after["said"].items()} == {"1": 100, "101": 100, "201": 50}
    assert [after["said"][start] is before["said"][start] for start in after["said"]] == [True, True, False]


def test_an_order_knows_its_list_its_van_and_its_troubles() -> None:
    history = History()
    say = history.say
    say(
        "order.placed",
        {"status": "placed", "customer": "Ailsa", "total": 12},
        stream="order-1",
        correlation_id="order-1",
    )
    say("assignment.extended", {"stops": ["x", "order-1"]}, stream="assignment-1", correlation_id="order-1")
    say("payment.initiated", {"status": "pending", "attempt": 1}, stream="payment-1", correlation_id="order-1")
    say("payment.failed", {"status": "failed", "reason": "no answer"}, stream="payment-1", correlation_id="order-1")
    say("van.departed", {"stops": ["order-1"], "van": "van-3"}, stream="assignment-1", correlation_id="shift-1")
    [(key, state)] = by_key(orders, history.events).items()
    assert (key, state["status"], state["customer"], state["payment"]["attempts"]) == ("order-1", "placed", "Ailsa", 1)
    assert state["listed"] == {"in": "assignment-1", "stop": 2, "of": 2, "position": 2}
    assert state["on_board"] == {"van": "van-3", "stop": 1, "position": 5}
    assert [(each["type"], each["why"]) for each in state["problems"]] == [("payment.failed", "no answer")]


@given(st.lists(st.tuples(st.sampled_from(TYPES), VALUES | st.dictionaries(NAMES, VALUES)), max_size=8))
def test_orders_take_whatever_comes(said: list[tuple[str, Json]]) -> None:
    history = History()
    for type, data in said:
        history.say(type, data, stream="order-1", correlation_id="order-1")
    assert_pure(orders, history.events)
    by_key(orders, history.events)


@pytest.mark.parametrize("projection", CATALOG, ids=lambda projection: projection.name)
@given(
    said=st.lists(
        st.tuples(
            st.sampled_from(["job.started", "job.done", "agent.message", "x"]), VALUES, st.sampled_from(["a", None])
        ),
        max_size=8,
    )
)
def test_every_one_folds_as_a_projection_must(projection: Projection, said: list[tuple[str, Json, str | None]]) -> None:
    history = History()
    for type, data, agent in said:
        history.say(type, data, agent=agent, correlation_id="w")
    assert_pure(projection, history.events)


@pytest.mark.parametrize("format", FOLDERS)
def test_every_real_event_is_taken_by_every_one(shared_data: Path, format: str) -> None:
    events = imported_events(shared_data, format, FOLDERS[format])
    for projection in CATALOG:
        states = by_key(projection, events)
        assert states or projection in (orders, agent_run, agent_state)
        size = max((len(dumps(state)) for state in states.values()), default=0)
        assert size < 400_000, f"{projection.name} has a state of {size:,} characters"


def test_real_logs_show_no_update_that_is_proven_lost(shared_data: Path) -> None:
    """The agents don't say how far they had read, so nothing speaks for a collision or against it."""
    states = [
        state
        for format, folder in FOLDERS.items()
        for state in by_key(collisions, imported_events(shared_data, format, folder)).values()
    ]
    assert sum(state["lost"] for state in states) == 0
    assert sum(state["possible"] for state in states) == 0
    assert sum(state["unjudged"] for state in states) > 0


def test_pull_requests_have_a_life_cycle(shared_data: Path) -> None:
    states = by_key(lifecycle, imported_events(shared_data, "github-archive", "github-archive-pinot"))
    assert sum(state["ended"].get("Completed", 0) for state in states.values()) == 39
    assert sum(state["illegal"] for state in states.values()) == 0


def test_runs_of_agents_are_over_or_say_what_is_not(shared_data: Path) -> None:
    """The runs of Who&When and tau-bench are judged, so they are over; two of OpenHands were cut short."""
    for format, unfinished in (("who-and-when", 0), ("tau-bench", 0), ("openhands", 2)):
        states = by_key(lifecycle, imported_events(shared_data, format, FOLDERS[format])).values()
        assert sum(bool(state["unfinished"]) for state in states) == unfinished, format
        assert {state["state"] for state in states if not state["unfinished"]} <= {"Completed", "Failed"}
        assert sum(state["illegal"] for state in states) == 0


def test_four_trials_of_one_task_are_told_apart(shared_data: Path) -> None:
    transcript_of_task = by_key(transcript, imported_events(shared_data, "tau-bench", "tau-bench"))["tau-airline-47"][
        "said"
    ]
    assert {each["stream"] for chunk in transcript_of_task.values() for each in chunk} == {
        f"tau-airline-47-{n}" for n in range(4)
    }
